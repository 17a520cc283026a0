//! The twenty conformance cases as data of our own, the levels that they make up, and the judge of what an engine
//! answered to them (LEX reference §15).

use crate::acknowledgment;
use crate::verdict::{Issue, Severity};
use crate::{Context, Level, Message, Verdict, check};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../proto/lex/cases.json")).unwrap_or_default());

/// A case: messages to be submitted one after the other, and what has to be answered to each.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    pub title: String,
    level: u8,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// `None`: the message of the step before, once more.
    message: Option<Value>,
    expected: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    valid: bool,
    acknowledgment: String,
    #[serde(default)]
    idempotent: bool,
    #[serde(default)]
    dead_letter: bool,
    #[serde(default)]
    issues: Vec<ExpectedIssue>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedIssue {
    level: Severity,
    code: String,
    field: String,
}

/// What an engine answered to a submission.
#[derive(Clone, Debug)]
pub struct Answer {
    pub verdict: Verdict,
    pub acknowledgment: Option<acknowledgment::Status>,
    /// Whether it said that it had the message already.
    pub idempotent: bool,
    /// Whether it set the message aside.
    pub dead_letter: bool,
}

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseStatus {
    Pass,
    Fail,
    /// As expected, and a warning that was not.
    Warn,
    Skip,
}

impl CaseStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Warn => "WARN",
            Self::Skip => "SKIP",
        }
    }
}

/// The line of a case in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    pub id: String,
    pub status: CaseStatus,
    /// What was not as expected, or why the case was not run.
    pub errors: Vec<String>,
}

/// All cases, in their order.
pub fn cases() -> &'static [Case] {
    &CASES
}

impl Case {
    /// The level that it belongs to and is run at.
    pub fn level(&self) -> Level {
        Level::from_number(u64::from(self.level)).unwrap_or(Level::L3)
    }

    /// What is to be submitted, in this order, with its times counted from `now`.
    pub fn submissions(&self, now: DateTime<Utc>) -> Vec<Message> {
        let mut submissions: Vec<Message> = Vec::new();
        for step in &self.steps {
            let message = step.message.clone().map(|mut document| {
                set_times(&mut document, now);
                Message::new(document)
            });
            let next = message.and_then(Result::ok).or_else(|| submissions.last().cloned());
            submissions.extend(next);
        }
        submissions
    }

    /// Compares what an engine answered with what has to be answered.
    pub fn judge(&self, answers: &[Answer]) -> CaseResult {
        let mut errors = Vec::new();
        let mut surplus = Vec::new();
        if answers.len() != self.steps.len() {
            errors.push(format!("{} of {} messages were answered", answers.len(), self.steps.len()));
        }
        for (index, (step, answer)) in self.steps.iter().zip(answers).enumerate() {
            let number = index + 1;
            errors.extend(step.expected.unmet(answer).map(|what| format!("message {number}: {what}")));
            surplus.extend(step.expected.surplus(answer).map(|what| format!("message {number}: {what}")));
        }
        let status = match (errors.is_empty(), surplus.is_empty()) {
            (false, _) => CaseStatus::Fail,
            (true, false) => CaseStatus::Warn,
            (true, true) => CaseStatus::Pass,
        };
        errors.append(&mut surplus);
        CaseResult { id: self.id.clone(), status, errors }
    }
}

impl Expected {
    fn unmet(&self, answer: &Answer) -> impl Iterator<Item = String> {
        let mut unmet = Vec::new();
        let mut compare = |what: &str, expected: String, answered: String| {
            if expected != answered {
                unmet.push(format!("{what}: expected {expected}, answered {answered}"));
            }
        };
        compare("valid", self.valid.to_string(), answer.verdict.is_valid().to_string());
        let acknowledged = answer.acknowledgment.map_or("none", acknowledgment::Status::as_str);
        compare("acknowledgment", self.acknowledgment.clone(), acknowledged.to_owned());
        compare("idempotent", self.idempotent.to_string(), answer.idempotent.to_string());
        compare("dead letter", self.dead_letter.to_string(), answer.dead_letter.to_string());
        for issue in self.issues.iter().filter(|issue| !issue.is_in(&answer.verdict)) {
            unmet.push(format!("{} was not found at {}", issue.code, issue.field));
        }
        unmet.into_iter()
    }

    /// Further errors are none of the case's concern: they stand in nobody's way who is refused.
    fn surplus(&self, answer: &Answer) -> impl Iterator<Item = String> {
        let warnings = answer.verdict.warnings.iter();
        warnings
            .filter(|warning| !self.issues.iter().any(|issue| issue.code == warning.code))
            .map(|warning| format!("the warning {} was not expected", warning.code))
    }
}

impl ExpectedIssue {
    fn is_in(&self, verdict: &Verdict) -> bool {
        let is_it =
            |issue: &Issue| issue.level == self.level && issue.code == self.code && issue.field == self.field;
        verdict.errors.iter().chain(&verdict.warnings).any(is_it)
    }
}

/// Puts the times of a case's message in: `{{now-3600s}}` is an hour ago.
fn set_times(value: &mut Value, now: DateTime<Utc>) {
    match value {
        Value::String(text) => {
            let seconds = text.strip_prefix("{{now").and_then(|rest| rest.strip_suffix("s}}"));
            let shift = seconds.and_then(|seconds| Duration::try_seconds(seconds.parse().ok()?));
            if let Some(time) = shift.and_then(|shift| now.checked_add_signed(shift)) {
                *text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| set_times(item, now)),
        Value::Object(members) => members.values_mut().for_each(|member| set_times(member, now)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Runs a case with the rules themselves, in a store of its own that ends with it.
pub fn run(case: &Case, now: DateTime<Utc>) -> CaseResult {
    let mut answered: HashMap<String, Answer> = HashMap::new();
    let mut leads: HashMap<String, String> = HashMap::new();
    let mut answers = Vec::new();
    for message in case.submissions(now) {
        let id = message.header_text("messageId").unwrap_or_default().to_owned();
        if let Some(first) = answered.get(&id) {
            answers.push(Answer { idempotent: true, ..first.clone() });
            continue;
        }
        let facts = crate::facts::Facts::read(&message);
        let (lead, status) = (facts.subject.unwrap_or_default(), facts.lead_status);
        let previous_status = status.and_then(|_| leads.get(lead)).map(String::as_str);
        let context = Context { now, level: case.level(), previous_status, strict: false };
        let verdict = check(&message, &context);
        let dead_letter = verdict.expired() && crate::ttl::on_expiry(&message) == crate::ttl::OnExpiry::Dlq;
        let acknowledgment = acknowledgment::first(&message, &verdict);
        let answer = Answer { verdict, acknowledgment, idempotent: false, dead_letter };
        if answer.verdict.is_valid() {
            leads.extend(status.map(|status| (lead.to_owned(), status.to_owned())));
            answered.insert(id, answer.clone());
        }
        answers.push(answer);
    }
    case.judge(&answers)
}

/// A case that was asked for.
#[derive(Clone, Debug)]
pub enum Selected {
    Run(&'static Case),
    Skip(CaseResult),
}

/// The cases of a level and those below, or of these the ones that were asked for by name. A name that is none, or
/// a case above the level, is skipped and says why.
pub fn select(target: Level, include: Option<&[String]>) -> Vec<Selected> {
    let Some(include) = include else {
        return required(target).map(Selected::Run).collect();
    };
    let mut seen: Vec<&str> = Vec::new();
    let mut selected = Vec::new();
    for id in include {
        if seen.contains(&id.as_str()) {
            continue;
        }
        seen.push(id);
        let skip = |why: String| {
            Selected::Skip(CaseResult { id: id.clone(), status: CaseStatus::Skip, errors: vec![why] })
        };
        selected.push(match cases().iter().find(|case| case.id == *id) {
            None => skip("there is no case of that id".to_owned()),
            Some(case) if case.level() > target => {
                skip(format!("the case belongs to level {}", case.level().number()))
            }
            Some(case) => Selected::Run(case),
        });
    }
    selected
}

fn required(target: Level) -> impl Iterator<Item = &'static Case> {
    cases().iter().filter(move |case| case.level() <= target)
}

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every case that the level requires was run and met. It alone earns a certificate.
    Pass,
    Fail,
    /// A part was run, and met.
    Partial,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Partial => "PARTIAL",
        }
    }
}

/// What the results of a run come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub outcome: Outcome,
    pub pass_count: usize,
    pub fail_count: usize,
    /// Met, with a warning that was not expected: beside those that passed, not among them.
    pub warn_count: usize,
}

impl Summary {
    pub fn of(target: Level, results: &[CaseResult]) -> Self {
        let count = |status| results.iter().filter(|result| result.status == status).count();
        let is_met = |case: &Case| {
            let met = |result: &&CaseResult| matches!(result.status, CaseStatus::Pass | CaseStatus::Warn);
            results.iter().filter(met).any(|result| result.id == case.id)
        };
        let fail_count = count(CaseStatus::Fail);
        let outcome = match fail_count {
            0 if required(target).all(is_met) => Outcome::Pass,
            0 => Outcome::Partial,
            _ => Outcome::Fail,
        };
        Self { outcome, pass_count: count(CaseStatus::Pass), fail_count, warn_count: count(CaseStatus::Warn) }
    }
}
