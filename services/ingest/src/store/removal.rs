//! What goes with an organisation that is gone, in bounded statements.

use contracts::ids::{OrganizationId, WorkerId};
use platform_pg::StoreError;
use sqlx::PgConnection;

/// Events that one statement deletes.
const BATCH: i64 = 2_000;

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

/// Deletes what is counted of an organisation.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_account(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with months as (delete from event_usage where organization_id = $1)
         delete from accounts where organization_id = $1",
        organization_id.as_uuid()
    )
    .execute(connection)
    .await?;
    Ok(())
}
