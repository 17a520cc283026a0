//! Recoveries: deliveries that had ended badly, made due again in batches.

use super::deliveries::BATCH;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::{OrganizationId, SubscriptionId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// A recovery that is not finished.
#[derive(Clone, Debug)]
pub struct Recovery {
    pub id: Uuid,
    pub organization: OrganizationId,
    pub subscription: SubscriptionId,
    /// The first event that was not looked at yet.
    pub first_event: Uuid,
    /// The first event behind it.
    pub last_event: Uuid,
    pub states: Vec<i16>,
    /// Only events of this type.
    pub kind: Option<String>,
    /// Only dead letters that were given up for this reason.
    pub reason: Option<String>,
}

/// The one recovery of a subscription that may run.
pub const RUNNING: &str = "recoveries_running";

/// Begins a recovery.
///
/// # Errors
/// When one is running already (unique constraint [`RUNNING`]), or the database is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    new: &Recovery,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into recoveries (organization_id, id, subscription_id, first_event, last_event, states,
             next_at, created_at, kind, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)",
        new.organization.as_uuid(),
        new.id,
        new.subscription.as_uuid(),
        new.first_event,
        new.last_event,
        &new.states,
        now,
        new.kind,
        new.reason
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a recovery whose next batch is due, and keeps other replicas from it until the transaction ends.
///
/// # Errors
/// When the database is unavailable.
pub async fn take_due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Option<Recovery>, StoreError> {
    let row = sqlx::query!(
        "select id, organization_id, subscription_id, first_event, last_event, states, kind, reason
         from recoveries
         where finished_at is null and next_at <= $1
         order by next_at limit 1 for update skip locked",
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Recovery {
        id: row.id,
        organization: OrganizationId::new(row.organization_id),
        subscription: SubscriptionId::new(row.subscription_id),
        first_event: row.first_event,
        last_event: row.last_event,
        states: row.states,
        kind: row.kind,
        reason: row.reason,
    }))
}

/// Makes the next deliveries of a recovery due, one every `pause` from now on. Answers their events, oldest
/// first, at most [`BATCH`].
///
/// # Errors
/// When the database is unavailable.
pub async fn bring_back(
    connection: &mut PgConnection,
    recovery: &Recovery,
    pause: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StoreError> {
    let mut events = sqlx::query_scalar!(
        "update deliveries set state = 0, attempts = 0, replay = replay + 1, ended_at = null,
             next_at = $6::timestamptz + (position - 1) * make_interval(secs => $7)
         from (
             select event_id as chosen_event, row_number() over (order by event_id) as position
             from (
                 select event_id from deliveries
                 where organization_id = $1 and subscription_id = $2 and state = any($3)
                   and event_id >= $4 and event_id < $5
                   and ($9::text is null or exists (
                       select from events where events.event_id = deliveries.event_id and kind = $9
                   ))
                   and ($10::text is null or (state = 2 and reason = $10))
                 order by event_id limit $8 for update
             ) as locked
         ) as chosen
         where event_id = chosen_event and subscription_id = $2
         returning event_id",
        recovery.organization.as_uuid(),
        recovery.subscription.as_uuid(),
        &recovery.states,
        recovery.first_event,
        recovery.last_event,
        now,
        seconds(pause),
        BATCH,
        recovery.kind,
        recovery.reason
    )
    .fetch_all(connection)
    .await?;
    events.sort_unstable();
    Ok(events)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of at most a day")]
fn seconds(time: TimeDelta) -> f64 {
    time.num_microseconds().unwrap_or(0) as f64 / 1e6
}

/// Notes how far a recovery got. `next_at` is when it goes on; it is finished when there is none.
///
/// # Errors
/// When the database is unavailable.
pub async fn advance(
    connection: &mut PgConnection,
    recovery: &Recovery,
    recovered: i64,
    next_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update recoveries set first_event = $3, recovered = recovered + $4, next_at = coalesce($5, next_at),
             finished_at = case when $5::timestamptz is null then $6::timestamptz end
         where organization_id = $1 and id = $2",
        recovery.organization.as_uuid(),
        recovery.id,
        recovery.first_event,
        recovered,
        next_at,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets recoveries that were finished before a moment.
///
/// # Errors
/// When the database is unavailable.
pub async fn forget(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("delete from recoveries where finished_at < $1", before).execute(connection).await?;
    Ok(())
}
