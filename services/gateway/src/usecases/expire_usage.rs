//! Letting go of figures of usage whose time is over.

use crate::settings::UsageSettings;
use crate::store::usage;
use platform::clock::Clock;
use platform::lifecycle::{Shutdown, Tasks};
use sqlx::PgPool;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_mins(10);

/// Lets go of what is too old, until the shutdown.
pub fn expire_usage(
    database: &PgPool,
    settings: &UsageSettings,
    clock: Clock,
    tasks: &Tasks,
    shutdown: &Shutdown,
) {
    let (database, settings, shutdown) = (database.clone(), settings.clone(), shutdown.clone());
    tasks.spawn("usage retention", async move {
        while shutdown.sleep(INTERVAL).await {
            let (hourly, daily) = (settings.hourly_days, settings.daily_days);
            if let Err(error) = usage::expire(&database, hourly, daily, clock.now()).await {
                tracing::warn!(%error, "usage: old figures stay, trying again");
            }
        }
    });
}
