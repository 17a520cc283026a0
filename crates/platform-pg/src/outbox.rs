//! The outbox: events that leave in the transaction of the change they speak of.
//!
//! Rows are inserted here or by a service's own statement, and deleted by the [`crate::relay`] once the
//! broker has confirmed them.

use crate::error::StoreError;
use bytes::Bytes;
use contracts::event::{CONTENT_TYPE, CloudEvent, EventData};
use contracts::topology::EVENTS;
use platform::messaging::OutboundMessage;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

/// An event that waits for its transaction.
#[derive(Clone, Debug)]
pub struct PendingEvent {
    pub event_id: Uuid,
    pub routing_key: String,
    pub kind: String,
    /// String headers of the message, as a JSON object.
    pub headers: Value,
    /// The exact bytes that are published.
    pub payload: Vec<u8>,
}

/// A committed event, with the number of its row.
#[derive(Clone, Debug)]
pub struct OutboxEntry {
    pub seq: i64,
    pub event: PendingEvent,
}

impl PendingEvent {
    /// Writes an event down as it will be published.
    ///
    /// # Errors
    /// When the data cannot be written as JSON.
    pub fn of<D: EventData>(event: &CloudEvent<D>) -> Result<Self, serde_json::Error> {
        let mut headers = Map::new();
        headers.insert("tenant-id".to_owned(), event.tenantid.to_string().into());
        headers.insert("aggregate-id".to_owned(), event.partitionkey.clone().into());
        if let Some(traceparent) = &event.traceparent {
            headers.insert("traceparent".to_owned(), traceparent.clone().into());
        }
        Ok(Self {
            event_id: event.id.as_uuid(),
            routing_key: event.data.routing_key().into_owned(),
            kind: D::TYPE.to_owned(),
            headers: Value::Object(headers),
            payload: serde_json::to_vec(event)?,
        })
    }
}

impl From<PendingEvent> for OutboundMessage {
    fn from(event: PendingEvent) -> Self {
        let headers = match event.headers {
            Value::Object(map) => map
                .into_iter()
                .filter_map(|(name, value)| value.as_str().map(|text| (name, text.to_owned())))
                .collect(),
            _ => Vec::new(),
        };
        Self {
            message_id: event.event_id,
            exchange: EVENTS,
            routing_key: event.routing_key,
            kind: event.kind,
            content_type: CONTENT_TYPE,
            headers,
            payload: Bytes::from(event.payload),
        }
    }
}

/// Inserts events in the caller's transaction. Hand the entries to the relay after the commit.
///
/// # Errors
/// When the database refuses or is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    events: Vec<PendingEvent>,
) -> Result<Vec<OutboxEntry>, StoreError> {
    let mut entries = Vec::with_capacity(events.len());
    for event in events {
        let seq = sqlx::query_scalar(
            "insert into outbox (event_id, routing_key, kind, headers, payload) values ($1, $2, $3, $4, $5) \
             returning seq",
        )
        .bind(event.event_id)
        .bind(&event.routing_key)
        .bind(&event.kind)
        .bind(&event.headers)
        .bind(&event.payload)
        .fetch_one(&mut *connection)
        .await?;
        entries.push(OutboxEntry { seq, event });
    }
    Ok(entries)
}
