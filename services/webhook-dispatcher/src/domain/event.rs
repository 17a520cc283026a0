//! An event as subscriptions match it and deliveries carry it.

use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};

/// An event from the broker, reduced to what delivering it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub organization: OrganizationId,
    /// The CloudEvents `source` of the service that published it.
    pub source: String,
    /// What subscribers filter on: `lead.created`.
    pub kind: String,
    pub occurred_at: DateTime<Utc>,
    pub traceparent: Option<String>,
    pub track_delivery: bool,
    /// The JSON of its data, byte for byte.
    pub payload: Vec<u8>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use uuid::Uuid;

    pub(crate) fn event(organization: u128, source: &str, kind: &str) -> Event {
        Event {
            id: EventId::new(Uuid::from_u128(1)),
            organization: OrganizationId::new(Uuid::from_u128(organization)),
            source: source.to_owned(),
            kind: kind.to_owned(),
            occurred_at: DateTime::UNIX_EPOCH,
            traceparent: None,
            track_delivery: false,
            payload: b"{}".to_vec(),
        }
    }
}
