//! What an organisation leaves behind when it is gone.

use super::Table;
use contracts::crm::{Automation, Customer, Lead, Product};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::{PgPool, Postgres, QueryBuilder};

/// What is deleted.
const TABLES: [&str; 5] = [Product::NAME, Customer::NAME, Lead::NAME, Automation::NAME, "automation_runs"];
/// Rows that one statement deletes.
const BATCH: i64 = 5_000;

/// Deletes everything of an organisation, in small statements. Safe to repeat. The answer is how many rows.
///
/// # Errors
/// When the database is unavailable; what was deleted until then is gone.
pub async fn delete_all(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let mut batch = delete_answers(pool, organization).await?;
        for table in TABLES {
            batch += delete_rows(pool, organization, table).await?;
        }
        if batch == 0 {
            return Ok(total);
        }
        total += batch;
    }
}

async fn delete_rows(
    pool: &PgPool,
    organization: OrganizationId,
    table: &'static str,
) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("delete from ");
    query.push(table).push(" where organization_id = ").push_bind(organization.as_uuid());
    query.push(" and id in (select id from ").push(table).push(" where organization_id = ");
    query.push_bind(organization.as_uuid()).push(" limit ").push_bind(BATCH).push(")");
    Ok(query.build().execute(pool).await?.rows_affected())
}

/// The answers that were kept for repetitions: they repeat what was stored.
async fn delete_answers(pool: &PgPool, organization: OrganizationId) -> Result<u64, StoreError> {
    let statement = sqlx::query!("delete from idempotency where scope = $1", organization.as_uuid());
    Ok(statement.execute(pool).await?.rows_affected())
}
