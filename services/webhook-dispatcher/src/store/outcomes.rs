//! When the last delivery of an event has ended, for the publisher who asked to be told.

use crate::domain::delivery::EXPIRED;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// What became of all deliveries of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledEvent {
    pub event: EventId,
    pub organization: OrganizationId,
    pub source: String,
    pub traceparent: Option<String>,
    pub delivered: u32,
    pub dead_letter: u32,
    /// Of `dead_letter`, those whose time was over.
    pub expired: u32,
    /// Neither: the subscription was deleted or disabled.
    pub cancelled: u32,
}

/// Of some events, those that are tracked and have no open delivery any more, each answered exactly once ever.
///
/// To be called in the transaction that ended deliveries of theirs, after it did: the lock on the event makes
/// the last of several such transactions the one that sees nothing open.
///
/// # Errors
/// When the database is unavailable.
pub async fn settle(
    connection: &mut PgConnection,
    events: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<SettledEvent>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let locked = sqlx::query_scalar!(
        "select event_id from events
         where event_id = any($1) and track_delivery and settled_at is null
         order by event_id for update",
        events
    )
    .fetch_all(&mut *connection)
    .await?;
    if locked.is_empty() {
        return Ok(Vec::new());
    }
    // A statement of its own, so that it sees what was committed before the locks were had.
    let rows = sqlx::query!(
        r#"update events set settled_at = $2
         from (
             select event_id,
                 count(*) filter (where state = 0) as open,
                 count(*) filter (where state = 1) as delivered,
                 count(*) filter (where state = 2) as dead_letter,
                 count(*) filter (where state = 2 and last_error = $3) as expired,
                 count(*) filter (where state in (3, 4)) as cancelled
             from deliveries where event_id = any($1) group by event_id
         ) as counted
         where events.event_id = any($1) and counted.event_id = events.event_id and open = 0
         returning events.event_id, organization_id, source, traceparent, delivered as "delivered!",
             dead_letter as "dead_letter!", expired as "expired!", cancelled as "cancelled!""#,
        &locked,
        now,
        EXPIRED
    )
    .fetch_all(connection)
    .await?;
    let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(rows
        .into_iter()
        .map(|row| SettledEvent {
            event: EventId::new(row.event_id),
            organization: OrganizationId::new(row.organization_id),
            source: row.source,
            traceparent: row.traceparent,
            delivered: number(row.delivered),
            dead_letter: number(row.dead_letter),
            expired: number(row.expired),
            cancelled: number(row.cancelled),
        })
        .collect())
}
