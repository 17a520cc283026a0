//! What goes with an organisation that is gone, in bounded statements.

use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::PgPool;

/// Rows that one statement deletes.
const BATCH: i64 = 500;

/// Deletes everything that an organisation sent, and takes it out of what others have.
///
/// # Errors
/// When the database is unavailable; what was deleted until then is gone.
pub async fn delete_all(pool: &PgPool, organization: OrganizationId) -> Result<(), StoreError> {
    let id = organization.as_uuid();
    loop {
        let messages = sqlx::query!(
            "delete from messages where organization_id = $1 and (id, received_at) in
                 (select id, received_at from messages where organization_id = $1 limit $2)",
            id,
            BATCH
        );
        let names = sqlx::query!(
            "delete from message_names where organization_id = $1 and message_id in
                 (select message_id from message_names where organization_id = $1 limit $2)",
            id,
            BATCH
        );
        let leads = sqlx::query!(
            "delete from leads where opened_by = $1 and key in
                 (select key from leads where opened_by = $1 limit $2)",
            id,
            BATCH
        );
        let assets = sqlx::query!(
            "delete from assets where organization_id = $1 and asset_id in
                 (select asset_id from assets where organization_id = $1 limit $2)",
            id,
            BATCH
        );
        let deleted = messages.execute(pool).await?.rows_affected()
            + names.execute(pool).await?.rows_affected()
            + leads.execute(pool).await?.rows_affected()
            + assets.execute(pool).await?.rows_affected();
        if deleted == 0 {
            break;
        }
    }
    sqlx::query!("delete from capabilities where organization_id = $1", id).execute(pool).await?;
    sqlx::query!("delete from conformance_reports where organization_id = $1", id).execute(pool).await?;
    sqlx::query!("delete from organizations where organization_id = $1", id).execute(pool).await?;
    Ok(())
}
