//! What an organisation looks for among its messages, and what it is shown of them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// Which of its messages an organisation wants to see. Without anything: all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub direction: Option<Direction>,
    pub kind: Option<&'static str>,
    pub status: Option<&'static str>,
    pub acknowledgment: Option<&'static str>,
    /// A name of whoever is on the other side.
    pub partner: Option<String>,
    pub message_id: Option<String>,
    pub lead_id: Option<String>,
    /// Ids from this one.
    pub first: Option<Uuid>,
    /// Ids before this one.
    pub before: Option<Uuid>,
}

impl Selection {
    /// Whether messages have to be looked at one by one: beyond whose they are and when they came.
    pub fn narrows(&self) -> bool {
        let Self {
            direction: _,
            kind,
            status,
            acknowledgment,
            partner,
            message_id,
            lead_id,
            first: _,
            before: _,
        } = self;
        [kind, status, acknowledgment].iter().any(|word| word.is_some())
            || [partner, message_id, lead_id].iter().any(|text| text.is_some())
    }

    /// Whether an index has exactly these: one's own dead ones.
    pub fn is_of_dead(&self) -> bool {
        self.direction == Some(Direction::Sent) && self.status == Some("DLQ")
    }
}

/// On which side of a message an organisation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Sent,
    Received,
}

impl Direction {
    pub const NAMES: [&str; 2] = ["SENT", "RECEIVED"];

    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "SENT" => Some(Self::Sent),
            "RECEIVED" => Some(Self::Received),
            _ => None,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "SENT",
            Self::Received => "RECEIVED",
        }
    }
}

/// A message in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: Uuid,
    pub direction: Direction,
    pub message_id: String,
    pub kind: Option<String>,
    pub sender_id: Option<String>,
    pub receiver_id: Option<String>,
    pub lead_id: Option<String>,
    pub received_at: DateTime<Utc>,
    pub status: String,
    pub acknowledgment: Option<String>,
}

/// A message with everything that is known of it. Documents and lists of issues are JSON.
#[derive(Clone, Debug)]
pub struct Shown {
    pub listed: Listed,
    pub document: String,
    pub on_expiry: String,
    pub ack_at: Option<DateTime<Utc>>,
    pub ack_errors: Option<String>,
    pub duplicate_status: Option<String>,
    pub duplicate_of: Option<String>,
    /// Whether it is the one that counts under its id: not a refused one that was sent again since.
    pub counts: bool,
    pub processing_ms: Option<i32>,
    pub warnings: Option<String>,
    /// Whether nobody had the receiver's name when it came.
    pub awaited: bool,
    pub lead: Option<ShownLead>,
}

/// How a lead stands, for those who take part in it.
#[derive(Clone, Debug)]
pub struct ShownLead {
    pub lead_id: String,
    pub status: String,
    pub opened_at: DateTime<Utc>,
    pub opener: String,
    pub receiver: String,
    pub closure: Option<String>,
    pub closed_at: Option<DateTime<Utc>>,
}

/// Which reports of conformance runs are wanted. Without anything: all.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub result: Option<&'static str>,
    pub level: Option<i64>,
    /// Time and session of the last report before the page.
    pub after: Option<(DateTime<Utc>, String)>,
}

/// A report that was kept, as JSON.
#[derive(Clone, Debug)]
pub struct Kept {
    pub session_id: String,
    pub run_at: DateTime<Utc>,
    pub report: Value,
}
