//! What is kept of a message, and what its sender is told.

use super::submission::Submission;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use lex::acknowledgment;
use lex::header::MessageType;
use lex::render::{DeadLetter, FailureCategory};
use lex::ttl::OnExpiry;
use lex::{Issue, Verdict};
use serde_json::value::RawValue;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Received,
    Processed,
    Rejected,
    Delivered,
    Dlq,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "RECEIVED",
            Self::Processed => "PROCESSED",
            Self::Rejected => "REJECTED",
            Self::Delivered => "DELIVERED",
            Self::Dlq => "DLQ",
        }
    }
}

/// A message to be stored.
#[derive(Clone, Debug)]
pub struct Record {
    pub id: EventId,
    pub received_at: DateTime<Utc>,
    pub organization_id: OrganizationId,
    pub message_id: String,
    pub kind: Option<MessageType>,
    pub sender_id: String,
    pub accepted: bool,
    pub processing_ms: i32,
    pub warnings: Vec<Issue>,
    pub lead_id: Option<String>,
    pub receiver_id: Option<String>,
    pub readers: Vec<OrganizationId>,
    pub awaited: bool,
    pub status: Status,
    pub document: String,
    pub on_expiry: OnExpiry,
    pub acknowledgment: Option<(acknowledgment::Status, Vec<Issue>)>,
    pub duplicate: Option<Duplicate>,
}

/// What the comparison of fingerprints said of a lead that was new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// `UNIQUE` or `DUPLICATE`.
    pub status: &'static str,
    pub of: Option<String>,
}

/// What is answered to an accepted message, now and whenever it comes again.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub message_id: String,
    pub processed_at: DateTime<Utc>,
    pub processing_ms: i32,
    pub warnings: Vec<Issue>,
    pub lead_id: Option<String>,
    pub receiver_id: Option<String>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Accepted(Answer),
    /// It was accepted before.
    Replayed(Answer),
    Refused {
        message_id: String,
        verdict: Verdict,
        processing_ms: i32,
    },
}

/// What the sender of a message that came too late is told, as a dead letter. `None` never happens: what was read
/// can be written.
pub fn dead_letter(submission: &Submission) -> Option<Box<RawValue>> {
    let id = submission.id.as_uuid().simple().to_string();
    let letter = DeadLetter {
        dlq_id: &format!("DLQ-{}-{id}", submission.received_at.format("%Y")),
        enqueued_at: submission.received_at,
        category: FailureCategory::TtlExpired,
        reason: Some("the message's time to live was over when it came"),
        attempt_count: 0,
        last_attempt: None,
        retry_eligible: false,
        notification_sent: true,
        message: &submission.message,
    };
    serde_json::value::to_raw_value(&letter.to_value()).ok()
}
