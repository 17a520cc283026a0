//! What the sender of a LEX message is told when nobody got it.

use crate::domain::lex::Routing;
use chrono::{DateTime, Datelike, Utc};
use contracts::ids::EventId;
use contracts::lex::OnExpiry;
use lex::render::{DeadLetter, FailureCategory};
use lex::retry::Failure;

/// The type of the events that carry it.
pub const KIND: &str = "lex.notice";

/// How the last delivery of a message ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastAttempt {
    pub attempts: u32,
    /// `None`: there was no answer.
    pub status: Option<u16>,
    pub at: Option<DateTime<Utc>>,
}

/// The document for the sender: its dead letter, or the message itself where it asked for it back.
///
/// Of what a receiver answered it says only the status: the rest is between the receiver and the exchange.
pub fn document(
    event: EventId,
    routing: &Routing,
    expired: bool,
    last: LastAttempt,
    now: DateTime<Utc>,
) -> Vec<u8> {
    if expired && routing.on_expiry() == OnExpiry::Return {
        return routing.message.to_json();
    }
    let category = category(expired, last.status);
    let reason = match last.status {
        _ if expired => "MESSAGE_TTL_EXPIRED".to_owned(),
        Some(status) => Failure::of_status(status).name(),
        None => Failure::Unreachable.name(),
    };
    let letter = DeadLetter {
        dlq_id: &format!("DLQ-{}-{}", now.year(), event.as_uuid().simple()),
        enqueued_at: now,
        category,
        reason: Some(&reason),
        attempt_count: last.attempts,
        last_attempt: last.at,
        retry_eligible: category == FailureCategory::TransientExhausted,
        notification_sent: true,
        message: &routing.message,
    };
    letter.to_json()
}

fn category(expired: bool, status: Option<u16>) -> FailureCategory {
    match status {
        _ if expired => FailureCategory::TtlExpired,
        Some(401 | 403 | 404 | 407 | 410) => FailureCategory::PermanentAuthError,
        Some(408 | 425 | 429) => FailureCategory::TransientExhausted,
        Some(400..500) => FailureCategory::PermanentSchemaError,
        _ => FailureCategory::TransientExhausted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_will_not_change_is_a_permanent_failure() {
        assert_eq!(category(true, Some(500)), FailureCategory::TtlExpired);
        assert_eq!(category(false, Some(422)), FailureCategory::PermanentSchemaError);
        assert_eq!(category(false, Some(401)), FailureCategory::PermanentAuthError);
        for status in [None, Some(302), Some(429), Some(503)] {
            assert_eq!(category(false, status), FailureCategory::TransientExhausted);
        }
    }
}
