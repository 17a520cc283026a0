//! What the rules gather, and the checks that many of them share.

use super::{Context, Level};
use crate::node::Node;
use crate::verdict::Issue;
use crate::{Severity, Verdict, code};
use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

/// Clocks may differ by that much.
const TOLERANCE: Duration = Duration::seconds(60);
/// Ids beyond it are no ids, and indexes could not hold them.
pub const LONGEST_ID: usize = 255;
/// So many errors and as many warnings are told: a long list of the same mistake shall not make an endless answer.
pub const MOST_ISSUES: usize = 100;
/// Longer ones are not sent back.
const LONGEST_REJECTED: usize = 200;

/// The verdict as it grows.
pub struct Findings<'c> {
    context: &'c Context<'c>,
    verdict: Verdict,
}

impl<'c> Findings<'c> {
    pub fn new(context: &'c Context<'c>) -> Self {
        Self { context, verdict: Verdict::default() }
    }

    pub fn into_verdict(self) -> Verdict {
        self.verdict
    }

    pub fn level(&self) -> Level {
        self.context.level
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.context.now
    }

    pub fn previous_status(&self) -> Option<&'c str> {
        self.context.previous_status
    }

    pub fn strict(&self) -> bool {
        self.context.strict
    }

    pub fn is_future(&self, time: DateTime<Utc>) -> bool {
        time.checked_sub_signed(TOLERANCE).is_some_and(|earliest| earliest > self.context.now)
    }

    /// Whether it lies more than so many days back.
    pub fn is_older(&self, time: DateTime<Utc>, days: i64) -> bool {
        self.context.now.signed_duration_since(time) > Duration::days(days)
    }

    pub fn is_critical(&self) -> bool {
        self.verdict.errors.iter().any(|issue| issue.level == Severity::Critical)
    }

    pub fn has_field(&self, field: &str) -> bool {
        self.verdict.errors.iter().any(|issue| issue.field == field)
    }

    pub fn add(&mut self, issue: Issue) {
        let told = match issue.level {
            Severity::Critical => 0,
            Severity::Error => self.verdict.errors.len(),
            Severity::Warning => self.verdict.warnings.len(),
        };
        if told < MOST_ISSUES {
            self.verdict.add(issue);
        }
    }

    pub fn error(&mut self, node: &Node<'_>, code: &str, message: &str) {
        self.add(rejecting(Issue::error(node.field(), code, message), node));
    }

    pub fn warn(&mut self, node: &Node<'_>, code: &str, message: &str) {
        self.add(Issue::warning(node.field(), code, message));
    }

    /// Advice: a warning that is given in strict mode alone.
    pub fn advise(&mut self, node: &Node<'_>, code: &str, message: &str) {
        if self.context.strict {
            self.warn(node, code, message);
        }
    }

    /// A field that has to say something; whether it does.
    pub fn require(&mut self, node: &Node<'_>) -> bool {
        self.require_as(node, code::REQUIRED_FIELD_MISSING)
    }

    /// The same under the number of a rule.
    pub fn require_as(&mut self, node: &Node<'_>, code: &str) -> bool {
        if !node.given() {
            let field = node.field();
            let message = format!("{field} is required");
            self.add(Issue::error(field, code, message));
        }
        node.given()
    }

    /// An object without which the rest cannot be looked at; whether it is there.
    pub fn require_critical(&mut self, node: &Node<'_>) -> bool {
        let field = node.field();
        if !node.present() {
            let message = format!("{field} is required");
            self.add(Issue::critical(field, code::REQUIRED_FIELD_MISSING, message));
        } else if node.object().is_none() {
            let issue = Issue::critical(field, code::SCHEMA_VIOLATION, "not an object");
            self.add(issue.with("expectedType", "object"));
        }
        node.object().is_some()
    }

    /// An optional object; whether it is there to be looked at.
    pub fn object(&mut self, node: &Node<'_>) -> bool {
        self.typed(node, "object", Value::is_object)
    }

    /// An optional text; whether it is there.
    pub fn text(&mut self, node: &Node<'_>) -> bool {
        self.typed(node, "string", Value::is_string)
    }

    /// An optional array; whether it is there.
    pub fn array(&mut self, node: &Node<'_>) -> bool {
        self.typed(node, "array", Value::is_array)
    }

    fn typed(&mut self, node: &Node<'_>, expected: &str, is: fn(&Value) -> bool) -> bool {
        let Some(value) = node.value() else { return false };
        if !is(value) {
            let issue = Issue::error(node.field(), code::SCHEMA_VIOLATION, format!("not of type {expected}"));
            self.add(rejecting(issue.with("expectedType", expected), node));
        }
        is(value)
    }

    /// An id that has to be there.
    pub fn identifier(&mut self, node: &Node<'_>) {
        if self.require(node) && self.text(node) {
            let text = node.text().unwrap_or_default();
            if text.chars().count() > LONGEST_ID {
                let message = format!("longer than {LONGEST_ID} characters");
                let issue = Issue::error(node.field(), code::SCHEMA_VIOLATION, message);
                self.add(issue.with("constraint", format!("at most {LONGEST_ID} characters")));
            } else if text.chars().any(char::is_control) {
                self.error(node, code::SCHEMA_VIOLATION, "an id has no control characters");
            }
        }
    }

    /// A field, if given, that is one of these.
    pub fn one_of(&mut self, node: &Node<'_>, allowed: &[&str], code: &str) {
        if node.given() && !node.text().is_some_and(|text| allowed.contains(&text)) {
            let message = format!("{} is none of the allowed values", shown(node));
            let issue = rejecting(Issue::error(node.field(), code, message), node);
            self.add(issue.with("allowedValues", allowed.to_vec()));
        }
    }

    /// A point in time that has to be there, under the number of a rule.
    pub fn time_as(&mut self, node: &Node<'_>, code: &str) -> Option<DateTime<Utc>> {
        if self.require_as(node, code) && node.time().is_none() {
            self.error(node, code, "not a date and time with an offset (RFC 3339)");
        }
        node.time()
    }

    /// An optional point in time.
    pub fn time(&mut self, node: &Node<'_>) -> Option<DateTime<Utc>> {
        if node.given() && node.time().is_none() {
            self.error(node, code::INVALID_TIMESTAMP, "not a date and time with an offset (RFC 3339)");
        }
        node.time()
    }

    /// A number, if given, from 0 to 1.
    pub fn share(&mut self, node: &Node<'_>, code: &str) {
        if node.present() && !node.number().is_some_and(|share| (0.0..=1.0).contains(&share)) {
            let issue = Issue::error(node.field(), code, format!("{} is no number from 0 to 1", shown(node)));
            self.add(rejecting(issue, node).with("constraint", "minimum 0, maximum 1"));
        }
    }

    /// A number, if given, of at least so much.
    pub fn at_least(&mut self, node: &Node<'_>, least: f64, code: &str) {
        if node.present() && node.number().is_none_or(|number| number < least) {
            let issue =
                Issue::error(node.field(), code, format!("{} is no number from {least} up", shown(node)));
            self.add(rejecting(issue, node).with("constraint", format!("minimum {least}")));
        }
    }

    /// A whole number, if given, of at least 1.
    pub fn counted(&mut self, node: &Node<'_>, code: &str) {
        let is_count = |value: &Value| value.as_u64().is_some_and(|count| count >= 1);
        if node.value().is_some_and(|value| !is_count(value)) {
            let issue =
                Issue::error(node.field(), code, format!("{} is no whole number from 1 up", shown(node)));
            self.add(rejecting(issue, node).with("constraint", "minimum 1"));
        }
    }
}

/// Sends back what was wrong, where that is short.
pub fn rejecting(issue: Issue, node: &Node<'_>) -> Issue {
    match node.value() {
        Some(Value::String(text)) if text.len() > LONGEST_REJECTED => issue,
        Some(scalar) if !scalar.is_object() && !scalar.is_array() => {
            issue.with("rejectedValue", scalar.clone())
        }
        _ => issue,
    }
}

/// What stands there, for a message to a reader.
pub fn shown(node: &Node<'_>) -> String {
    match node.value() {
        None => "nothing".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(Value::Array(_)) => "an array".to_owned(),
        Some(Value::String(text)) if text.len() > LONGEST_REJECTED => "a long text".to_owned(),
        Some(scalar) => scalar.to_string(),
    }
}
