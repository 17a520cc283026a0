//! Taking a person out of workers, cards and events. Ids, types and times remain.

use contracts::ids::{OrganizationId, WorkerId};
use platform_pg::StoreError;
use sqlx::PgConnection;

/// Events that one statement strips.
const BATCH: i64 = 2_000;

/// The worker with an e-mail address, in lower case.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    email: &str,
) -> Result<Option<WorkerId>, StoreError> {
    let worker = sqlx::query_scalar!(
        "select worker_id from worker_identities
         where organization_id = $1 and namespace = 'email' and value = $2",
        organization_id.as_uuid(),
        email
    );
    Ok(worker.fetch_optional(connection).await?.map(WorkerId::new))
}

/// Strips some of a worker's events of what an application wrote into them. Answers how many.
///
/// # Errors
/// When the database is unavailable.
pub async fn strip_events(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
) -> Result<u64, StoreError> {
    let stripped = sqlx::query!(
        "with full_ones as (
             select occurred_at, event_id from events
             where organization_id = $1 and worker_id = $2 and metadata is not null limit $3
         )
         update events set metadata = null from full_ones where organization_id = $1 and worker_id = $2
             and events.occurred_at = full_ones.occurred_at and events.event_id = full_ones.event_id",
        organization_id.as_uuid(),
        worker.as_uuid(),
        BATCH
    );
    Ok(stripped.execute(connection).await?.rows_affected())
}

/// Strips a worker and their cards; no name leads to them any more. Answers how many records that were.
///
/// # Errors
/// When the database is unavailable.
pub async fn strip_worker(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
) -> Result<u64, StoreError> {
    let stripped = sqlx::query_scalar!(
        r#"with cards as (
               delete from snapshots where organization_id = $1 and worker_id = $2 returning 1
           ), names as (
               delete from worker_identities where organization_id = $1 and worker_id = $2
           ), worker as (
               update workers set display_name = null, external_id = null, email = null
               where organization_id = $1 and worker_id = $2 returning 1
           )
           select (select count(*) from cards) + (select count(*) from worker) as "records!""#,
        organization_id.as_uuid(),
        worker.as_uuid()
    );
    Ok(u64::try_from(stripped.fetch_one(connection).await?).unwrap_or(0))
}
