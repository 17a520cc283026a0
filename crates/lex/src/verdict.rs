//! What the rules found.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    Critical,
    Error,
    Warning,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    pub level: Severity,
    /// Where in the message: `payload.lead.customer.emailAddress`.
    pub field: String,
    pub message: String,
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// `rejectedValue`, `allowedValues`, `fromStatus`, `toStatus` and the like.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Issue {
    fn new(level: Severity, field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        Self { level, field, message, code: code.to_owned(), suggestion: None, extra: Map::new() }
    }

    /// The message cannot be understood; nothing after it is looked at.
    pub fn critical(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Critical, field, code, message)
    }

    /// The message is refused.
    pub fn error(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, field, code, message)
    }

    /// The message is accepted all the same.
    pub fn warning(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, field, code, message)
    }

    /// Says more, under a name of its own.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// What the sender can do about it.
    #[must_use]
    pub fn suggesting(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

/// All that the rules found in a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Critical ones and errors, in the order in which the rules look.
    pub errors: Vec<Issue>,
    pub warnings: Vec<Issue>,
}

impl Verdict {
    /// Whether the message is valid: warnings never make it invalid.
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// Puts an issue where its severity belongs.
    pub fn add(&mut self, issue: Issue) {
        match issue.level {
            Severity::Critical | Severity::Error => self.errors.push(issue),
            Severity::Warning => self.warnings.push(issue),
        }
    }

    /// Whether its age alone stands in the way of the message (LEX reference §5).
    pub fn expired(&self) -> bool {
        !self.errors.is_empty()
            && self.errors.iter().all(|issue| issue.code == crate::code::MESSAGE_TTL_EXPIRED)
    }

    /// Whether something was found under this code.
    pub fn has(&self, code: &str) -> bool {
        self.errors.iter().chain(&self.warnings).any(|issue| issue.code == code)
    }
}
