//! The twenty cases give what the standard asks for.

use super::support::now;
use lex::Level;
use lex::conformance::{CaseResult, CaseStatus, Outcome, Selected, Summary, cases, run, select};

#[test]
fn all_twenty_cases_are_there_in_three_levels() {
    let ids: Vec<_> = cases().iter().map(|case| case.id.clone()).collect();
    assert_eq!(ids, (1..=20).map(|number| format!("TC-{number:03}")).collect::<Vec<_>>());
    let counts = [Level::L1, Level::L2, Level::L3].map(|level| select(level, None).len());
    assert_eq!(counts, [5, 11, 20]);
}

#[test]
fn the_rules_meet_every_case_without_a_surplus_warning() {
    for case in cases() {
        let result = run(case, now());
        assert_eq!((result.status, result.errors), (CaseStatus::Pass, vec![]), "{} {}", case.id, case.title);
    }
}

#[test]
fn a_case_is_met_whenever_it_is_run() {
    for second in [0, 1_000_000_000, 4_000_000_000] {
        let now = chrono::DateTime::from_timestamp(second, 0).unwrap();
        assert!(cases().iter().all(|case| run(case, now).status == CaseStatus::Pass), "{now}");
    }
}

#[test]
fn an_engine_that_answers_otherwise_fails() {
    for case in cases() {
        let result = case.judge(&[]);
        assert_eq!(result.status, CaseStatus::Fail);
        assert!(!result.errors.is_empty());
    }
}

fn results(target: Level, include: Option<&[String]>) -> Vec<CaseResult> {
    let selected = select(target, include).into_iter();
    selected
        .map(|selected| match selected {
            Selected::Run(case) => run(case, now()),
            Selected::Skip(result) => result,
        })
        .collect()
}

#[test]
fn a_whole_run_passes_and_a_part_is_partial() {
    for target in [Level::L1, Level::L2, Level::L3] {
        let results = results(target, None);
        let summary = Summary::of(target, &results);
        assert_eq!((summary.outcome, summary.pass_count), (Outcome::Pass, results.len()));
    }
    let named = ["TC-001", "TC-001", "TC-020", "TC-999"].map(str::to_owned);
    let results = results(Level::L2, Some(&named));
    let statuses: Vec<_> = results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [CaseStatus::Pass, CaseStatus::Skip, CaseStatus::Skip]);
    assert!(results.iter().skip(1).all(|result| result.errors.len() == 1));
    assert_eq!(Summary::of(Level::L2, &results).outcome, Outcome::Partial);
}

#[test]
fn one_case_that_fails_fails_the_run_and_a_warning_does_not() {
    let mut results = results(Level::L1, None);
    results[0].status = CaseStatus::Warn;
    let summary = Summary::of(Level::L1, &results);
    assert_eq!((summary.outcome, summary.pass_count, summary.warn_count), (Outcome::Pass, 4, 1));
    results[1].status = CaseStatus::Fail;
    let summary = Summary::of(Level::L1, &results);
    assert_eq!((summary.outcome, summary.fail_count), (Outcome::Fail, 1));
}
