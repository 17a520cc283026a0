//! What is shown of workers: their list, their events in time, their cards.

use super::event::Category;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A worker as others see them.
#[derive(Clone, Debug)]
pub struct ListedWorker {
    pub worker_id: Uuid,
    /// The connection that made them: `custom:<app>`.
    pub integration: String,
    pub created_at: DateTime<Utc>,
    pub display_name: Option<String>,
    pub external_id: Option<String>,
    pub email: Option<String>,
}

/// Which workers are wanted. Without anything: all.
#[derive(Clone, Debug, Default)]
pub struct WorkerSelection {
    /// Those whom this application made.
    pub app: Option<String>,
    /// A part of one of their names, in any case.
    pub search: Option<String>,
}

/// Which events of a worker are wanted. Without anything: all.
#[derive(Clone, Debug, Default)]
pub struct EventSelection {
    pub app: Option<String>,
    pub event_type: Option<String>,
    pub category: Option<Category>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// An event on a timeline.
#[derive(Clone, Debug)]
pub struct TimelineEvent {
    pub id: Uuid,
    pub event_type: String,
    pub category: String,
    pub app: String,
    pub occurred_at: DateTime<Utc>,
    pub duration: Option<i32>,
    pub metadata: Option<Box<RawValue>>,
}

/// A place on a timeline: the last event before the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub occurred_at: DateTime<Utc>,
    pub id: Uuid,
}

/// The latest snapshot of its type.
#[derive(Clone, Debug)]
pub struct Card {
    pub app: String,
    pub snapshot_type: String,
    pub taken_at: DateTime<Utc>,
    pub metrics: Box<RawValue>,
}
