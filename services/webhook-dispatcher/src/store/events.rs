//! Events, stored once each for all their deliveries.

use crate::domain::event::Event;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Stores events that are not stored yet.
///
/// # Errors
/// When the database refuses, for want of a partition for example, or is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    events: &[&Event],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    fn column<T>(events: &[&Event], of: impl Fn(&Event) -> T) -> Vec<T> {
        events.iter().map(|event| of(event)).collect()
    }
    sqlx::query(
        "insert into events (event_id, organization_id, source, kind, occurred_at, traceparent, track_delivery,
             payload, received_at)
         select *, $9 from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
             $7::boolean[], $8::bytea[])
         on conflict do nothing",
    )
    .bind(column(events, |event| event.id.as_uuid()))
    .bind(column(events, |event| event.organization.as_uuid()))
    .bind(column(events, |event| event.source.clone()))
    .bind(column(events, |event| event.kind.clone()))
    .bind(column(events, |event| event.occurred_at))
    .bind(column(events, |event| event.traceparent.clone()))
    .bind(column(events, |event| event.track_delivery))
    .bind(column(events, |event| event.payload.clone()))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

struct EventRow {
    event_id: Uuid,
    organization_id: Uuid,
    source: String,
    kind: String,
    occurred_at: DateTime<Utc>,
    traceparent: Option<String>,
    track_delivery: bool,
    payload: Vec<u8>,
}

/// Events by their ids.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Event>, StoreError> {
    let rows = sqlx::query_as!(
        EventRow,
        "select event_id, organization_id, source, kind, occurred_at, traceparent, track_delivery, payload
         from events where event_id = any($1)",
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Event::from).collect())
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            id: EventId::new(row.event_id),
            organization: OrganizationId::new(row.organization_id),
            source: row.source,
            kind: row.kind,
            occurred_at: row.occurred_at,
            traceparent: row.traceparent,
            track_delivery: row.track_delivery,
            payload: row.payload,
        }
    }
}
