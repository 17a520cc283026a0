//! The mechanisms of platform-pg against a real PostgreSQL and a real RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod broken_writes;
mod group_commit;
mod idempotency;
mod inbox;
mod kept;
mod ledger;
mod order;
mod partitions;
mod relay;
mod release_1;
mod retention;
mod trouble;

use sqlx::PgPool;
use testkit::eventually;

/// Waits until as many statements of this database wait for a lock.
async fn until_blocked(pool: &PgPool, statements: i64) {
    eventually("statements that wait for a lock", async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        (waiting == statements).then_some(())
    })
    .await;
}
