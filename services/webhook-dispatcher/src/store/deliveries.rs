//! Deliveries: made by the fan-out, read by the engine and by the subscription's owner.

use crate::domain::delivery::{DeliveryKey, DeliveryState, LoggedDelivery};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// The most deliveries that one statement skips.
const SKIP_LIMIT: i64 = 1_000;

/// A delivery that the fan-out has matched.
#[derive(Clone, Copy, Debug)]
pub struct NewDelivery {
    pub key: DeliveryKey,
    pub organization: OrganizationId,
    /// Pending, or skipped because the subscription is disabled.
    pub state: DeliveryState,
}

/// A delivery whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    pub key: DeliveryKey,
    pub attempts: i16,
    pub replay: i16,
}

/// Stores deliveries that are not stored yet: due now, or skipped.
///
/// # Errors
/// When the database refuses, for want of a partition for example, or is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    deliveries: &[NewDelivery],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    fn column<T>(deliveries: &[NewDelivery], of: impl Fn(&NewDelivery) -> T) -> Vec<T> {
        deliveries.iter().map(of).collect()
    }
    sqlx::query(
        "insert into deliveries (event_id, subscription_id, organization_id, state, next_at, created_at, ended_at)
         select event_id, subscription_id, organization_id, state, $5, $5, case when state = 0 then null else $5 end
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[])
             as new (event_id, subscription_id, organization_id, state)
         on conflict do nothing",
    )
    .bind(column(deliveries, |delivery| delivery.key.event.as_uuid()))
    .bind(column(deliveries, |delivery| delivery.key.subscription.as_uuid()))
    .bind(column(deliveries, |delivery| delivery.organization.as_uuid()))
    .bind(column(deliveries, |delivery| delivery.state.code()))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

struct DueRow {
    event_id: Uuid,
    subscription_id: Uuid,
    attempts: i16,
    replay: i16,
}

/// The first `limit` due deliveries of each subscription.
///
/// # Errors
/// When the database is unavailable.
pub async fn due(
    connection: &mut PgConnection,
    subscriptions: &[Uuid],
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<DueDelivery>, StoreError> {
    let rows = sqlx::query_as!(
        DueRow,
        r#"select due.event_id as "event_id!", due.subscription_id as "subscription_id!",
             due.attempts as "attempts!", due.replay as "replay!"
         from unnest($1::uuid[]) as wanted (id)
         cross join lateral (
             select event_id, subscription_id, attempts, replay from deliveries
             where subscription_id = wanted.id and state = 0 and next_at <= $3
             order by next_at limit $2
         ) due"#,
        subscriptions,
        limit,
        now
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DueDelivery {
            key: DeliveryKey {
                event: EventId::new(row.event_id),
                subscription: SubscriptionId::new(row.subscription_id),
            },
            attempts: row.attempts,
            replay: row.replay,
        })
        .collect())
}

/// When the first pending delivery of each subscription is due. Those without one are left out.
///
/// # Errors
/// When the database is unavailable.
pub async fn earliest(
    connection: &mut PgConnection,
    subscriptions: &[Uuid],
) -> Result<Vec<(SubscriptionId, DateTime<Utc>)>, StoreError> {
    let rows = sqlx::query!(
        r#"select wanted.id as "id!", first.next_at
         from unnest($1::uuid[]) as wanted (id)
         cross join lateral (
             select next_at from deliveries
             where subscription_id = wanted.id and state = 0
             order by next_at limit 1
         ) first"#,
        subscriptions
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (SubscriptionId::new(row.id), row.next_at)).collect())
}

/// Ends pending deliveries of disabled subscriptions as skipped, but for those of some events. Says how
/// many; call again while there are some.
///
/// # Errors
/// When the database is unavailable.
pub async fn skip(
    connection: &mut PgConnection,
    subscriptions: &[Uuid],
    but: &[Uuid],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let result = sqlx::query!(
        "update deliveries set state = $5, ended_at = $3
         where state = 0 and (event_id, subscription_id) in (
             select event_id, subscription_id from deliveries
             where subscription_id = any($1) and state = 0 and event_id <> all($2)
             limit $4
         )",
        subscriptions,
        but,
        now,
        SKIP_LIMIT,
        DeliveryState::SkippedDisabled.code()
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

/// The log of an organisation's subscription, newest event first, from behind one event.
///
/// # Errors
/// When the database is unavailable.
pub async fn log(
    connection: &mut PgConnection,
    organization: OrganizationId,
    subscription: SubscriptionId,
    before: Option<EventId>,
    limit: usize,
) -> Result<Vec<LoggedDelivery>, StoreError> {
    let rows = sqlx::query!(
        "select event_id, kind, state, attempts, last_status, last_error, next_at, ended_at, created_at
         from deliveries join events using (event_id)
         where deliveries.organization_id = $1 and subscription_id = $2 and ($3::uuid is null or event_id < $3)
         order by event_id desc limit $4",
        organization.as_uuid(),
        subscription.as_uuid(),
        before.map(EventId::as_uuid),
        i64::try_from(limit).unwrap_or(i64::MAX)
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LoggedDelivery {
            key: DeliveryKey { event: EventId::new(row.event_id), subscription },
            event_kind: row.kind,
            // The table's check constraint admits the codes of the domain alone.
            state: DeliveryState::of_code(row.state).unwrap_or(DeliveryState::Pending),
            attempts: row.attempts,
            last_status: row.last_status,
            last_error: row.last_error,
            next_at: row.next_at,
            ended_at: row.ended_at,
            created_at: row.created_at,
        })
        .collect())
}
