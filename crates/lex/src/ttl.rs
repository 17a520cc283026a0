//! How long a message is worth delivering (LEX reference §5).

use crate::Message;
use crate::header::{self, MessageType};
use crate::node::{Node, instant};
use chrono::{DateTime, Duration, Utc};

/// What happens to a message that nobody got in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExpiry {
    /// Set aside, and its sender told.
    #[default]
    Dlq,
    /// Dropped without a trace.
    Discard,
    /// Handed back to its sender.
    Return,
}

impl OnExpiry {
    pub const NAMES: [&str; 3] = ["DLQ", "DISCARD", "RETURN"];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dlq => "DLQ",
            Self::Discard => "DISCARD",
            Self::Return => "RETURN",
        }
    }
}

/// When the message's own `ttl` ends it. A message that brings none does not expire on arrival, however old.
pub fn expires_at(message: &Message) -> Option<DateTime<Utc>> {
    let ttl = block(message);
    if let Some(expires) = ttl.get("expiresAt").time() {
        return Some(expires);
    }
    let seconds = ttl.get("maxAgeSeconds").integer().filter(|seconds| *seconds >= 1)?;
    let sent = instant(message.header_text("timestamp")?)?;
    sent.checked_add_signed(Duration::try_seconds(seconds)?)
}

/// What the message wants to happen then; what it does not say, or says wrongly, is [`OnExpiry::Dlq`].
pub fn on_expiry(message: &Message) -> OnExpiry {
    match block(message).get("onExpiry").text() {
        Some("DISCARD") => OnExpiry::Discard,
        Some("RETURN") => OnExpiry::Return,
        _ => OnExpiry::Dlq,
    }
}

/// How long the exchange tries to deliver a message that says nothing about it.
pub fn default_window(message_type: MessageType) -> Duration {
    Duration::seconds(match message_type {
        MessageType::Lead | MessageType::LeadClosure => 3_600,
        MessageType::Acknowledgment => 300,
        MessageType::Subscription | MessageType::Asset => 86_400,
    })
}

/// Until when delivery of a message received at `received` is tried: its own end, else its type's window.
pub fn deadline(message: &Message, received: DateTime<Utc>) -> DateTime<Utc> {
    let window = default_window(header::of_type(message).unwrap_or(MessageType::Lead));
    expires_at(message).unwrap_or_else(|| received.checked_add_signed(window).unwrap_or(received))
}

fn block(message: &Message) -> Node<'_> {
    Node::root("ttl", message.header().and_then(|header| header.get("ttl")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn message(ttl: &Value) -> Message {
        let header = json!({"messageType": "ASSET", "timestamp": "2026-01-01T00:00:00Z", "ttl": ttl});
        Message::new(json!({"lex": {"header": header}})).unwrap()
    }

    #[test]
    fn an_expiry_of_its_own_wins_over_an_age() {
        let both = message(&json!({"expiresAt": "2026-01-02T01:00:00+01:00", "maxAgeSeconds": 5}));
        assert_eq!(expires_at(&both), instant("2026-01-02T00:00:00Z"));
        assert_eq!(expires_at(&message(&json!({"maxAgeSeconds": 90}))), instant("2026-01-01T00:01:30Z"));
    }

    #[test]
    fn a_message_without_a_ttl_expires_only_in_our_hands() {
        let received = instant("2026-06-01T00:00:00Z").unwrap();
        for silent in
            [json!(null), json!({}), json!({"onExpiry": "DISCARD"}), json!({"maxAgeSeconds": i64::MAX})]
        {
            let silent = message(&silent);
            assert_eq!(expires_at(&silent), None);
            assert_eq!(deadline(&silent, received), instant("2026-06-02T00:00:00Z").unwrap());
        }
    }

    #[test]
    fn what_nobody_got_goes_to_the_dead_letters_unless_told_otherwise() {
        assert_eq!(on_expiry(&message(&json!(null))), OnExpiry::Dlq);
        assert_eq!(on_expiry(&message(&json!({"onExpiry": "RETURN"}))), OnExpiry::Return);
        assert_eq!(on_expiry(&message(&json!({"onExpiry": "DISCARD"}))), OnExpiry::Discard);
    }
}
