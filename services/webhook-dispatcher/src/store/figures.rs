//! What happened by the hour, counted once, and what is open, counted each time.

use crate::domain::figures::{COUNTED, Hour, Open, Whose};
use chrono::{DateTime, Utc};
use contracts::ids::{OrganizationId, SubscriptionId};
use platform::ids::floor;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::ops::Range;
use uuid::Uuid;

/// Up to where the hours are counted, for whoever goes on; `None` while somebody else does.
///
/// # Errors
/// When the database is unavailable.
pub async fn take_turn(connection: &mut PgConnection) -> Result<Option<DateTime<Utc>>, StoreError> {
    let until = sqlx::query_scalar!("select until from hours_counted for update skip locked")
        .fetch_optional(connection)
        .await?;
    Ok(until)
}

/// Up to where the hours are counted.
///
/// # Errors
/// When the database is unavailable.
pub async fn counted_until(connection: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    Ok(sqlx::query_scalar!("select until from hours_counted").fetch_one(connection).await?)
}

/// Adds what happened in a stretch of one hour to that hour, of every organisation, and says that it is counted.
///
/// # Errors
/// When the database is unavailable.
pub async fn count(
    connection: &mut PgConnection,
    hour: DateTime<Utc>,
    stretch: &Range<DateTime<Utc>>,
) -> Result<(), StoreError> {
    let (first, before) = (floor(stretch.start), floor(stretch.end));
    sqlx::query!(
        "insert into event_hours (organization_id, hour, accepted)
         select organization_id, $3, count(*) from events
         where event_id >= $1 and event_id < $2 and kind not like 'webhook.%' group by 1
         on conflict (organization_id, hour) do update set accepted = event_hours.accepted + excluded.accepted",
        first,
        before,
        hour
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into delivery_hours (organization_id, subscription_id, hour, delivered, failed)
         select organization_id, subscription_id, $3, count(*) filter (where error is null),
             count(*) filter (where error is not null)
         from attempts join subscriptions on subscriptions.id = subscription_id
         where attempts.id >= $1 and attempts.id < $2 group by 1, 2
         on conflict (organization_id, subscription_id, hour) do update
             set delivered = delivery_hours.delivered + excluded.delivered,
                 failed = delivery_hours.failed + excluded.failed",
        first,
        before,
        hour
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("update hours_counted set until = $1", stretch.end).execute(connection).await?;
    Ok(())
}

/// Forgets what is counted of an hour, so that it is counted anew.
///
/// # Errors
/// When the database is unavailable.
pub async fn discard(connection: &mut PgConnection, hour: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("delete from event_hours where hour = $1", hour).execute(&mut *connection).await?;
    sqlx::query!("delete from delivery_hours where hour = $1", hour).execute(connection).await?;
    Ok(())
}

/// Lets go of hours that are older.
///
/// # Errors
/// When the database is unavailable.
pub async fn expire(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("delete from event_hours where hour < $1", before).execute(&mut *connection).await?;
    sqlx::query!("delete from delivery_hours where hour < $1", before).execute(connection).await?;
    Ok(())
}

/// Lets go of everything of an organisation.
///
/// # Errors
/// When the database is unavailable.
pub async fn erase(connection: &mut PgConnection, organization: OrganizationId) -> Result<(), StoreError> {
    let organization = organization.as_uuid();
    sqlx::query!("delete from event_hours where organization_id = $1", organization)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from delivery_hours where organization_id = $1", organization)
        .execute(connection)
        .await?;
    Ok(())
}

/// The hours from one on, as far as they are counted; those without anything are left out.
///
/// # Errors
/// When the database is unavailable.
pub async fn hours(
    connection: &mut PgConnection,
    whose: Whose,
    first: DateTime<Utc>,
) -> Result<Vec<Hour>, StoreError> {
    let (organization, subscription) = ids(whose);
    let hours = sqlx::query_as!(
        Hour,
        r#"select hour as "hour!", sum(accepted)::bigint as "accepted", sum(delivered)::bigint as "delivered!",
             sum(failed)::bigint as "failed!", sum(dead_lettered)::bigint as "dead_lettered!"
         from (
             select hour, accepted, 0 as delivered, 0 as failed, 0 as dead_lettered from event_hours
             where ($2::uuid is null or organization_id = $2) and $3::uuid is null and hour >= $1
             union all
             select hour, 0, delivered, failed, 0 from delivery_hours
             where ($2::uuid is null or organization_id = $2) and ($3::uuid is null or subscription_id = $3)
                 and hour >= $1
             union all
             select date_trunc('hour', ended_at, 'UTC'), 0, 0, 0, 1 from deliveries
             where ($2::uuid is null or organization_id = $2) and ($3::uuid is null or subscription_id = $3)
                 and state = 2 and ended_at >= $1
         ) as figures group by hour order by hour"#,
        first,
        organization,
        subscription
    )
    .fetch_all(connection)
    .await?;
    Ok(hours)
}

/// The events that were accepted in a stretch of time.
///
/// # Errors
/// When the database is unavailable.
pub async fn accepted(
    connection: &mut PgConnection,
    organization: Option<OrganizationId>,
    stretch: &Range<DateTime<Utc>>,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from events
         where ($1::uuid is null or organization_id = $1) and event_id >= $2 and event_id < $3
             and kind not like 'webhook.%'"#,
        organization.map(OrganizationId::as_uuid),
        floor(stretch.start),
        floor(stretch.end)
    )
    .fetch_one(connection)
    .await?;
    Ok(count)
}

/// How many requests of a stretch of time succeeded, and how many failed.
///
/// # Errors
/// When the database is unavailable.
pub async fn requested(
    connection: &mut PgConnection,
    whose: Whose,
    stretch: &Range<DateTime<Utc>>,
) -> Result<(i64, i64), StoreError> {
    let (organization, subscription) = ids(whose);
    let row = sqlx::query!(
        r#"select count(*) filter (where error is null) as "delivered!",
             count(*) filter (where error is not null) as "failed!"
         from attempts
         where ($1::uuid is null or subscription_id in (select id from subscriptions where organization_id = $1))
             and ($2::uuid is null or subscription_id = $2) and id >= $3 and id < $4"#,
        organization,
        subscription,
        floor(stretch.start),
        floor(stretch.end)
    )
    .fetch_one(connection)
    .await?;
    Ok((row.delivered, row.failed))
}

/// What has not ended.
///
/// # Errors
/// When the database is unavailable.
pub async fn open(
    connection: &mut PgConnection,
    whose: Whose,
    now: DateTime<Utc>,
) -> Result<Open, StoreError> {
    let (organization, subscription) = ids(whose);
    // Subscription by subscription, because that is how what is pending is indexed.
    let open = sqlx::query_as!(
        Open,
        r#"select least(coalesce(sum(pending), 0), $4)::bigint as "pending!",
             least(coalesce(sum(due) filter (where state = 'active'), 0), $4)::bigint as "due!",
             min(oldest) filter (where state = 'active') as "oldest_due_at"
         from subscriptions cross join lateral (
             select count(*) as pending, count(*) filter (where next_at <= $3) as due,
                 min(next_at) filter (where next_at <= $3) as oldest
             from (
                 select next_at from deliveries where subscription_id = subscriptions.id and state = 0
                 order by next_at limit $4
             ) as pending
         ) as its
         where ($1::uuid is null or organization_id = $1) and ($2::uuid is null or id = $2)"#,
        organization,
        subscription,
        now,
        COUNTED
    )
    .fetch_one(connection)
    .await?;
    Ok(open)
}

/// Dead letters, counted up to a bound.
///
/// # Errors
/// When the database is unavailable.
pub async fn dead_letters(connection: &mut PgConnection, whose: Whose) -> Result<i64, StoreError> {
    let (organization, subscription) = ids(whose);
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from deliveries
             where ($1::uuid is null or organization_id = $1) and ($2::uuid is null or subscription_id = $2)
                 and state = 2
             limit $3
         ) as dead"#,
        organization,
        subscription,
        COUNTED
    )
    .fetch_one(connection)
    .await?;
    Ok(count)
}

fn ids(whose: Whose) -> (Option<Uuid>, Option<Uuid>) {
    (whose.organization.map(OrganizationId::as_uuid), whose.subscription.map(SubscriptionId::as_uuid))
}
