//! Accepted writes per second at 64 concurrent callers: group commit against a transaction per request. Both
//! write the same three rows: idempotency, document, outbox.

use super::{Report, line, line_of, median, per_second};
use contracts::Service;
use futures_util::future::join_all;
use platform_pg::{GroupCommit, GroupWrite, StoreError};
use serde_json::{Value, json};
use sqlx::{Executor, PgPool};
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use uuid::Uuid;

const CALLERS: usize = 64;
const TIME: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
/// What group commit must reach, in multiples of the baseline.
const FACTOR: f64 = 3.0;

/// A write of about a kilobyte.
struct Document {
    id: Uuid,
    body: Value,
}

impl Document {
    fn new() -> Self {
        Self { id: testkit::unique_id(), body: json!({"customer": "Grace Hopper", "notes": "n".repeat(600)}) }
    }
}

struct Grouped(PgPool);

impl GroupWrite for Grouped {
    type Item = Document;
    type Outcome = bool;
    type Key = Uuid;

    fn key(item: &Document) -> Uuid {
        item.id
    }

    async fn write(&self, items: &[Document]) -> Result<Vec<bool>, StoreError> {
        let fresh: Vec<bool> = sqlx::query_scalar(
            "with input as materialized (
                 select * from unnest($1::uuid[], $2::jsonb[]) with ordinality as input (id, body, position)
             ), claimed as (
                 insert into idempotency (scope, key, fingerprint, status, response)
                 select id, id::text, '', 201, '' from input order by input.id on conflict do nothing returning scope
             ), fresh as (
                 select input.* from input join claimed on scope = id
             ), stored as (
                 insert into documents (id, body) select id, body from fresh
             ), sent as (
                 insert into outbox (event_id, routing_key, kind, payload)
                 select id, 'intake.lead.created.v1', 'lead.created', body::text::bytea from fresh returning event_id
             )
             select sent.event_id is not null from input left join sent on event_id = id order by position",
        )
        .bind(items.iter().map(|item| item.id).collect::<Vec<_>>())
        .bind(items.iter().map(|item| item.body.clone()).collect::<Vec<_>>())
        .fetch_all(&self.0)
        .await?;
        Ok(fresh)
    }
}

async fn one_by_one(pool: &PgPool, item: Document) {
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query(
        "insert into idempotency (scope, key, fingerprint, status, response) values ($1, $1::text, '', 201, '') \
         on conflict do nothing",
    )
    .bind(item.id)
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query("insert into documents (id, body) values ($1, $2)")
        .bind(item.id)
        .bind(&item.body)
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query(
        "insert into outbox (event_id, routing_key, kind, payload) \
         values ($1, 'intake.lead.created.v1', 'lead.created', $2)",
    )
    .bind(item.id)
    .bind(item.body.to_string().into_bytes())
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}

/// Lets every caller write as often as it can; writes per second.
async fn measured(write: impl AsyncFn(Document)) -> f64 {
    let start = Instant::now();
    let counts = join_all((0..CALLERS).map(async |_| {
        let mut count = 0;
        while start.elapsed() < TIME {
            write(Document::new()).await;
            count += 1;
        }
        count
    }))
    .await;
    per_second(counts.into_iter().sum(), start.elapsed())
}

/// Runs both in turn, three times.
pub async fn run() -> Report {
    let database = TestDatabase::create(Service::Ingest).await;
    let mut settings = database.settings();
    settings.max_connections = u32::try_from(CALLERS).unwrap_or(64);
    let pool = platform_pg::connect(&settings, Service::Ingest).unwrap();
    pool.execute("create table documents (id uuid primary key, body jsonb not null)").await.unwrap();
    let process = testkit::process();
    let group = GroupCommit::start("bench", Grouped(pool.clone()), &process.tasks, &process.shutdown);
    let (mut grouped, mut single) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        single.push(measured(async |item| one_by_one(&pool, item).await).await);
        grouped.push(measured(async |item| assert!(group.submit(item).await.unwrap())).await);
    }
    process.shutdown.begin();
    let ratio = median(&grouped) / median(&single);
    Report {
        scenario: "group-commit",
        lines: vec![
            line_of(format!("a transaction per request, {CALLERS} callers"), &single, "writes/s"),
            line_of(format!("group commit, {CALLERS} callers"), &grouped, "writes/s"),
            line("ratio", ratio, "x"),
        ],
        aim: "group commit accepts at least 3 times as many",
        reached: ratio >= FACTOR,
    }
}
