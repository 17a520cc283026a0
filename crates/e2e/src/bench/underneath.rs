//! What lies underneath: how fast PostgreSQL commits and RabbitMQ confirms, by themselves, in the same minute as a
//! scenario. A disk whose neighbours are busy syncs ten times slower than the same disk at rest, so that a figure
//! says little without these. By what `pgbench` does here and did on the machine that the aims are of, each aim
//! becomes one for this machine.

use super::{Line, line, median, per_second};
use contracts::Service;
use contracts::topology::EVENTS;
use futures_util::future::join_all;
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use platform_broker::{Broker, topology};
use secrecy::ExposeSecret;
use sqlx::{Executor, PgPool};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use testkit::broker::TestBroker;

const CALLERS: u32 = 64;
const TIME: Duration = Duration::from_secs(2);
const BYTES: usize = 600;

/// What `pgbench` did where the aims were set: transactions a second by one client and by 32.
const ALONE_THERE: f64 = 4_614.0;
const BUSY_THERE: f64 = 19_336.0;
const BUSY: u32 = 32;
/// A lead and its outbox row in one statement, 1.4 kB of write-ahead log.
const TABLES: &str =
    "create table ingest.lead (id uuid primary key, supplier int not null, external_id bigint not null,
         body jsonb not null, created_at timestamptz not null default now(), unique (supplier, external_id));
     create index on ingest.lead (created_at);
     create table ingest.announced (id bigserial primary key, lead uuid not null, kind text not null, sent boolean);
     create index on ingest.announced (id) where sent is null";

/// How fast this machine is, as a share of the one that the aims are of, and at most as fast.
pub(super) struct Machine {
    /// With one client, whom the disk keeps waiting: for what takes time.
    pub(super) alone: f64,
    /// With many, who keep the processors busy: for what is done in a second.
    pub(super) busy: f64,
}

/// Measures all of it, within about twenty seconds.
pub(super) async fn measure() -> (Vec<Line>, Machine) {
    let mut lines = commits().await;
    lines.extend(confirms().await);
    let (alone, busy) = transactions().await;
    let machine = Machine { alone: (alone / ALONE_THERE).min(1.0), busy: (busy / BUSY_THERE).min(1.0) };
    lines.extend([
        line("underneath: pgbench, one client", alone, "transactions/s"),
        line(format!("underneath: pgbench, {BUSY} clients"), busy, "transactions/s"),
        line("this machine, of the one that the aims are of: alone", machine.alone, ""),
        line("this machine, of the one that the aims are of: busy", machine.busy, ""),
    ]);
    (lines, machine)
}

async fn transactions() -> (f64, f64) {
    let database = TestDatabase::create(Service::Ingest).await;
    let settings = database.settings();
    let pool = platform_pg::connect(&settings, Service::Ingest).unwrap();
    pool.execute(TABLES).await.unwrap();
    let url = settings.url.expose_secret().to_owned();
    let measured = tokio::task::spawn_blocking(move || (pgbench(&url, 1), pgbench(&url, BUSY)));
    measured.await.unwrap()
}

fn pgbench(url: &str, clients: u32) -> f64 {
    let body = "x".repeat(BYTES);
    let script = format!(
        "\\set id random(1, 1000000000000000)
         with new as (insert into ingest.lead (id, supplier, external_id, body)
             values (gen_random_uuid(), 1, :id, '{{\"data\": \"{body}\"}}') returning id)
         insert into ingest.announced (lead, kind) select id, 'lead.created' from new;\n"
    );
    let threads = clients.min(2).to_string();
    let mut pgbench = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-T", "3", "-f", "-", "-j", &threads, "-c", &clients.to_string(), url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("pgbench, which comes with PostgreSQL: {error}"));
    pgbench.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = pgbench.wait_with_output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    let rate = report.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("pgbench says: {report}"))
}

/// How long each takes in milliseconds, one after another. A disk that stalls now and then shows in the longest, and
/// so in a p99 of what waits for it several times.
async fn one_by_one(work: impl AsyncFn()) -> Vec<f64> {
    let (mut times, begin) = (Vec::new(), Instant::now());
    while begin.elapsed() < TIME {
        let start = Instant::now();
        work().await;
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    times
}

fn longest(times: &[f64]) -> f64 {
    times.iter().copied().fold(0.0, f64::max)
}

async fn commits() -> Vec<Line> {
    let database = TestDatabase::create(Service::Ingest).await;
    let mut settings = database.settings();
    settings.max_connections = CALLERS;
    let pool = platform_pg::connect(&settings, Service::Ingest).unwrap();
    pool.execute("create table written (id uuid primary key, body bytea not null)").await.unwrap();
    let alone = one_by_one(async || commit(&pool).await).await;
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
        line("underneath: one commit, p50", median(&alone), "ms"),
        line("underneath: one commit, the longest", longest(&alone), "ms"),
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
    let alone = one_by_one(async || publish(&publisher, 1).await).await;
    let (mut count, start) = (0, Instant::now());
    while start.elapsed() < TIME {
        count += 256;
        publish(&publisher, 256).await;
    }
    let rate = per_second(count, start.elapsed());
    process.shutdown.begin();
    vec![
        line("underneath: one confirmed publish, p50", median(&alone), "ms"),
        line("underneath: one confirmed publish, the longest", longest(&alone), "ms"),
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
