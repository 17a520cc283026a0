//! What a claim of the sweeper costs on a clean outbox, and with 300,000 dead rows that an open snapshot keeps
//! from being vacuumed.

use super::{Report, line, median};
use contracts::Service;
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use platform_pg::relay::Relay;
use sqlx::{Executor, PgPool};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::TestDatabase;

const ROWS: usize = 51_200;
const DEAD: i64 = 300_000;
const FACTOR: f64 = 1.5;

/// Confirms at once, and notes when it was asked: what lies between two windows is the claim.
#[derive(Clone, Debug, Default)]
struct Instantly(Arc<Mutex<Vec<Instant>>>);

impl Publish for Instantly {
    async fn publish(&self, window: &[OutboundMessage]) -> Vec<PublishOutcome> {
        self.0.lock().unwrap().push(Instant::now());
        vec![PublishOutcome::Confirmed; window.len()]
    }
}

async fn fill(pool: &PgPool, rows: i64) {
    sqlx::query(
        "insert into outbox (event_id, routing_key, kind, payload, created_at)
         select gen_random_uuid(), 'intake.lead.created.v1', 'lead.created', repeat('x', 600)::bytea,
             now() - interval '1 minute'
         from generate_series(1, $1)",
    )
    .bind(rows)
    .execute(pool)
    .await
    .unwrap();
}

/// Sweeps the outbox empty: the median claim in milliseconds, and all of them together.
async fn swept(pool: &PgPool) -> (f64, f64) {
    fill(pool, i64::try_from(ROWS).unwrap_or(0)).await;
    let (process, publisher) = (testkit::process(), Instantly::default());
    let _relay = Relay::start(pool, publisher.clone(), &process.tasks, &process.shutdown);
    let windows = ROWS / Instantly::WINDOW;
    testkit::eventually_within(Duration::from_mins(1), "a swept outbox", async || {
        (publisher.0.lock().unwrap().len() >= windows).then_some(())
    })
    .await;
    process.shutdown.begin();
    let times = publisher.0.lock().unwrap().clone();
    let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1000.0).collect();
    let total = (times[times.len() - 1] - times[0]).as_secs_f64() * 1000.0;
    (median(&gaps), total)
}

/// The clean outbox first, then the same with a snapshot open since before 300,000 rows died.
pub async fn run() -> Report {
    let database = TestDatabase::create(Service::Ingest).await;
    let pool = database.pool();
    // Once unmeasured, to warm caches up.
    swept(&pool).await;
    let (clean, clean_total) = swept(&pool).await;
    pool.execute("vacuum outbox").await.unwrap();
    // The superuser's session has no limit on idle transactions.
    let old = PgPool::connect(&database.url("postgres")).await.unwrap();
    let mut snapshot = old.begin().await.unwrap();
    snapshot.execute("set transaction isolation level repeatable read; select 1").await.unwrap();
    fill(&pool, DEAD).await;
    pool.execute("delete from outbox").await.unwrap();
    let (dirty, dirty_total) = swept(&pool).await;
    drop(snapshot);
    Report {
        scenario: "outbox-claim",
        lines: vec![
            line("claim and delete 256 rows, clean, median", clean, "ms"),
            line("the same with 300,000 dead rows, median", dirty, "ms"),
            line("ratio of the medians", dirty / clean, "x"),
            line("ratio of the totals over 200 claims", dirty_total / clean_total, "x"),
        ],
        aim: "at most 1.5 times the cost, over all claims",
        reached: dirty_total <= FACTOR * clean_total,
    }
}
