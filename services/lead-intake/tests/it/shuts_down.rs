//! SIGTERM: what was begun is finished.

use crate::harness::{Harness, lead};
use std::time::Duration;
use testkit::eventually;

const QUEUE: &str = contracts::topology::WEBHOOK_DISPATCHER_EVENTS.name;

#[tokio::test]
async fn a_request_in_flight_is_accepted_and_its_event_published() {
    let intake = Harness::start().await;
    // Held up by a lock on the table, so that the shutdown begins while it is in flight.
    let pool = intake.database.pool();
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("lock table leads in exclusive mode").execute(&mut *lock).await.unwrap();
    let lead = lead();
    let shutdown = async {
        eventually("a write that waits for the lock", async || {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_locks where not granted and database = \
                     (select oid from pg_database where datname = current_database())",
            )
            .fetch_one(&pool)
            .await
            .unwrap();
            (waiting > 0).then_some(())
        })
        .await;
        intake.service.process.shutdown.begin();
        lock.rollback().await.unwrap();
    };
    let (answer, ()) = tokio::join!(intake.submit(&lead), shutdown);
    assert_eq!(answer.status().as_u16(), 201);
    assert!(intake.service.process.tasks.drain(Duration::from_secs(10)).await);
    assert_eq!(intake.broker.peek(QUEUE).await.len(), 1);
    let left: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0);
}
