//! Events per second from the outbox to a confirmed place on a quorum queue, deleted behind.

use super::{Report, line_of, median, per_second};
use contracts::Service;
use platform_broker::{Broker, topology};
use platform_pg::outbox::{self, OutboxEntry, PendingEvent};
use platform_pg::relay::Relay;
use serde_json::json;
use sqlx::PgPool;
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use testkit::broker::TestBroker;

const EVENTS: usize = 15_000;
const ROUNDS: usize = 3;
const AIM: f64 = 10_000.0;

/// Events of about 600 bytes, committed a thousand at a time.
async fn commit(pool: &PgPool) -> Vec<OutboxEntry> {
    let mut entries = Vec::with_capacity(EVENTS);
    for _ in 0..EVENTS / 1_000 {
        let events = (0..1_000).map(|_| PendingEvent {
            event_id: testkit::unique_id(),
            routing_key: "intake.lead.created.v1".to_owned(),
            kind: "lead.created".to_owned(),
            headers: json!({}),
            payload: vec![b'x'; 600],
        });
        let mut transaction = pool.begin().await.unwrap();
        entries.extend(outbox::insert(&mut transaction, events.collect()).await.unwrap());
        transaction.commit().await.unwrap();
    }
    entries
}

/// Hands everything over at once and waits until the outbox is empty.
pub async fn run() -> Report {
    let (database, server) = tokio::join!(TestDatabase::create(Service::Ingest), TestBroker::start());
    server.apply(topology::PLATFORM).await;
    let pool = database.pool();
    let process = testkit::process();
    let broker = Broker::start(
        &server.settings(),
        Service::Ingest,
        process.clock.clone(),
        &process.tasks,
        &process.shutdown,
    )
    .unwrap();
    let relay = Relay::start(&pool, broker.publisher(), &process.tasks, &process.shutdown);
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let entries = commit(&pool).await;
        let start = Instant::now();
        relay.hand_over(entries);
        testkit::eventually_within(Duration::from_mins(1), "an empty outbox", async || {
            let empty: bool =
                sqlx::query_scalar("select not exists (select from outbox)").fetch_one(&pool).await.unwrap();
            empty.then_some(())
        })
        .await;
        rates.push(per_second(EVENTS, start.elapsed()));
    }
    process.shutdown.begin();
    Report {
        scenario: "relay",
        lines: vec![line_of(format!("{EVENTS} events, confirmed and deleted"), &rates, "events/s")],
        aim: "at least 10,000 events/s",
        reached: median(&rates) >= AIM,
    }
}
