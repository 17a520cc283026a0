//! Walks a message beside the table.

use super::table::{Format, Node, NodeId, Others, TABLE};
use super::types::Kind;
use super::{Deviation, DeviationKind, MAX_DEVIATIONS};
use crate::message::Message;
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value};

const BLOCKS: [(&str, &str); 5] = [
    ("LEAD", "lead"),
    ("ASSET", "asset"),
    ("ACKNOWLEDGMENT", "acknowledgment"),
    ("SUBSCRIPTION", "subscription"),
    ("LEAD_CLOSURE", "leadClosure"),
];

pub(super) fn violations(message: &Message) -> Vec<Deviation> {
    let mut walk = Walk { path: String::new(), found: Vec::new() };
    let (Some(lex), Some(root)) = (message.lex(), TABLE.nodes.get(TABLE.lex)) else { return walk.found };
    walk.at("lex", |walk| {
        for (name, value) in lex.iter().filter(|(name, _)| *name != "payload") {
            walk.member(name, value, root);
        }
        walk.required(lex, root);
    });
    let block = BLOCKS.iter().find(|(name, _)| message.header_text("messageType") == Some(name));
    if let (Some((_, block)), Some(payload)) =
        (block, lex.get("payload").filter(|payload| !payload.is_null()))
    {
        walk.payload(payload, block, root);
    }
    walk.found
}

struct Walk {
    path: String,
    found: Vec<Deviation>,
}

impl Walk {
    fn tell(&mut self, kind: DeviationKind, message: impl Into<String>) {
        if self.found.len() < MAX_DEVIATIONS {
            self.found.push(Deviation { path: self.path.clone(), message: message.into(), kind });
        }
    }

    fn at(&mut self, step: &str, look: impl FnOnce(&mut Self)) {
        let before = self.path.len();
        if before > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        look(self);
        self.path.truncate(before);
    }

    fn payload(&mut self, payload: &Value, block: &str, root: &Node) {
        let node = root.members.get("payload").and_then(|id| TABLE.nodes.get(*id));
        let (Some(node), Value::Object(payload)) = (node, payload) else {
            return self.at("payload", |walk| walk.tell(DeviationKind::Type, "must be an object"));
        };
        self.at("payload", |walk| match payload.get(block) {
            Some(value) if !value.is_null() => walk.member(block, value, node),
            _ => walk.at(block, Self::missing),
        });
    }

    fn missing(&mut self) {
        self.tell(DeviationKind::Missing, "is required");
    }

    /// `null` is absent, except where any value will do.
    fn required(&mut self, object: &Map<String, Value>, node: &Node) {
        let any = |name: &str| node.members.get(name).and_then(|id| TABLE.nodes.get(*id)).is_some_and(is_any);
        for name in &node.required {
            match object.get(name) {
                Some(value) if !value.is_null() || any(name) => {}
                _ => self.at(name, Self::missing),
            }
        }
    }

    fn member(&mut self, name: &str, value: &Value, parent: &Node) {
        if value.is_null() {
            return;
        }
        let id = match (parent.members.get(name), parent.others) {
            (Some(id), _) => *id,
            (None, Others::Like(id)) => id,
            (None, Others::Any) => return,
            (None, Others::None) => {
                return self.at(name, |walk| {
                    walk.tell(DeviationKind::Value, "is not among the members that are allowed");
                });
            }
        };
        self.at(name, |walk| walk.value(value, id));
    }

    fn value(&mut self, value: &Value, id: NodeId) {
        let Some(node) = TABLE.nodes.get(id).filter(|_| self.found.len() < MAX_DEVIATIONS) else { return };
        if let Some(problem) = wrong_type(value, node.kind) {
            return self.tell(DeviationKind::Type, problem);
        }
        match value {
            Value::Object(members) => {
                self.required(members, node);
                for (name, value) in members {
                    self.member(name, value, node);
                }
            }
            Value::Array(items) => {
                self.tell_all(count(items.len(), node, "items"));
                let Some(item) = node.item else { return };
                for (index, value) in items.iter().enumerate().filter(|(_, value)| !value.is_null()) {
                    self.at(&format!("[{index}]"), |walk| walk.value(value, item));
                }
            }
            Value::String(text) => self.tell_all(text_problems(text, node)),
            Value::Number(number) => self.tell_all(number.as_f64().and_then(|number| range(number, node))),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn tell_all(&mut self, problems: impl IntoIterator<Item = String>) {
        for problem in problems {
            self.tell(DeviationKind::Value, problem);
        }
    }
}

fn is_any(node: &Node) -> bool {
    node.kind == Kind::Any
}

fn wrong_type(value: &Value, kind: Kind) -> Option<&'static str> {
    let whole =
        |value: &Value| value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0);
    let (right, problem) = match kind {
        Kind::Any => return None,
        Kind::Object => (value.is_object(), "must be an object"),
        Kind::Array => (value.is_array(), "must be an array"),
        Kind::Text => (value.is_string(), "must be a string"),
        Kind::Integer => (whole(value), "must be an integer"),
        Kind::Number => (value.is_number(), "must be a number"),
        Kind::Boolean => (value.is_boolean(), "must be a boolean"),
    };
    (!right).then_some(problem)
}

fn text_problems(text: &str, node: &Node) -> Vec<String> {
    let mut problems = Vec::new();
    if !node.choices.is_empty() && !node.choices.iter().any(|choice| choice == text) {
        problems.push(format!("must be one of {}", node.choices.join(", ")));
    }
    problems.extend(count(text.chars().count(), node, "characters"));
    if let Some(pattern) = node.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
        problems.push(format!("must match {pattern}"));
    }
    problems.extend(node.format.and_then(|format| wrong_format(text, format)).map(str::to_owned));
    problems
}

fn count(length: usize, node: &Node, what: &str) -> Option<String> {
    match (node.least, node.most) {
        (Some(1), _) if length == 0 => Some("must not be empty".to_owned()),
        (Some(least), _) if length < least => Some(format!("must have at least {least} {what}")),
        (_, Some(most)) if length > most => Some(format!("must have at most {most} {what}")),
        _ => None,
    }
}

fn range(number: f64, node: &Node) -> Option<String> {
    match (node.minimum, node.maximum) {
        (Some(minimum), _) if number < minimum => Some(format!("must be at least {minimum}")),
        (_, Some(maximum)) if number > maximum => Some(format!("must be at most {maximum}")),
        _ => None,
    }
}

fn wrong_format(text: &str, format: Format) -> Option<&'static str> {
    let (right, problem) = match format {
        Format::DateTime => (DateTime::parse_from_rfc3339(text).is_ok(), "must be a date-time of RFC 3339"),
        Format::Date => (is_date(text), "must be a date, such as 2026-01-31"),
        Format::Email => (is_email(text), "must be an email address"),
        Format::Uri => (is_uri(text), "must be a URI"),
    };
    (!right).then_some(problem)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

/// The test of the LEX reference (§9): something, an `@`, something with a dot in it, no white space.
fn is_email(text: &str) -> bool {
    let plain = !text.contains(char::is_whitespace);
    let parts = text.split_once('@').filter(|(local, domain)| !local.is_empty() && !domain.contains('@'));
    let inner =
        |domain: &str| domain.char_indices().rev().skip(1).any(|(at, character)| at > 0 && character == '.');
    plain && parts.is_some_and(|(_, domain)| inner(domain))
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let letters =
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let starts = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    letters && starts && !rest.is_empty() && rest.chars().all(|character| character.is_ascii_graphic())
}
