//! A snapshot: how a worker's metrics stand at a moment.

use super::actor::Actor;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

/// A snapshot that passed validation.
#[derive(Clone, Debug)]
pub struct NewSnapshot {
    pub snapshot_type: String,
    pub timestamp: Option<DateTime<Utc>>,
    pub actor: Actor,
    pub metrics: Box<RawValue>,
    pub metadata: Option<Box<RawValue>>,
}
