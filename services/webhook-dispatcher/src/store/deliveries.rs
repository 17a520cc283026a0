//! Deliveries: made by the fan-out, read by the engine and by their owner.

use crate::domain::delivery::{DeliveryKey, DeliveryState, EXPIRED, ShownDelivery};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

pub const TABLE: &str = "deliveries";
/// The most deliveries that one statement ends or brings back.
pub const BATCH: i64 = 1_000;

/// A delivery that the fan-out has matched.
#[derive(Clone, Copy, Debug)]
pub struct NewDelivery {
    pub key: DeliveryKey,
    pub organization: OrganizationId,
    /// Pending, or skipped because the subscription is disabled.
    pub state: DeliveryState,
    /// Whether what becomes of it is what the event's publisher is told.
    pub counts: bool,
}

impl NewDelivery {
    /// Whether it is what a message waits for.
    pub fn is_awaited(&self) -> bool {
        self.counts && self.state == DeliveryState::Pending
    }
}

/// A delivery whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    pub key: DeliveryKey,
    pub attempts: i16,
    pub replay: i16,
    /// Of the last attempt, if one was made and answered.
    pub last_status: Option<i16>,
    pub attempted_at: Option<DateTime<Utc>>,
    /// Of the last attempt, if that was recorded.
    pub traceparent: Option<String>,
}

impl DueDelivery {
    /// One of which no attempt was made.
    pub const fn first(key: DeliveryKey) -> Self {
        Self { key, attempts: 0, replay: 0, last_status: None, attempted_at: None, traceparent: None }
    }
}

/// A column of deliveries that are to be stored.
pub(super) fn column<T>(deliveries: &[NewDelivery], of: impl Fn(&NewDelivery) -> T) -> Vec<T> {
    deliveries.iter().map(of).collect()
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
    if deliveries.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into deliveries (event_id, subscription_id, organization_id, state, counts, next_at, created_at, ended_at)
         select event_id, subscription_id, organization_id, state, counts, $6, $6,
             case when state = 0 then null else $6 end
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::boolean[])
             as new (event_id, subscription_id, organization_id, state, counts)
         on conflict do nothing",
    )
    .bind(column(deliveries, |delivery| delivery.key.event.as_uuid()))
    .bind(column(deliveries, |delivery| delivery.key.subscription.as_uuid()))
    .bind(column(deliveries, |delivery| delivery.organization.as_uuid()))
    .bind(column(deliveries, |delivery| delivery.state.code()))
    .bind(column(deliveries, |delivery| delivery.counts))
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
    last_status: Option<i16>,
    attempted_at: Option<DateTime<Utc>>,
    traceparent: Option<String>,
}

/// The first due deliveries of each subscription, so many of each.
///
/// # Errors
/// When the database is unavailable.
pub async fn due(
    connection: &mut PgConnection,
    subscriptions: &[(SubscriptionId, usize)],
    now: DateTime<Utc>,
) -> Result<Vec<DueDelivery>, StoreError> {
    let ids: Vec<Uuid> = subscriptions.iter().map(|(id, _)| id.as_uuid()).collect();
    let limits: Vec<i64> =
        subscriptions.iter().map(|(_, limit)| i64::try_from(*limit).unwrap_or(i64::MAX)).collect();
    let rows = sqlx::query_as!(
        DueRow,
        r#"select due.event_id as "event_id!", due.subscription_id as "subscription_id!",
             due.attempts as "attempts!", due.replay as "replay!", due.last_status as "last_status?",
             due.attempted_at as "attempted_at?", due.traceparent as "traceparent?"
         from unnest($1::uuid[], $2::bigint[]) as wanted (id, most)
         cross join lateral (
             select event_id, subscription_id, attempts, replay, last_status, attempted_at, traceparent
             from deliveries where subscription_id = wanted.id and state = 0 and next_at <= $3
             order by next_at limit wanted.most
         ) due"#,
        &ids,
        &limits,
        now
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DueDelivery {
            key: key(row.event_id, row.subscription_id),
            attempts: row.attempts,
            replay: row.replay,
            last_status: row.last_status,
            attempted_at: row.attempted_at,
            traceparent: row.traceparent,
        })
        .collect())
}

/// How many deliveries of some subscriptions are due, counted up to [`BATCH`] each, and since when the first is.
///
/// # Errors
/// When the database is unavailable.
pub async fn count_due(
    connection: &mut PgConnection,
    subscriptions: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
    let row = sqlx::query!(
        r#"select count(*) as "count!", min(due.next_at) as "oldest?"
         from unnest($1::uuid[]) as wanted (id)
         cross join lateral (
             select next_at from deliveries
             where subscription_id = wanted.id and state = 0 and next_at <= $3
             order by next_at limit $2
         ) due"#,
        subscriptions,
        BATCH,
        now
    )
    .fetch_one(connection)
    .await?;
    Ok((row.count, row.oldest))
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

/// Ends pending deliveries of subscriptions that get nothing any more, but for those of some events: as
/// skipped or cancelled. Answers which, at most [`BATCH`]; call again while there are some.
///
/// # Errors
/// When the database is unavailable.
pub async fn end_pending(
    connection: &mut PgConnection,
    subscriptions: &[Uuid],
    but: &[Uuid],
    state: DeliveryState,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryKey>, StoreError> {
    let rows = sqlx::query!(
        "update deliveries set state = $5, ended_at = $3
         where state = 0 and (event_id, subscription_id) in (
             select event_id, subscription_id from deliveries
             where subscription_id = any($1) and state = 0 and event_id <> all($2)
             limit $4
         )
         returning event_id, subscription_id",
        subscriptions,
        but,
        now,
        BATCH,
        state.code()
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| key(row.event_id, row.subscription_id)).collect())
}

/// A delivery that was given up because its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiredDelivery {
    pub key: DeliveryKey,
    pub organization: OrganizationId,
    pub attempts: i16,
    pub last_status: Option<i16>,
}

/// Gives up open deliveries of the events between two ids. Answers which, at most [`BATCH`]; call again while
/// there are as many.
///
/// # Errors
/// When the database is unavailable.
pub async fn expire(
    connection: &mut PgConnection,
    (first, before): (Uuid, Uuid),
    now: DateTime<Utc>,
) -> Result<Vec<ExpiredDelivery>, StoreError> {
    let rows = sqlx::query!(
        "update deliveries set state = $5, last_error = $6, reason = $6, ended_at = $3
         where event_id >= $1 and event_id < $2 and state = 0 and (event_id, subscription_id) in (
             select event_id, subscription_id from deliveries
             where event_id >= $1 and event_id < $2 and state = 0
             limit $4
         )
         returning event_id, subscription_id, organization_id, attempts, last_status",
        first,
        before,
        now,
        BATCH,
        DeliveryState::DeadLetter.code(),
        EXPIRED
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ExpiredDelivery {
            key: key(row.event_id, row.subscription_id),
            organization: OrganizationId::new(row.organization_id),
            attempts: row.attempts,
            last_status: row.last_status,
        })
        .collect())
}

/// Whether any delivery of the events between two ids is open.
///
/// # Errors
/// When the database is unavailable.
pub async fn any_open(
    connection: &mut PgConnection,
    (first, before): (Uuid, Uuid),
) -> Result<bool, StoreError> {
    let open = sqlx::query_scalar!(
        r#"select exists (
             select from deliveries where event_id >= $1 and event_id < $2 and state = 0
         ) as "open!""#,
        first,
        before
    )
    .fetch_one(connection)
    .await?;
    Ok(open)
}

/// Makes a delivery due now, with all its attempts before it, whatever became of it before. Says what state
/// it was in; `None` when there is none, or it was cancelled.
///
/// # Errors
/// When the database is unavailable.
pub async fn retry(
    connection: &mut PgConnection,
    organization: OrganizationId,
    key: DeliveryKey,
    now: DateTime<Utc>,
) -> Result<Option<DeliveryState>, StoreError> {
    let before = sqlx::query_scalar!(
        "update deliveries set state = 0, next_at = $4, ended_at = null,
             attempts = case when before.state = 0 then deliveries.attempts else 0 end,
             replay = deliveries.replay + case when before.state = 0 then 0 else 1 end
         from (
             select event_id, subscription_id, state from deliveries
             where organization_id = $1 and event_id = $2 and subscription_id = $3 for update
         ) as before
         where deliveries.event_id = before.event_id and deliveries.subscription_id = before.subscription_id
           and before.state <> 4
         returning before.state",
        organization.as_uuid(),
        key.event.as_uuid(),
        key.subscription.as_uuid(),
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(before.and_then(DeliveryState::of_code))
}

/// Which deliveries are to be shown.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// Of one subscription, newest event first, from behind one event.
    Log { subscription: SubscriptionId, before: Option<EventId>, limit: usize },
    /// This one.
    One(DeliveryKey),
    /// Of one event, in the order of the subscriptions.
    OfEvent(EventId),
}

/// Deliveries of an organisation.
///
/// # Errors
/// When the database is unavailable.
pub async fn show(
    connection: &mut PgConnection,
    organization: OrganizationId,
    shown: Shown,
) -> Result<Vec<ShownDelivery>, StoreError> {
    let (event, subscription, before, limit) = match shown {
        Shown::Log { subscription, before, limit } => {
            (None, Some(subscription), before, i64::try_from(limit).unwrap_or(i64::MAX))
        }
        Shown::One(key) => (Some(key.event), Some(key.subscription), None, 1),
        Shown::OfEvent(event) => (Some(event), None, None, i64::MAX),
    };
    let rows = sqlx::query!(
        r#"select deliveries.event_id as "event_id!", deliveries.subscription_id as "subscription_id!",
             events.kind as "kind!", deliveries.state as "state!", attempts as "attempts!", last_status,
             last_error, next_at as "next_at!", ended_at, deliveries.created_at as "created_at!"
         from deliveries join events on events.event_id = deliveries.event_id
         where deliveries.organization_id = $1
           and ($2::uuid is null or deliveries.event_id = $2)
           and ($3::uuid is null or deliveries.subscription_id = $3)
           and ($4::uuid is null or deliveries.event_id < $4)
         order by deliveries.event_id desc, deliveries.subscription_id limit $5"#,
        organization.as_uuid(),
        event.map(EventId::as_uuid),
        subscription.map(SubscriptionId::as_uuid),
        before.map(EventId::as_uuid),
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ShownDelivery {
            key: key(row.event_id, row.subscription_id),
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

pub(super) fn key(event: Uuid, subscription: Uuid) -> DeliveryKey {
    DeliveryKey { event: EventId::new(event), subscription: SubscriptionId::new(subscription) }
}
