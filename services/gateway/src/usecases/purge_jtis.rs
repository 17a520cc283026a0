//! Forgetting tokens that have expired.

use crate::store::jti_claims;
use platform::clock::Clock;
use platform::lifecycle::{Shutdown, Tasks};
use sqlx::PgPool;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(30);

/// Purges until the shutdown.
pub fn purge_jtis(database: &PgPool, clock: Clock, tasks: &Tasks, shutdown: &Shutdown) {
    let (database, shutdown) = (database.clone(), shutdown.clone());
    tasks.spawn("jti purge", async move {
        while shutdown.sleep(INTERVAL).await {
            match jti_claims::purge(&database, clock.now()).await {
                Ok(count) => tracing::debug!(count, "expired tokens forgotten"),
                Err(error) => tracing::warn!(%error, "expired tokens are not forgotten, trying again"),
            }
        }
    });
}
