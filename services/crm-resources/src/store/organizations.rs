//! What an organisation leaves behind when it is gone.

use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::PgPool;

/// Rows that one statement deletes.
const BATCH: i64 = 5_000;

/// Deletes everything of an organisation, in small statements. Safe to repeat. The answer is how many rows.
///
/// # Errors
/// When the database is unavailable; what was deleted until then is gone.
pub async fn delete_all(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let mut batch = 0;
        batch += delete_products(pool, organization).await?;
        batch += delete_customers(pool, organization).await?;
        batch += delete_leads(pool, organization).await?;
        batch += delete_automations(pool, organization).await?;
        batch += delete_runs(pool, organization).await?;
        batch += delete_answers(pool, organization).await?;
        if batch == 0 {
            return Ok(total);
        }
        total += batch;
    }
}

async fn delete_products(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let statement = sqlx::query!(
        "delete from products where organization_id = $1
             and id in (select id from products where organization_id = $1 limit $2)",
        organization.as_uuid(),
        BATCH
    );
    Ok(statement.execute(pool).await?.rows_affected())
}

async fn delete_customers(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let statement = sqlx::query!(
        "delete from customers where organization_id = $1
             and id in (select id from customers where organization_id = $1 limit $2)",
        organization.as_uuid(),
        BATCH
    );
    Ok(statement.execute(pool).await?.rows_affected())
}

async fn delete_leads(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let statement = sqlx::query!(
        "delete from leads where organization_id = $1
             and id in (select id from leads where organization_id = $1 limit $2)",
        organization.as_uuid(),
        BATCH
    );
    Ok(statement.execute(pool).await?.rows_affected())
}

async fn delete_automations(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let statement =
        sqlx::query!("delete from automations where organization_id = $1", organization.as_uuid());
    Ok(statement.execute(pool).await?.rows_affected())
}

async fn delete_runs(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let statement = sqlx::query!(
        "delete from automation_runs where organization_id = $1
             and id in (select id from automation_runs where organization_id = $1 limit $2)",
        organization.as_uuid(),
        BATCH
    );
    Ok(statement.execute(pool).await?.rows_affected())
}

/// The answers that were kept for repetitions: they repeat what was stored.
async fn delete_answers(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let statement = sqlx::query!("delete from idempotency where scope = $1", organization.as_uuid());
    Ok(statement.execute(pool).await?.rows_affected())
}
