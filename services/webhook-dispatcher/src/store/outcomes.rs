//! When the last delivery of an event has ended, for the publisher who asked to be told.

use crate::domain::delivery::EXPIRED;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use contracts::lex::OnExpiry;
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
    /// Neither: the subscription was deleted or disabled, or the message was to be dropped when its time is over.
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
        "select events.event_id from unnest($1::uuid[]) as asked (event_id) join events using (event_id)
         where track_delivery and settled_at is null
         order by events.event_id for update of events",
        events
    )
    .fetch_all(&mut *connection)
    .await?;
    if locked.is_empty() {
        return Ok(Vec::new());
    }
    // A statement of its own, so that it sees what was committed before the locks were had. A message that
    // has waited in vain counts as one delivery.
    let rows = sqlx::query!(
        r#"update events set settled_at = $2
         from (
             select asked.event_id,
                 count(*) filter (where state = 0) as open,
                 count(*) filter (where counts and state = 1) as delivered,
                 count(*) filter (where counts and state = 2) as dead_letter,
                 count(*) filter (where counts and state = 2 and last_error = $3) as expired,
                 count(*) filter (where counts and state in (3, 4)) as cancelled
             from unnest($1::uuid[]) as asked (event_id)
             left join deliveries using (event_id)
             group by asked.event_id
         ) as counted
         left join open_messages as message on message.event_id = counted.event_id
         where counted.event_id = events.event_id and open = 0
           and message.held_version is null
         returning events.event_id, organization_id, source, traceparent, on_expiry,
             coalesce(message.lapsed, false) as "lapsed!", delivered as "delivered!",
             dead_letter as "dead_letter!", expired as "expired!", cancelled as "cancelled!""#,
        &locked,
        now,
        EXPIRED
    )
    .fetch_all(&mut *connection)
    .await?;
    let messages: Vec<Uuid> =
        rows.iter().filter(|row| row.on_expiry.is_some()).map(|row| row.event_id).collect();
    if !messages.is_empty() {
        sqlx::query!("delete from open_messages where event_id = any($1)", &messages)
            .execute(connection)
            .await?;
    }
    let drops = OnExpiry::Discard.name();
    let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(rows
        .into_iter()
        .map(|row| {
            let dropped = i64::from(row.lapsed && row.on_expiry.as_deref() == Some(drops));
            let died = i64::from(row.lapsed) - dropped;
            SettledEvent {
                event: EventId::new(row.event_id),
                organization: OrganizationId::new(row.organization_id),
                source: row.source,
                traceparent: row.traceparent,
                delivered: number(row.delivered),
                dead_letter: number(row.dead_letter + died),
                expired: number(row.expired + died),
                cancelled: number(row.cancelled + dropped),
            }
        })
        .collect())
}
