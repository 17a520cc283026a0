//! Events, stored once each for all their deliveries.

use crate::domain::event::{Event, Expiry, origin};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use contracts::lex::OnExpiry;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

pub const TABLE: &str = "events";

/// An event that is to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'e> {
    pub event: &'e Event,
    /// Whether some subscription wants it: if not, what it carries is not kept.
    pub wanted: bool,
    /// When nothing of it is open from the start.
    pub settled_at: Option<DateTime<Utc>>,
}

/// A column of events that are to be stored.
pub(super) fn column<T>(events: &[NewEvent<'_>], of: impl Fn(&NewEvent<'_>) -> T) -> Vec<T> {
    events.iter().map(of).collect()
}

/// The statement that stores events, up to the condition under which it does; [`bind_events`] gives it what it needs.
macro_rules! insert_events {
    () => {
        "insert into events (event_id, organization_id, source, kind, occurred_at, traceparent, track_delivery,
             payload, origin, settled_at, expires_at, on_expiry, subject, request_id, received_at)
         select new.*, $15 from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[],
             $6::text[], $7::boolean[], $8::bytea[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[],
             $13::text[], $14::text[])
             as new (event_id, organization_id, source, kind, occurred_at, traceparent, track_delivery,
                 payload, origin, settled_at, expires_at, on_expiry, subject, request_id)"
    };
}
pub(super) use insert_events;

/// Binds the first fifteen arguments of a statement with [`insert_events`].
macro_rules! bind_events {
    ($query:expr, $events:expr, $now:expr) => {
        $query
            .bind(column($events, |new| new.event.id.as_uuid()))
            .bind(column($events, |new| new.event.organization.as_uuid()))
            .bind(column($events, |new| new.event.source.clone()))
            .bind(column($events, |new| new.event.kind.clone()))
            .bind(column($events, |new| new.event.occurred_at))
            .bind(column($events, |new| new.event.traceparent.clone()))
            .bind(column($events, |new| new.event.track_delivery))
            .bind(column($events, |new| if new.wanted { new.event.payload.clone() } else { Vec::new() }))
            .bind(column($events, |new| new.event.origin.clone()))
            .bind(column($events, |new| new.settled_at))
            .bind(column($events, |new| new.event.expiry.map(|expiry| expiry.at)))
            .bind(column($events, |new| {
                new.event.routing.as_deref().map(|routing| routing.on_expiry().name())
            }))
            .bind(column($events, |new| new.event.subject.clone()))
            .bind(column($events, |new| new.event.request_id.clone()))
            .bind($now)
    };
}
pub(super) use bind_events;

/// Stores events that are not stored yet, and says which those are: the others were fanned out before, and so
/// need no deliveries. Nothing is stored for organisations that are gone.
///
/// # Errors
/// When the database refuses, for want of a partition for example, or is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    events: &[NewEvent<'_>],
    now: DateTime<Utc>,
) -> Result<HashSet<EventId>, StoreError> {
    // Ordered, so that two replicas that store the same events wait for each other instead of deadlocking.
    let statement = sqlx::query_scalar(concat!(
        insert_events!(),
        " where not exists (select from gone where what = 'organization' and id = new.organization_id)
         order by event_id
         on conflict do nothing returning event_id"
    ));
    let fresh: Vec<Uuid> = bind_events!(statement, events, now).fetch_all(connection).await?;
    Ok(fresh.into_iter().map(EventId::new).collect())
}

struct EventRow {
    event_id: Uuid,
    organization_id: Uuid,
    source: String,
    kind: String,
    occurred_at: DateTime<Utc>,
    traceparent: Option<String>,
    request_id: Option<String>,
    subject: Option<String>,
    track_delivery: bool,
    payload: Vec<u8>,
    origin: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    on_expiry: Option<String>,
}

/// Events by their ids, for delivering: whose they are is settled by their deliveries.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Event>, StoreError> {
    let rows = sqlx::query_as!(
        EventRow,
        "select events.event_id, organization_id, source, kind, occurred_at, traceparent, track_delivery, payload,
             origin, expires_at, on_expiry, request_id, subject
         from unnest($1::uuid[]) as wanted (event_id) join events using (event_id)",
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
            origin: row.origin.unwrap_or_else(|| origin(&row.source, None)),
            source: row.source,
            kind: row.kind,
            occurred_at: row.occurred_at,
            traceparent: row.traceparent,
            request_id: row.request_id,
            subject: row.subject,
            track_delivery: row.track_delivery,
            about: None,
            payload: row.payload,
            expiry: row
                .expires_at
                .zip(row.on_expiry)
                .and_then(|(at, then)| Some(Expiry { at, then: OnExpiry::of_name(&then)? })),
            routing: None,
        }
    }
}
