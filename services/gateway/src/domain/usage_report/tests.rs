//! Stretches and reports.

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    at("2026-11-22T10:20:30Z")
}

fn stretch(from: &str, to: &str, grouping: Grouping) -> Result<Stretch, Vec<Violation>> {
    let time = |text: &str| (!text.is_empty()).then(|| at(text));
    Stretch::new(Asked { from: time(from), to: time(to), grouping: Some(grouping) }, now(), 35)
}

fn range(from: &str, to: &str) -> Range<DateTime<Utc>> {
    at(from)..at(to)
}

fn is_nothing(range: &Range<DateTime<Utc>>) -> bool {
    range.start >= range.end
}

#[test]
fn by_default_it_is_the_thirty_days_until_now_by_the_day() {
    let stretch = Stretch::new(Asked::default(), now(), 35).unwrap();
    assert_eq!(stretch.grouping, Grouping::Day);
    assert_eq!(stretch.hours, range("2026-10-23T10:00:00Z", "2026-11-22T11:00:00Z"));
    let parts = stretch.parts();
    assert_eq!(parts.days, range("2026-10-24T00:00:00Z", "2026-11-22T00:00:00Z"));
    assert_eq!(
        parts.hours,
        [
            range("2026-10-23T10:00:00Z", "2026-10-24T00:00:00Z"),
            range("2026-11-22T00:00:00Z", "2026-11-22T11:00:00Z"),
        ]
    );
}

#[test]
fn whole_days_are_taken_as_days_and_parts_of_one_day_as_hours() {
    let parts = stretch("2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z", Grouping::Day).unwrap().parts();
    assert_eq!(parts.days, range("2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z"));
    assert!(parts.hours.iter().all(is_nothing));
    let parts = stretch("2026-11-03T09:30:00Z", "2026-11-03T11:00:01Z", Grouping::Day).unwrap().parts();
    assert!(is_nothing(&parts.days));
    assert_eq!(parts.hours[0], range("2026-11-03T09:00:00Z", "2026-11-03T12:00:00Z"));
    let parts = stretch("2026-11-03T09:30:00Z", "2026-11-04T11:00:00Z", Grouping::Day).unwrap().parts();
    assert!(is_nothing(&parts.days));
    assert_eq!(parts.hours[0], range("2026-11-03T09:00:00Z", "2026-11-04T00:00:00Z"));
    assert_eq!(parts.hours[1], range("2026-11-04T00:00:00Z", "2026-11-04T11:00:00Z"));
}

#[test]
fn days_whose_hours_are_kept_no_longer_are_taken_as_a_whole() {
    let parts = stretch("2026-08-01T15:00:00Z", "2026-08-03T01:00:00Z", Grouping::Day).unwrap().parts();
    assert_eq!(parts.days, range("2026-08-01T00:00:00Z", "2026-08-04T00:00:00Z"));
    assert!(parts.hours.iter().all(is_nothing));
    let parts = stretch("2026-08-01T15:00:00Z", "", Grouping::Day).unwrap().parts();
    assert_eq!(parts.days, range("2026-08-01T00:00:00Z", "2026-11-22T00:00:00Z"));
    assert_eq!(parts.hours[1], range("2026-11-22T00:00:00Z", "2026-11-22T11:00:00Z"));
}

#[test]
fn no_hour_is_in_two_parts_and_none_is_left_out() {
    let starts = ["2026-11-02T00:00:00Z", "2026-11-02T05:00:00Z", "2026-11-03T23:00:00Z"];
    let ends = ["2026-11-03T23:30:00Z", "2026-11-04T00:00:00Z", "2026-11-05T07:00:00Z", ""];
    for (from, to) in starts.into_iter().flat_map(|from| ends.map(|to| (from, to))) {
        let stretch = stretch(from, to, Grouping::Day).unwrap();
        let parts = stretch.parts();
        let mut covered = 0;
        let mut hour = stretch.hours.start;
        while hour < stretch.hours.end {
            let times = [&parts.days, &parts.hours[0], &parts.hours[1]];
            assert_eq!(
                times.into_iter().filter(|part| part.contains(&hour)).count(),
                1,
                "{from} {to} {hour}"
            );
            covered += 1;
            hour += TimeDelta::hours(1);
        }
        let length = |range: &Range<DateTime<Utc>>| (range.end - range.start).num_hours();
        let sum = length(&parts.days) + length(&parts.hours[0]) + length(&parts.hours[1]);
        assert_eq!(sum, covered, "{from} {to}");
    }
}

#[test]
fn what_cannot_be_reported_is_refused_with_the_parameter_to_change() {
    let problem = |from, to, grouping| {
        let problems = stretch(from, to, grouping).unwrap_err();
        problems
            .into_iter()
            .map(|problem| format!("{} {}", problem.path, problem.message))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        problem("2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z", Grouping::Day),
        ["dateTo must not lie before dateFrom"]
    );
    assert_eq!(problem("2026-11-23T00:00:00Z", "", Grouping::Day), ["dateFrom must not lie in the future"]);
    assert_eq!(
        problem("2025-01-01T00:00:00Z", "", Grouping::Day),
        ["dateFrom must not lie more than 400 days before dateTo when grouped by day"]
    );
    assert_eq!(
        problem("2026-10-20T00:00:00Z", "2026-11-22T00:00:00Z", Grouping::Hour),
        ["dateFrom must not lie more than 31 days before dateTo when grouped by hour"]
    );
    assert_eq!(
        problem("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z", Grouping::Hour),
        ["dateFrom figures by the hour are kept for 35 days, group by day"]
    );
    assert!(stretch("2024-01-01T00:00:00Z", "2024-01-31T23:59:59Z", Grouping::Day).is_ok());
}

#[test]
fn gaps_and_hours_to_come_are_told_apart() {
    let stretch = stretch("2026-11-22T08:10:00Z", "2026-11-23T00:00:00Z", Grouping::Hour).unwrap();
    let by_bucket = BTreeMap::from([(at("2026-11-22T09:00:00Z"), 3)]);
    let report = UsageReport::new(&stretch, Figures { by_bucket, ..Figures::default() });
    let expected = [("2026-11-22T08:00:00Z", 0), ("2026-11-22T09:00:00Z", 3), ("2026-11-22T10:00:00Z", 0)];
    assert_eq!(report.by_time, expected.map(|(time, count)| (at(time), count)));
}

#[test]
fn a_report_adds_up_and_sorts() {
    let stretch = Stretch::new(Asked::default(), now(), 35).unwrap();
    let sum = |requests, millis: u64| Sum { requests, latency_micros: millis * 1_000 };
    let figures = Figures {
        by_bucket: BTreeMap::new(),
        by_template: vec![
            ("/b".to_owned(), sum(2, 4)),
            ("/a".to_owned(), sum(2, 0)),
            ("/c".to_owned(), sum(9, 9)),
        ],
        by_status: vec![
            (200, sum(6, 9)),
            (302, sum(1, 0)),
            (404, sum(2, 0)),
            (400, sum(2, 0)),
            (500, sum(4, 3)),
        ],
    };
    let report = UsageReport::new(&stretch, figures);
    assert_eq!((report.total.requests, report.successful), (15, 7));
    let templates: Vec<_> = report.by_template.iter().map(|(template, _)| template.as_str()).collect();
    assert_eq!(templates, ["/c", "/a", "/b"]);
    assert_eq!(report.top_errors, [(500, 4), (400, 2), (404, 2)]);
    assert_eq!([sum(0, 0), sum(2, 3), sum(4, 5), sum(4, 1)].map(Sum::average_millis), [0, 2, 1, 1]);
}
