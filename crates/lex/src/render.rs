//! What goes out: a message in the receiver's format, as it may be read there, and the envelope of dead letters.
//! Bytes only; signing and sending are the dispatcher's.

use crate::message::Message;
use crate::notes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

pub use crate::notes::Reader;

const RETRY_CONTEXT: &str = "retryContext";

/// How a message is written (LEX reference §11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    JsonEdi,
    XmlEdi,
}

impl Format {
    /// What the bytes are, for the header of the delivery.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::JsonEdi => "application/json",
            Self::XmlEdi => "application/xml",
        }
    }
}

/// What a delivery that is not the first says about those before it (LEX reference §6). When the message was
/// first sent it takes from the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryContext {
    /// Of this delivery; 1 is the first.
    pub attempt_number: u32,
    pub max_attempts: u32,
    /// `HTTP_503_SERVICE_UNAVAILABLE` and the like.
    pub last_failure_reason: Option<String>,
    pub last_attempt: Option<DateTime<Utc>>,
    /// When it is tried again should this one fail.
    pub next_attempt: Option<DateTime<Utc>>,
}

/// How a message is to be rendered for one delivery attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Render {
    pub format: Format,
    /// None on the first delivery: what the sender said about its own attempts stays.
    pub retry: Option<RetryContext>,
    pub reader: Reader,
}

/// A rendered message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub body: Vec<u8>,
    pub content_type: &'static str,
    /// `lex-message-type`, `lex-version`, `lex-encryption`, for receivers that route without reading the body.
    pub headers: Vec<(&'static str, String)>,
}

impl Render {
    /// Renders the message without the notes that the reader may not have. Its bytes change between attempts, so
    /// each is signed anew.
    pub fn write(&self, message: &Message) -> Rendered {
        let mut sent = Cow::Borrowed(message);
        if notes::are_confidential(message) {
            notes::strip(sent.to_mut(), self.reader);
        }
        if let Some(retry) = &self.retry {
            retry.put_into(sent.to_mut());
        }
        let body = match self.format {
            Format::JsonEdi => sent.to_json(),
            Format::XmlEdi => sent.to_xml(),
        };
        Rendered { body, content_type: self.format.content_type(), headers: routing_headers(message) }
    }
}

impl RetryContext {
    fn put_into(&self, message: &mut Message) {
        let first_sent = message.header_text("timestamp").map(str::to_owned);
        let Some(header) =
            message.lex_mut().and_then(|lex| lex.get_mut("header")).and_then(Value::as_object_mut)
        else {
            return;
        };
        let earlier = header.get_mut(RETRY_CONTEXT).map(Value::take);
        let mut context = if let Some(Value::Object(context)) = earlier { context } else { Map::new() };
        let original =
            context.get("originalTimestamp").and_then(Value::as_str).map(str::to_owned).or(first_sent);
        let members = [
            ("originalTimestamp", original.map(Value::from)),
            ("attemptNumber", Some(self.attempt_number.into())),
            ("maxAttempts", Some(self.max_attempts.into())),
            ("lastFailureReason", self.last_failure_reason.as_deref().map(Value::from)),
            ("lastAttemptTimestamp", self.last_attempt.map(instant)),
            ("nextAttemptTimestamp", self.next_attempt.map(instant)),
        ];
        for (name, value) in members {
            match value {
                Some(value) => context.insert(name.to_owned(), value),
                None => context.shift_remove(name),
            };
        }
        header.insert(RETRY_CONTEXT.to_owned(), Value::Object(context));
    }
}

fn instant(at: DateTime<Utc>) -> Value {
    at.to_rfc3339_opts(SecondsFormat::Secs, true).into()
}

/// Only what can stand in a header as it is.
fn routing_headers(message: &Message) -> Vec<(&'static str, String)> {
    let header = |name: &str| message.header_text(name);
    let named = [
        ("lex-message-type", header("messageType")),
        ("lex-version", header("version")),
        ("lex-encryption", header("encryptionMethod").or(Some("TLS1.3"))),
    ];
    let printable =
        |value: &&str| (1..=100).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    named.into_iter().filter_map(|(name, value)| Some((name, value.filter(printable)?.to_owned()))).collect()
}

/// Why a message became a dead letter (LEX reference §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCategory {
    TransientExhausted,
    PermanentSchemaError,
    PermanentAuthError,
    TtlExpired,
    PoisonMessage,
    ManualDlq,
}

impl FailureCategory {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransientExhausted => "TRANSIENT_EXHAUSTED",
            Self::PermanentSchemaError => "PERMANENT_SCHEMA_ERROR",
            Self::PermanentAuthError => "PERMANENT_AUTH_ERROR",
            Self::TtlExpired => "TTL_EXPIRED",
            Self::PoisonMessage => "POISON_MESSAGE",
            Self::ManualDlq => "MANUAL_DLQ",
        }
    }
}

/// A dead letter, as its sender is told of it.
#[derive(Clone, Debug)]
pub struct DeadLetter<'a> {
    /// Such as `DLQ-2026-0001234`.
    pub dlq_id: &'a str,
    pub enqueued_at: DateTime<Utc>,
    pub category: FailureCategory,
    /// In words, or a reason of the standard's list.
    pub reason: Option<&'a str>,
    pub attempt_count: u32,
    pub last_attempt: Option<DateTime<Utc>>,
    /// Whether it can be sent again as it is.
    pub retry_eligible: bool,
    pub notification_sent: bool,
    /// As it was submitted: the envelope is for its sender.
    pub message: &'a Message,
}

impl DeadLetter<'_> {
    /// The envelope, `{"dlq": {…}}`.
    pub fn to_value(&self) -> Value {
        let header = |name: &str| self.message.header_text(name);
        let members = json!({
            "dlqId": self.dlq_id,
            "originalMessageId": header("messageId").unwrap_or_default(),
            "originalMessageType": header("messageType"),
            "originalSenderId": header("senderId"),
            "originalReceiverId": header("receiverId"),
            "enqueuedAt": instant(self.enqueued_at),
            "failureCategory": self.category.as_str(),
            "failureReason": self.reason,
            "attemptCount": self.attempt_count,
            "lastAttemptTimestamp": self.last_attempt.map(instant),
            "retryEligible": self.retry_eligible,
            "notificationSent": self.notification_sent,
            "originalMessage": self.message.document(),
        });
        let Value::Object(members) = members else { return members };
        let known: Map<String, Value> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
        json!({ "dlq": known })
    }

    /// The same as bytes of JSON.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn message() -> Message {
        Message::new(json!({"lex": {
            "header": {"messageId": "m-1", "messageType": "LEAD", "version": "1.0", "timestamp": "2026-01-15T10:22:00Z",
                "senderId": "DEALER-1", "receiverId": "MFGR-2"},
            "payload": {"lead": {"leadId": "L-1", "structuredNotes": [
                {"noteId": "n1", "visibility": "DEALER_INTERNAL"}, {"noteId": "n2", "visibility": "ALL_PARTIES"}]}}
        }}))
        .unwrap()
    }

    fn at(second: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 2, 3, 4, 5, second).unwrap()
    }

    fn retry() -> RetryContext {
        RetryContext {
            attempt_number: 2,
            max_attempts: 6,
            last_failure_reason: Some("HTTP_503_SERVICE_UNAVAILABLE".to_owned()),
            last_attempt: Some(at(1)),
            next_attempt: Some(at(31)),
        }
    }

    #[test]
    fn a_first_delivery_to_a_dealer_is_the_message_as_it_was_sent() {
        let render = Render { reader: Reader { dealer: true, dms: false }, ..Render::default() };
        let rendered = render.write(&message());
        assert_eq!(rendered.body, message().to_json());
        assert_eq!(rendered.content_type, "application/json");
        let headers = [("lex-message-type", "LEAD"), ("lex-version", "1.0"), ("lex-encryption", "TLS1.3")];
        assert_eq!(rendered.headers, headers.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn notes_of_a_dealer_reach_no_one_else_in_either_format() {
        let json = Render::default().write(&message());
        let xml = Render { format: Format::XmlEdi, ..Render::default() }.write(&message());
        assert_eq!(xml.content_type, "application/xml");
        for body in [json.body, xml.body] {
            let body = String::from_utf8(body).unwrap();
            assert!(
                body.contains("n2") && !body.contains("n1") && !body.contains("DEALER_INTERNAL"),
                "{body}"
            );
        }
    }

    #[test]
    fn a_redelivery_says_which_attempt_it_is() {
        let rendered = Render { retry: Some(retry()), ..Render::default() }.write(&message());
        let sent = Message::from_json(&rendered.body).unwrap();
        let expected = json!({
            "originalTimestamp": "2026-01-15T10:22:00Z", "attemptNumber": 2, "maxAttempts": 6,
            "lastFailureReason": "HTTP_503_SERVICE_UNAVAILABLE", "lastAttemptTimestamp": "2026-02-03T04:05:01Z",
            "nextAttemptTimestamp": "2026-02-03T04:05:31Z"
        });
        assert_eq!(sent.header().unwrap()["retryContext"], expected);
    }

    #[test]
    fn a_redelivery_refreshes_what_an_earlier_one_said() {
        let mut document = message().into_document();
        document["lex"]["header"]["retryContext"] = json!({
            "originalTimestamp": "2026-01-01T00:00:00Z", "attemptNumber": 5, "lastFailureReason": "OLD", "own": true
        });
        let last = RetryContext { attempt_number: 6, max_attempts: 6, ..RetryContext::default() };
        let rendered =
            Render { retry: Some(last), ..Render::default() }.write(&Message::new(document).unwrap());
        let sent = Message::from_json(&rendered.body).unwrap();
        let expected = json!({
            "originalTimestamp": "2026-01-01T00:00:00Z", "attemptNumber": 6, "own": true, "maxAttempts": 6
        });
        assert_eq!(sent.header().unwrap()["retryContext"], expected);
    }

    #[test]
    fn a_header_never_carries_what_could_break_it() {
        let header = json!({"messageType": "LEAD\r\nX: 1", "version": "", "encryptionMethod": "größer"});
        let message = Message::new(json!({"lex": {"header": header}})).unwrap();
        assert_eq!(Render::default().write(&message).headers, []);
    }

    #[test]
    fn a_dead_letter_names_its_message_and_carries_it() {
        let message = message();
        let letter = DeadLetter {
            dlq_id: "DLQ-2026-0000001",
            enqueued_at: at(9),
            category: FailureCategory::TtlExpired,
            reason: Some("expired before it could be delivered"),
            attempt_count: 0,
            last_attempt: None,
            retry_eligible: true,
            notification_sent: false,
            message: &message,
        };
        let expected = json!({"dlq": {
            "dlqId": "DLQ-2026-0000001", "originalMessageId": "m-1", "originalMessageType": "LEAD",
            "originalSenderId": "DEALER-1", "originalReceiverId": "MFGR-2", "enqueuedAt": "2026-02-03T04:05:09Z",
            "failureCategory": "TTL_EXPIRED", "failureReason": "expired before it could be delivered",
            "attemptCount": 0, "retryEligible": true, "notificationSent": false,
            "originalMessage": message.document()
        }});
        assert_eq!(serde_json::from_slice::<Value>(&letter.to_json()).unwrap(), expected);
    }
}
