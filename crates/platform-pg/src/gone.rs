//! Organisations that are gone: a second look at what they leave behind.
//!
//! A request that was let in shortly before an organisation was deleted may be written shortly after its rows were
//! removed. Nobody can read what it leaves; so writes pay nothing for it, and what was removed is removed once more
//! when no such request can be on its way any longer. What is removed, and how, is the service's own.

use crate::bounded::{LIMIT, within};
use crate::error::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::OrganizationId;
use platform::clock::Clock;
use platform::lifecycle::{Shutdown, Tasks};
use sqlx::PgPool;
use std::future::Future;
use std::time::Duration;
use uuid::Uuid;

/// More than a request takes after its credential has died: what gateways remember of one, the life of an identity
/// token, a body that comes slowly, and a transaction.
const LAST_REQUEST: TimeDelta = TimeDelta::minutes(5);
/// How often it is asked who is due: one look at a table that is empty but for minutes.
const INTERVAL: Duration = Duration::from_secs(5);

/// Notes that an organisation is gone. To be called before its things are removed for the first time.
///
/// # Errors
/// When the database is unavailable.
pub async fn note(pool: &PgPool, organization: OrganizationId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let statement = sqlx::query(
        "insert into gone_organizations (organization_id, look_again_at) values ($1, $2)
         on conflict (organization_id) do update set look_again_at = excluded.look_again_at",
    );
    within(LIMIT, statement.bind(organization.as_uuid()).bind(now + LAST_REQUEST).execute(pool)).await?;
    Ok(())
}

/// Removes once more what came behind the first removal, until the shutdown. `remove` may be called again for an
/// organisation, and by several replicas at once.
pub fn look_again<F>(
    pool: &PgPool,
    clock: Clock,
    tasks: &Tasks,
    shutdown: &Shutdown,
    remove: impl Fn(OrganizationId) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let (pool, shutdown) = (pool.clone(), shutdown.clone());
    tasks.spawn("second look at gone organisations", async move {
        while shutdown.sleep(INTERVAL).await {
            // Whatever is broken off is done again.
            if let Some(Err(error)) = shutdown.or(look(&pool, clock.now(), &remove)).await {
                tracing::warn!(%error, "gone organisations are not looked at again, trying later");
            }
        }
    });
}

async fn look<F>(
    pool: &PgPool,
    now: DateTime<Utc>,
    remove: &impl Fn(OrganizationId) -> F,
) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>> + Send,
{
    let due = sqlx::query_scalar("select organization_id from gone_organizations where look_again_at <= $1");
    let due: Vec<Uuid> = within(LIMIT, due.bind(now).fetch_all(pool)).await?;
    for organization in due {
        remove(OrganizationId::new(organization)).await?;
        let done =
            sqlx::query("delete from gone_organizations where organization_id = $1 and look_again_at <= $2");
        within(LIMIT, done.bind(organization).bind(now).execute(pool)).await?;
    }
    Ok(())
}
