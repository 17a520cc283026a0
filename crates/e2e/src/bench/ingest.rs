//! Rows per second through gateway and ingest, counted when they are durable, against a bare `copy` of the same rows
//! into a table with the same index, in the same minutes on the same two cores.
//!
//! The way through the services does more: it authenticates, charges limits, reads JSON, finds workers, charges the
//! month's quota and stores the message that announces the batch. What publishing and fan-out of it take is reported
//! beside, at 10,000 events/s.

use super::gateway::stack::{Process, insert_admin, start_gateway, start_service};
use super::{Report, line, line_of, median, per_second};
use contracts::Service;
use futures_util::StreamExt;
use futures_util::future::join_all;
use platform_broker::topology;
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, Executor, PgPool};
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use testkit::broker::TestBroker;

const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_secs(4);
const BATCH: usize = 500;
const WORKERS: usize = 50;
const CALLERS: usize = 4;
/// Batches that are sent, and copied, in turn.
const BODIES: usize = 8;
const SHARE: f64 = 0.4;

/// 10,000 events a second, for so long.
const STEADY: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(50);

/// Measures both ways in turn, then publishing and fan-out.
pub async fn run() -> Report {
    let folder = std::env::temp_dir().join(format!("leadwire-bench-{}", testkit::unique_id().simple()));
    fs::create_dir(&folder).unwrap();
    let (database, control, deliveries, broker) = tokio::join!(
        TestDatabase::create(Service::Ingest),
        TestDatabase::create(Service::Gateway),
        TestDatabase::create(Service::WebhookDispatcher),
        TestBroker::start(),
    );
    broker.apply(topology::PLATFORM).await;
    let (_ingest, address, _) = start_service(&folder, Service::Ingest, &database, &broker).await;
    let (gateway, front) = start_gateway(&folder, address, &control, &broker).await;
    let _gateway = Process(gateway);
    let sender = Sender::new(front, &insert_admin(&control).await, "bench").await;
    let pool = database.pool();
    sender.send(0).await;
    let copied = Copied::new(&pool, &sender).await;
    let (mut through, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(measured(async |turn| copied.copy(turn).await).await);
        through.push(measured(async |turn| sender.send(turn).await).await);
    }
    let (_dispatcher, _, ops) =
        start_service(&folder, Service::WebhookDispatcher, &deliveries, &broker).await;
    let drained = drained(&pool, ops).await;
    let steady = steady(&pool, &sender, ops).await;
    fs::remove_dir_all(&folder).unwrap();
    let share = median(&through) / median(&bare);
    let mut lines = vec![
        line_of(format!("bare copy, {BATCH} rows a commit, {CALLERS} clients"), &bare, "rows/s"),
        line_of(format!("through gateway and ingest, {CALLERS} callers"), &through, "rows/s"),
        line("share of the bare copy", share, ""),
        line("fan-out of the backlog", drained, "events/s"),
    ];
    lines.extend(steady);
    Report {
        scenario: "ingest",
        lines,
        aim: "at least 40 % of the rows of a bare copy",
        reached: share >= SHARE,
    }
}

/// Lets every caller write batches as often as it can; rows per second.
async fn measured(write: impl AsyncFn(usize)) -> f64 {
    let start = Instant::now();
    let counts = join_all((0..CALLERS).map(async |caller| {
        let mut count = 0;
        while start.elapsed() < TIME {
            write(caller + count).await;
            count += 1;
        }
        count
    }))
    .await;
    per_second(counts.into_iter().sum::<usize>() * BATCH, start.elapsed())
}

/// An application behind the gateway.
pub(super) struct Sender {
    http: Client,
    url: String,
    key: String,
    bodies: Vec<String>,
}

impl Sender {
    pub(super) async fn new(gateway: SocketAddr, admin: &str, slug: &str) -> Self {
        let http = testkit::http();
        let post = async |path: &str, body: Value| {
            let request = http.post(format!("http://{gateway}{path}")).bearer_auth(admin).json(&body);
            let (status, answer) = testkit::answer(request).await;
            assert_eq!(status, 201, "POST {path}: {answer}");
            answer
        };
        let plan = json!({
            "monthlyEventQuota": 1_000_000_000, "requestsPerMinutePerKey": 1_000_000,
            "requestsPerMinutePerOrganization": 1_000_000,
        });
        let organization =
            post("/api/v1/organizations", json!({"slug": slug, "name": "Bench", "plan": plan})).await;
        let client = json!({
            "organizationId": organization["id"], "name": "Bench", "redirectUris": [],
            "contactEmail": "ops@example.com",
        });
        let client = post("/api/v1/api-clients", client).await;
        let key = json!({
            "clientId": client["id"], "name": "bench", "surface": "ingest", "rateLimitOverride": 1_000_000,
            "app": {"slug": "bench", "name": "Bench"},
        });
        let key = post("/api/v1/api-keys", key).await;
        let bodies = (0..BODIES).map(body).collect();
        let key = key["key"].as_str().unwrap().to_owned();
        Self { http, url: format!("http://{gateway}/api/v1/ingest/events"), key, bodies }
    }

    /// Sends a batch, all of which must be accepted.
    pub(super) async fn send(&self, turn: usize) {
        let request = self.http.post(&self.url).bearer_auth(&self.key);
        let request = request.header("content-type", "application/json");
        let response = request.body(self.bodies[turn % BODIES].clone()).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 202, "{}", response.text().await.unwrap());
        response.bytes().await.unwrap();
    }
}

/// A batch of events with about 300 bytes of metadata each.
fn body(number: usize) -> String {
    let events: Vec<Value> = (0..BATCH)
        .map(|index| {
            json!({
                "eventType": "ticket.resolved", "category": "project_management",
                "timestamp": format!("2026-11-{:02}T{:02}:{:02}:00Z", 1 + number, index % 24, index % 60),
                "actor": {"email": format!("worker{}@example.com", index % WORKERS)}, "duration": index,
                "metadata": {"ticket_id": format!("SUP-{index}"), "priority": "high", "text": "n".repeat(250)},
            })
        })
        .collect();
    json!({"events": events}).to_string()
}

/// What the services stored of each body, to be copied again.
struct Copied {
    pool: PgPool,
    batches: Vec<Vec<u8>>,
}

impl Copied {
    async fn new(pool: &PgPool, sender: &Sender) -> Self {
        pool.execute(
            "create table bare (like events); create index on bare (worker_id, occurred_at desc, event_id desc)",
        )
        .await
        .unwrap();
        let mut batches = Vec::new();
        for turn in 0..BODIES {
            pool.execute("truncate events").await.unwrap();
            sender.send(turn).await;
            let mut out =
                pool.copy_out_raw("copy (select * from events) to stdout (format binary)").await.unwrap();
            let mut rows = Vec::new();
            while let Some(chunk) = out.next().await {
                rows.extend_from_slice(&chunk.unwrap());
            }
            batches.push(rows);
        }
        Self { pool: pool.clone(), batches }
    }

    async fn copy(&self, turn: usize) {
        let mut copy = self.pool.copy_in_raw("copy bare from stdin (format binary)").await.unwrap();
        copy.send(self.batches[turn % BODIES].as_slice()).await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), BATCH as u64);
    }
}

/// How many events the dispatcher has fanned out since it started.
async fn fanned_out(ops: SocketAddr) -> f64 {
    let metrics = testkit::http().get(format!("http://{ops}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let figure = metrics.lines().find_map(|line| line.strip_prefix("leadwire_fan_out_events_total "));
    figure.and_then(|figure| figure.parse().ok()).unwrap_or(0.0)
}

async fn number(pool: &PgPool, query: &'static str) -> f64 {
    let number: i64 = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(pool).await.unwrap();
    f64::from(i32::try_from(number).unwrap())
}

/// Every accepted event and every new worker.
async fn announced(pool: &PgPool) -> f64 {
    number(pool, "select (select sum(used)::bigint from event_usage) + (select count(*) from workers)").await
}

/// Waits until everything is published and fanned out; events per second.
async fn drained(pool: &PgPool, ops: SocketAddr) -> f64 {
    let start = Instant::now();
    let total = announced(pool).await;
    testkit::eventually_within(Duration::from_mins(2), "a fanned out backlog", async || {
        (fanned_out(ops).await >= total).then_some(())
    })
    .await;
    total / start.elapsed().as_secs_f64()
}

/// 20 batches a second: what waits in the outbox meanwhile, and how far publishing and fan-out are behind at the end.
async fn steady(pool: &PgPool, sender: &Sender, ops: SocketAddr) -> Vec<super::Line> {
    let (start, mut waiting) = (Instant::now(), Vec::new());
    let mut ticks = tokio::time::interval(PAUSE);
    let before = announced(pool).await;
    for turn in 0.. {
        ticks.tick().await;
        if start.elapsed() >= STEADY {
            break;
        }
        sender.send(turn).await;
        waiting.push(number(pool, "select count(*) from outbox").await);
    }
    let (end, time) = (Instant::now(), start.elapsed());
    let total = announced(pool).await;
    let behind = total - fanned_out(ops).await;
    testkit::eventually("an empty outbox", async || {
        (number(pool, "select count(*) from outbox").await == 0.0).then_some(())
    })
    .await;
    let published = end.elapsed();
    testkit::eventually_within(Duration::from_mins(1), "everything fanned out", async || {
        (fanned_out(ops).await >= total).then_some(())
    })
    .await;
    let last = waiting.split_off(waiting.len() / 2);
    vec![
        line("steadily offered", (total - before) / time.as_secs_f64(), "events/s"),
        line_of("batches in the outbox meanwhile, first half, median", &waiting, ""),
        line_of("batches in the outbox meanwhile, second half, median", &last, ""),
        line("events not fanned out at the last 202", behind, ""),
        line("published after the last 202", published.as_secs_f64() * 1_000.0, "ms"),
        line("fanned out after the last 202", end.elapsed().as_secs_f64() * 1_000.0, "ms"),
    ]
}
