//! What lies underneath: how fast PostgreSQL commits and RabbitMQ confirms, by themselves, in the same minute as a
//! scenario. A disk whose neighbours are busy syncs ten times slower than the same disk at rest, so that a figure
//! says little without these.

use super::{Line, line, median, per_second};
use contracts::Service;
use contracts::topology::EVENTS;
use futures_util::future::join_all;
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use platform_broker::{Broker, topology};
use sqlx::{Executor, PgPool};
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use testkit::broker::TestBroker;

const CALLERS: u32 = 64;
const TIME: Duration = Duration::from_secs(2);
/// One after another.
const ALONE: usize = 200;
const BYTES: usize = 600;

/// Measures all of it, within about five seconds.
pub(super) async fn lines() -> Vec<Line> {
    let (mut lines, published) = (commits().await, confirms().await);
    lines.extend(published);
    lines
}

async fn commits() -> Vec<Line> {
    let database = TestDatabase::create(Service::Ingest).await;
    let mut settings = database.settings();
    settings.max_connections = CALLERS;
    let pool = platform_pg::connect(&settings, Service::Ingest).unwrap();
    pool.execute("create table written (id uuid primary key, body bytea not null)").await.unwrap();
    let mut alone = Vec::with_capacity(ALONE);
    for _ in 0..ALONE {
        let start = Instant::now();
        commit(&pool).await;
        alone.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    let start = Instant::now();
    let counts = join_all((0..CALLERS).map(async |_| {
        let mut count = 0;
        while start.elapsed() < TIME {
            commit(&pool).await;
            count += 1;
        }
        count
    }))
    .await;
    let rate = per_second(counts.into_iter().sum(), start.elapsed());
    vec![
        line("underneath: one commit, p50", median(alone), "ms"),
        line(format!("underneath: commits of one row, {CALLERS} callers"), rate, "commits/s"),
    ]
}

async fn commit(pool: &PgPool) {
    sqlx::query("insert into written (id, body) values ($1, $2)")
        .bind(testkit::unique_id())
        .bind(vec![b'x'; BYTES])
        .execute(pool)
        .await
        .unwrap();
}

/// Of an event that two quorum queues and a stream take, as they take `lead.created`.
async fn confirms() -> Vec<Line> {
    let server = TestBroker::start().await;
    server.apply(topology::PLATFORM).await;
    let process = testkit::process();
    let broker = Broker::start(
        &server.settings(),
        Service::LeadIntake,
        process.clock.clone(),
        &process.tasks,
        &process.shutdown,
    )
    .unwrap();
    let publisher = broker.publisher();
    publish(&publisher, 1).await;
    let mut alone = Vec::with_capacity(ALONE);
    for _ in 0..ALONE {
        let start = Instant::now();
        publish(&publisher, 1).await;
        alone.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    let (mut count, start) = (0, Instant::now());
    while start.elapsed() < TIME {
        count += 256;
        publish(&publisher, 256).await;
    }
    let rate = per_second(count, start.elapsed());
    process.shutdown.begin();
    vec![
        line("underneath: one confirmed publish, p50", median(alone), "ms"),
        line("underneath: confirmed publishes, 256 on their way", rate, "messages/s"),
    ]
}

async fn publish(publisher: &impl Publish, count: usize) {
    let message = || OutboundMessage {
        message_id: testkit::unique_id(),
        exchange: EVENTS,
        routing_key: "intake.lead.created.v1".to_owned(),
        kind: "lead.created".to_owned(),
        content_type: "application/json",
        headers: Vec::new(),
        payload: vec![b'x'; BYTES].into(),
    };
    let window: Vec<_> = std::iter::repeat_with(message).take(count).collect();
    let outcomes = publisher.publish(&window).await;
    assert!(outcomes.iter().all(|outcome| *outcome == PublishOutcome::Confirmed), "{outcomes:?}");
}
