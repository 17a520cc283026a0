//! The outbox: events that leave in the transaction of the change they speak of.
//!
//! Rows are inserted here or by a service's own statement, and deleted by the [`crate::relay`] once the
//! broker has confirmed them.

use crate::error::StoreError;
use crate::parcels::pack_rows;
use bytes::Bytes;
use contracts::event::{BATCH_CONTENT_TYPE, CONTENT_TYPE, CloudEvent, EventData};
use contracts::topology::EVENTS;
use platform::messaging::OutboundMessage;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// An event that waits for its transaction.
#[derive(Clone, Debug)]
pub struct PendingEvent {
    pub event_id: Uuid,
    pub routing_key: String,
    pub kind: String,
    /// String headers of the message, as a JSON object.
    pub headers: Value,
    /// The exact bytes that are published: an event, or a batch, which may be compressed ([`platform::content_coding`]).
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
            content_type: if event.payload.starts_with(b"{") { CONTENT_TYPE } else { BATCH_CONTENT_TYPE },
            headers,
            payload: Bytes::from(event.payload),
        }
    }
}

/// Events in the rows that are stored of them: neighbours of a kind share one where they may.
#[derive(Clone, Debug)]
pub struct Packed(Vec<PendingEvent>);

impl Packed {
    pub fn of(events: Vec<PendingEvent>) -> Self {
        Self(pack_rows(events))
    }

    /// A column of the rows.
    pub fn column<'e, T>(&'e self, of: impl Fn(&'e PendingEvent) -> T) -> Vec<T> {
        self.0.iter().map(of).collect()
    }

    /// The rows with the numbers that they were given, for the relay.
    pub fn entries(self, numbers: impl IntoIterator<Item = (Uuid, i64)>) -> Vec<OutboxEntry> {
        let numbers: HashMap<Uuid, i64> = numbers.into_iter().collect();
        // Every row that was inserted is returned.
        let entries = self.0.into_iter().filter_map(|event| {
            let seq = *numbers.get(&event.event_id)?;
            Some(OutboxEntry { seq, event })
        });
        entries.collect()
    }
}

/// Inserts events in the caller's transaction, in one statement; their numbers follow their order. Hand the entries to
/// the relay after the commit.
///
/// # Errors
/// When the database refuses or is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    events: Vec<PendingEvent>,
) -> Result<Vec<OutboxEntry>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Packed::of(events);
    let numbers: Vec<(Uuid, i64)> = sqlx::query_as(
        "insert into outbox (event_id, routing_key, kind, headers, payload)
         select event_id, routing_key, kind, headers, payload
         from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[]) with ordinality
             as input (event_id, routing_key, kind, headers, payload, position)
         order by position
         returning event_id, seq",
    )
    .bind(rows.column(|event| event.event_id))
    .bind(rows.column(|event| event.routing_key.as_str()))
    .bind(rows.column(|event| event.kind.as_str()))
    .bind(rows.column(|event| &event.headers))
    .bind(rows.column(|event| event.payload.as_slice()))
    .fetch_all(connection)
    .await?;
    Ok(rows.entries(numbers))
}
