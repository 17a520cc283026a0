//! Organisations and clients that are gone, and what is left of them.

use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, OrganizationId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// The most rows that one statement takes away.
const BATCH: i64 = 2_000;

/// Who is gone.
#[derive(Clone, Copy, Debug)]
pub enum Gone {
    Organization(OrganizationId),
    Client(ClientId),
}

/// Notes that somebody is gone.
///
/// # Errors
/// When the database is unavailable.
pub async fn note(connection: &mut PgConnection, gone: Gone, now: DateTime<Utc>) -> Result<(), StoreError> {
    let (what, id) = match gone {
        Gone::Organization(id) => ("organization", id.as_uuid()),
        Gone::Client(id) => ("client", id.as_uuid()),
    };
    sqlx::query!(
        "insert into gone (what, id, gone_at) values ($1, $2, $3) on conflict do nothing",
        what,
        id,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a client is gone, or its organisation.
///
/// # Errors
/// When the database is unavailable.
pub async fn is_gone(
    connection: &mut PgConnection,
    organization: OrganizationId,
    client: ClientId,
) -> Result<bool, StoreError> {
    let gone = sqlx::query_scalar!(
        r#"select exists (
             select from gone where (what = 'organization' and id = $1) or (what = 'client' and id = $2)
         ) as "gone!""#,
        organization.as_uuid(),
        client.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    Ok(gone)
}

/// The subscriptions of an organisation, the deleted ones among them, that may have pending deliveries.
///
/// # Errors
/// When the database is unavailable.
pub async fn subscriptions(
    connection: &mut PgConnection,
    organization: OrganizationId,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from subscriptions where organization_id = $1",
        organization.as_uuid()
    )
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// Takes away a batch of an organisation's events with their deliveries. Says how many; call again while there
/// are some.
///
/// # Errors
/// When the database is unavailable.
pub async fn erase_events(
    connection: &mut PgConnection,
    organization: OrganizationId,
) -> Result<u64, StoreError> {
    let events = sqlx::query_scalar!(
        "select event_id from events where organization_id = $1 order by event_id limit $2",
        organization.as_uuid(),
        BATCH
    )
    .fetch_all(&mut *connection)
    .await?;
    // Its messages to others as well.
    sqlx::query!("delete from deliveries where event_id = any($1)", &events)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from open_messages where event_id = any($1)", &events)
        .execute(&mut *connection)
        .await?;
    let erased = sqlx::query!(
        "delete from events where organization_id = $1 and event_id = any($2)",
        organization.as_uuid(),
        &events
    )
    .execute(connection)
    .await?;
    Ok(erased.rows_affected())
}

/// Takes away a batch of the attempts that were made for subscriptions. Says how many; call again while there
/// are some.
///
/// # Errors
/// When the database is unavailable.
pub async fn erase_attempts(
    connection: &mut PgConnection,
    subscriptions: &[Uuid],
) -> Result<u64, StoreError> {
    let erased = sqlx::query!(
        "delete from attempts where id in (
             select id from attempts where subscription_id = any($1) limit $2
         )",
        subscriptions,
        BATCH
    )
    .execute(connection)
    .await?;
    Ok(erased.rows_affected())
}

/// Takes away what else is known of an organisation's subscriptions. What remains of a deleted one says no
/// longer whose it was.
///
/// # Errors
/// When the database is unavailable.
pub async fn erase_records(
    connection: &mut PgConnection,
    organization: OrganizationId,
    subscriptions: &[Uuid],
) -> Result<(), StoreError> {
    sqlx::query!("delete from recoveries where organization_id = $1", organization.as_uuid())
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from subscription_health where subscription_id = any($1)", subscriptions)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from organizations where organization_id = $1", organization.as_uuid())
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "update subscriptions set organization_id = $2, client_id = $2
         where organization_id = $1 and state = 'deleted'",
        organization.as_uuid(),
        Uuid::nil()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets deleted subscriptions, and organisations and clients that are gone, since before a moment.
///
/// # Errors
/// When the database is unavailable.
pub async fn forget(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    sqlx::query!("delete from gone where gone_at < $1", before).execute(&mut *connection).await?;
    let forgotten = sqlx::query!(
        "delete from subscriptions where state = 'deleted' and updated_at < $1
           and not exists (
               select from deliveries where subscription_id = subscriptions.id and state = 0
           )",
        before
    )
    .execute(connection)
    .await?;
    Ok(forgotten.rows_affected())
}
