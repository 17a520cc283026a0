//! What goes with an organisation that is gone, in bounded statements.

use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::PgConnection;

/// Rows that one statement deletes.
pub const BATCH: i64 = 500;

/// Deletes some of an organisation's leads. Answers how many.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_leads(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "delete from leads where organization_id = $1 and (lead_id, received_at) in
             (select lead_id, received_at from leads where organization_id = $1 limit $2)",
        organization_id.as_uuid(),
        BATCH
    );
    Ok(deleted.execute(connection).await?.rows_affected())
}

/// Deletes some of what waits for an organisation's leads. Answers how many.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_orchestrations(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "delete from orchestrations where organization_id = $1 and event_id in
             (select event_id from orchestrations where organization_id = $1 limit $2)",
        organization_id.as_uuid(),
        BATCH
    );
    Ok(deleted.execute(connection).await?.rows_affected())
}

/// Deletes some of what an organisation was answered. Answers how many.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_answers(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "delete from idempotency where scope = $1 and key in
             (select key from idempotency where scope = $1 limit $2)",
        organization_id.as_uuid(),
        BATCH
    );
    Ok(deleted.execute(connection).await?.rows_affected())
}
