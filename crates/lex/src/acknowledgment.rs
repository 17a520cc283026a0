//! Acknowledgments: the four states of the REST surface, those of incoming messages, and messages of our own
//! (LEX reference §10).

use crate::facts;
use crate::header::{self, MessageType};
use crate::verdict::{Issue, Severity};
use crate::{Message, Verdict};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// What became of a message, as the REST surface says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Received,
    Processed,
    Rejected,
    Error,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "RECEIVED",
            Self::Processed => "PROCESSED",
            Self::Rejected => "REJECTED",
            Self::Error => "ERROR",
        }
    }

    /// What a status of an ACKNOWLEDGMENT message means.
    pub fn of_message(name: &str) -> Option<Self> {
        Some(match name {
            "RECEIVED" | "PROCESSING" | "VALIDATED" | "STORED" => Self::Received,
            "PROCESSED" | "DUPLICATE" => Self::Processed,
            "REJECTED" => Self::Rejected,
            "FAILED" | "ERROR" => Self::Error,
            _ => return None,
        })
    }

    /// Its name in an ACKNOWLEDGMENT message, whose vocabulary differs.
    fn in_message(self) -> &'static str {
        match self {
            Self::Error => "FAILED",
            other => other.as_str(),
        }
    }
}

/// All that an ACKNOWLEDGMENT message may say.
pub const MESSAGE_STATUSES: [&str; 9] = [
    "RECEIVED",
    "PROCESSING",
    "VALIDATED",
    "STORED",
    "PROCESSED",
    "REJECTED",
    "FAILED",
    "DUPLICATE",
    "ERROR",
];

/// The acknowledgment of a message on its arrival. An ACKNOWLEDGMENT has none.
pub fn first(message: &Message, verdict: &Verdict) -> Option<Status> {
    match header::of_type(message) {
        Some(MessageType::Acknowledgment) => None,
        _ if !verdict.is_valid() => Some(Status::Rejected),
        Some(MessageType::LeadClosure) => Some(Status::Processed),
        _ => Some(Status::Received),
    }
}

/// What an ACKNOWLEDGMENT message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// The message that it is about.
    pub message_id: &'a str,
    pub status: Status,
}

impl<'a> Incoming<'a> {
    pub fn read(message: &'a Message) -> Option<Self> {
        let body = facts::body(message, MessageType::Acknowledgment);
        let status = Status::of_message(body.get("status").word()?)?;
        Some(Self { message_id: original(message)?, status })
    }
}

/// The message that an ACKNOWLEDGMENT names: in its body, else in its header.
pub(crate) fn original(message: &Message) -> Option<&str> {
    let body = facts::body(message, MessageType::Acknowledgment);
    let named = body.either(&["originalMessageId", "correlationId"]).word();
    named.or_else(|| message.header_text("correlationId").filter(|id| !id.trim().is_empty()))
}

/// An acknowledgment to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewAcknowledgment<'a> {
    /// A UUID, for the header of the new message.
    pub message_id: &'a str,
    pub now: DateTime<Utc>,
    pub status: Status,
    pub verdict: &'a Verdict,
}

/// The ACKNOWLEDGMENT message that goes from the receiver of a message back to its sender.
pub fn build(original: &Message, new: &NewAcknowledgment<'_>) -> Message {
    let text = |name| original.header_text(name).unwrap_or_default();
    let now = new.now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let sender = match text("receiverId") {
        "" | header::BROADCAST => header::PLATFORM,
        receiver => receiver,
    };
    let mut body = Map::new();
    body.insert("acknowledgmentId".to_owned(), json!(format!("ACK-{}", new.message_id)));
    body.insert("correlationId".to_owned(), json!(text("messageId")));
    body.insert("originalMessageId".to_owned(), json!(text("messageId")));
    if let Some(message_type) = header::of_type(original) {
        body.insert("originalMessageType".to_owned(), json!(message_type.as_str()));
    }
    body.insert("status".to_owned(), json!(new.status.in_message()));
    body.insert("timestamp".to_owned(), json!(now));
    let issues = new.verdict.errors.iter().chain(&new.verdict.warnings);
    let violations: Vec<Value> = issues.map(violation).collect();
    body.insert(
        "validationResults".to_owned(),
        json!({
            "isValid": new.verdict.is_valid(),
            "businessRuleValidation": {"passed": new.verdict.is_valid(), "violations": violations},
        }),
    );
    let header = json!({
        "messageId": new.message_id,
        "messageType": MessageType::Acknowledgment.as_str(),
        "version": "1.0",
        "timestamp": now,
        "senderId": sender,
        "receiverId": text("senderId"),
        "correlationId": text("messageId"),
    });
    Message::of_parts(&header, &json!({"acknowledgment": body}))
}

fn violation(issue: &Issue) -> Value {
    let severity = match issue.level {
        Severity::Critical | Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
    };
    json!({"rule": issue.code, "violation": format!("{}: {}", issue.field, issue.message), "severity": severity})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Context, Level, check};

    #[test]
    fn every_status_of_a_message_means_one_of_ours() {
        for name in MESSAGE_STATUSES {
            assert!(Status::of_message(name).is_some(), "{name}");
        }
        assert_eq!(Status::of_message("VALIDATED"), Some(Status::Received));
        assert_eq!(Status::of_message("DUPLICATE"), Some(Status::Processed));
        assert_eq!(Status::of_message("FAILED"), Some(Status::Error));
        assert_eq!(Status::of_message("LOST"), None);
    }

    #[test]
    fn an_acknowledgment_of_ours_is_valid_and_says_what_was_wrong() {
        let original = Message::new(json!({"lex": {"header": {
            "messageId": "M-1", "messageType": "LEAD", "senderId": "PORTAL-1", "receiverId": "BROADCAST"
        }}}))
        .unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut verdict = Verdict::default();
        verdict.add(Issue::critical("lex.header.timestamp", "INVALID_TIMESTAMP", "no time"));
        let new = NewAcknowledgment {
            message_id: "0192f0c1-0000-7000-8000-000000000001",
            now,
            status: Status::Error,
            verdict: &verdict,
        };
        let built = build(&original, &new);
        let context = Context { now, level: Level::L3, previous_status: None, strict: false };
        assert_eq!(check(&built, &context), Verdict::default());
        let read = Incoming::read(&built).unwrap();
        assert_eq!((read.message_id, read.status), ("M-1", Status::Error));
        assert_eq!(built.header_text("senderId"), Some("LEX-PLATFORM"));
        assert_eq!(built.header_text("receiverId"), Some("PORTAL-1"));
        let violation = built.document().pointer(
            "/lex/payload/acknowledgment/validationResults/businessRuleValidation/violations/0/rule",
        );
        assert_eq!(violation, Some(&json!("INVALID_TIMESTAMP")));
        assert_eq!(first(&built, &verdict), None);
    }
}
