//! The public health report: real checks with short time limits.

use crate::state::State;
use crate::store::PARTITIONED;
use platform_pg::{partitions, pool};
use std::future::Future;
use std::time::Duration;

/// A check that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(1);

/// What was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    pub db: bool,
    pub redis: bool,
    pub partitions_provisioned: bool,
}

/// Asks every dependency at once.
pub async fn check_health(state: &State) -> Health {
    let missing = partitions::missing(&state.database, PARTITIONED, state.clock.now());
    let (db, redis, partitions_provisioned) = tokio::join!(
        in_time(async { pool::ping(&state.database).await.is_ok() }),
        in_time(async { state.redis.ping().await.is_ok() }),
        in_time(async { missing.await.is_ok_and(|missing| missing.is_empty()) }),
    );
    Health { db, redis, partitions_provisioned }
}

async fn in_time(check: impl Future<Output = bool>) -> bool {
    tokio::time::timeout(LIMIT, check).await.unwrap_or(false)
}
