//! LEX messages of which something is open: those that wait for a subscription, and those whose time runs out.

use crate::domain::delivery::{DeliveryKey, DeliveryState, EXPIRED};
use crate::store::deliveries::ExpiredDelivery;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use contracts::lex::OnExpiry;
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// The most messages that one step looks at.
pub const BATCH: i64 = 100;

/// A message of which something is open.
#[derive(Clone, Copy, Debug)]
pub struct OpenMessage {
    pub event: EventId,
    /// By its own word or, when it waits, by that of the exchange.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it waits: up to which version no subscription matched.
    pub held_version: Option<i64>,
}

/// Notes messages.
///
/// # Errors
/// When the database is unavailable.
pub async fn insert(connection: &mut PgConnection, messages: &[OpenMessage]) -> Result<(), StoreError> {
    sqlx::query(
        "insert into open_messages (event_id, expires_at, held_version)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) on conflict do nothing",
    )
    .bind(messages.iter().map(|one| one.event.as_uuid()).collect::<Vec<_>>())
    .bind(messages.iter().map(|one| one.expires_at).collect::<Vec<_>>())
    .bind(messages.iter().map(|one| one.held_version).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes messages that wait and were not compared with the subscriptions of a version yet, and keeps other
/// replicas from them until the transaction ends.
///
/// # Errors
/// When the database is unavailable.
pub async fn take_waiting(
    connection: &mut PgConnection,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select event_id from open_messages
         where held_version < $1 and (expires_at is null or expires_at > $2)
         order by held_version, event_id limit $3 for update skip locked",
        version,
        now,
        BATCH
    )
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// Notes of messages that were taken which of them wait on, as of a version; the others do no longer.
///
/// # Errors
/// When the database is unavailable.
pub async fn compared(
    connection: &mut PgConnection,
    taken: &[Uuid],
    still_waiting: &[Uuid],
    version: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update open_messages set held_version = case when event_id = any($2) then $3::bigint end
         where event_id = any($1)",
        taken,
        still_waiting,
        version
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the waiting of messages whose time is over. Answers which, at most [`BATCH`]; call again while there are
/// as many.
///
/// # Errors
/// When the database is unavailable.
pub async fn lapse(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<EventId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "update open_messages set held_version = null, lapsed = true
         where event_id in (
             select event_id from open_messages where held_version is not null and expires_at <= $1
             order by expires_at limit $2 for update skip locked
         )
         returning event_id",
        now,
        BATCH
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(EventId::new).collect())
}

/// The same for messages between two ids, whatever their time.
///
/// # Errors
/// When the database is unavailable.
pub async fn lapse_between(
    connection: &mut PgConnection,
    (first, before): (Uuid, Uuid),
) -> Result<Vec<EventId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "update open_messages set held_version = null, lapsed = true
         where event_id in (
             select event_id from open_messages
             where held_version is not null and event_id >= $1 and event_id < $2 limit $3
         )
         returning event_id",
        first,
        before,
        BATCH
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(EventId::new).collect())
}

/// Gives up deliveries of messages whose time was over at a moment. Answers which, at most [`BATCH`], and which
/// of them are dead letters.
///
/// # Errors
/// When the database is unavailable.
pub async fn end_late(
    connection: &mut PgConnection,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<(ExpiredDelivery, DeliveryState)>, StoreError> {
    let rows = sqlx::query!(
        r#"update deliveries set last_error = $4, reason = $4, ended_at = $2,
             state = case when late.on_expiry = $5 then $6::smallint else $7::smallint end
         from (
             select delivery.event_id, delivery.subscription_id, events.on_expiry
             from open_messages as message
             join events on events.event_id = message.event_id
             join deliveries as delivery on delivery.event_id = message.event_id
             where message.expires_at <= $1 and events.expires_at <= $1 and delivery.state = 0
             limit $3
         ) as late
         where deliveries.event_id = late.event_id and deliveries.subscription_id = late.subscription_id
           and deliveries.state = 0
         returning deliveries.event_id, deliveries.subscription_id, organization_id, attempts, last_status, state"#,
        at,
        now,
        BATCH,
        EXPIRED,
        OnExpiry::Discard.name(),
        DeliveryState::Cancelled.code(),
        DeliveryState::DeadLetter.code()
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let key = DeliveryKey {
                event: EventId::new(row.event_id),
                subscription: SubscriptionId::new(row.subscription_id),
            };
            let ended = ExpiredDelivery {
                key,
                organization: OrganizationId::new(row.organization_id),
                attempts: row.attempts,
                last_status: row.last_status,
            };
            (ended, DeliveryState::of_code(row.state).unwrap_or(DeliveryState::DeadLetter))
        })
        .collect())
}

/// How the last delivery of an event that counts was given up.
#[derive(Clone, Copy, Debug)]
pub struct DeadDelivery {
    pub attempts: i16,
    pub last_status: Option<i16>,
    pub attempted_at: Option<DateTime<Utc>>,
}

/// The last of an event's deliveries that was given up.
///
/// # Errors
/// When the database is unavailable.
pub async fn last_dead(
    connection: &mut PgConnection,
    event: EventId,
) -> Result<Option<DeadDelivery>, StoreError> {
    let row = sqlx::query_as!(
        DeadDelivery,
        "select attempts, last_status, attempted_at from deliveries
         where event_id = $1 and counts and state = $2 order by ended_at desc limit 1",
        event.as_uuid(),
        DeliveryState::DeadLetter.code()
    )
    .fetch_optional(connection)
    .await?;
    Ok(row)
}
