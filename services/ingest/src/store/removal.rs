//! What goes with an organisation that is gone, in bounded statements.

use chrono::NaiveDate;
use contracts::ids::{OrganizationId, WorkerId};
use platform_pg::StoreError;
use sqlx::PgConnection;

/// Events that one statement deletes.
const BATCH: i64 = 2_000;
/// What a month is charged with that takes no more: beyond every quota, and far enough from the largest number.
const CLOSED: i64 = i64::MAX / 2;

/// Some worker of an organisation, if any is left.
///
/// # Errors
/// When the database is unavailable.
pub async fn any_worker(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<Option<WorkerId>, StoreError> {
    let worker = sqlx::query_scalar!(
        "select worker_id from workers where organization_id = $1 limit 1",
        organization_id.as_uuid()
    );
    Ok(worker.fetch_optional(connection).await?.map(WorkerId::new))
}

/// Deletes some of a worker's events. Answers how many.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_events(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "with gone as (
             select occurred_at, event_id from events where organization_id = $1 and worker_id = $2 limit $3
         )
         delete from events using gone where organization_id = $1 and worker_id = $2
             and events.occurred_at = gone.occurred_at and events.event_id = gone.event_id",
        organization_id.as_uuid(),
        worker.as_uuid(),
        BATCH
    );
    Ok(deleted.execute(connection).await?.rows_affected())
}

/// Deletes a worker, with cards and names.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_worker(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with cards as (delete from snapshots where organization_id = $1 and worker_id = $2),
             names as (delete from worker_identities where organization_id = $1 and worker_id = $2)
         delete from workers where organization_id = $1 and worker_id = $2",
        organization_id.as_uuid(),
        worker.as_uuid()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets nothing be charged to these months any more. Waits for writes that have charged already.
///
/// # Errors
/// When the database is unavailable.
pub async fn close_months(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    months: &[NaiveDate],
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into event_usage (organization_id, month, used) select $1, month, $3 from unnest($2::date[]) as month
         on conflict (organization_id, month) do update set used = excluded.used",
        organization_id.as_uuid(),
        months,
        CLOSED
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes what is counted of an organisation, closed months aside.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_account(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with months as (delete from event_usage where organization_id = $1 and used <> $2)
         delete from accounts where organization_id = $1",
        organization_id.as_uuid(),
        CLOSED
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the closed months of an organisation.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_closed_months(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from event_usage where organization_id = $1 and used = $2",
        organization_id.as_uuid(),
        CLOSED
    )
    .execute(connection)
    .await?;
    Ok(())
}
