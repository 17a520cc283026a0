//! How many leads a second are accepted: through the gateway, counted at the durable 201, with authentication,
//! limits and single-use tokens on. Nothing is delivered: the dispatcher does not run, its queue takes the events.

use super::gateway::load::{Load, Requests, measure};
use super::gateway::stack::{Process, credentials, insert_admin, start_gateway, start_service};
use super::{Report, line, line_of, median, underneath};
use crate::partner::{lead, mint};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::Service;
use jsonwebtoken::EncodingKey;
use platform_broker::topology;
use std::fs;
use std::time::Duration;
use testkit::TestDatabase;
use testkit::broker::TestBroker;

const ROUNDS: usize = 3;
/// Not counted.
const WARM_UP: Duration = Duration::from_millis(500);
const TIME: Duration = Duration::from_secs(4);
/// Connections, and more requests than they get through in that time.
const CLIENTS: [(usize, usize); 3] = [(1, 15_000), (16, 60_000), (64, 75_000)];

const LEAST_PER_SECOND: f64 = 5_000.0;
const MOST_P99_MILLIS: f64 = 25.0;
const MOST_P50_ALONE_MILLIS: f64 = 1.5;

/// Measures with 1, 16 and 64 connections, several times over.
pub async fn run() -> Report {
    let folder = std::env::temp_dir().join(format!("leadwire-bench-{}", testkit::unique_id().simple()));
    fs::create_dir(&folder).unwrap();
    let (leads, control, broker) = tokio::join!(
        TestDatabase::create(Service::LeadIntake),
        TestDatabase::create(Service::Gateway),
        TestBroker::start(),
    );
    broker.apply(topology::PLATFORM).await;
    let (_intake, upstream, _) = start_service(&folder, Service::LeadIntake, &leads, &broker).await;
    let (gateway, address) = start_gateway(&folder, upstream, &control, &broker).await;
    let _gateway = Process(gateway);
    let (_, credential) = credentials(address, &insert_admin(&control).await).await;
    let secret = URL_SAFE_NO_PAD.decode(credential["secret"].as_str().unwrap()).unwrap();
    let key = EncodingKey::from_secret(&secret);

    let mut figures: Vec<[Vec<f64>; 3]> = CLIENTS.iter().map(|_| Default::default()).collect();
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        for (figures, (clients, most)) in figures.iter_mut().zip(CLIENTS) {
            let requests = (0..most).map(|_| (mint(&credential, &key), lead()));
            let requests = Requests::posts("/api/v1/partners/bench/leads", requests);
            let measured =
                measure(Load { address, clients, warm_up: WARM_UP, time: TIME, status: 201 }, &requests);
            accepted += measured.count();
            figures[0].push(measured.per_second());
            figures[1].push(measured.percentile(50));
            figures[2].push(measured.percentile(99));
        }
    }
    let waiting: i64 =
        sqlx::query_scalar("select count(*) from outbox").fetch_one(&leads.pool()).await.unwrap();
    fs::remove_dir_all(&folder).unwrap();

    let mut lines = Vec::new();
    for ((clients, _), [per_second, p50, p99]) in CLIENTS.iter().zip(&figures) {
        lines.push(line_of(format!("{clients} connections"), per_second, "leads/s"));
        lines.push(line_of(format!("{clients} connections: p50"), p50, "ms"));
        lines.push(line_of(format!("{clients} connections: p99"), p99, "ms"));
    }
    let accepted = u32::try_from(accepted).unwrap_or(u32::MAX);
    lines.push(line("accepted in the measured times", f64::from(accepted), "leads"));
    let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
    lines.push(line("events not published at the end", f64::from(waiting), "events"));
    let (beneath, machine) = underneath::measure().await;
    lines.extend(beneath);
    let ([_, p50_alone, _], [per_second, _, p99]) = (&figures[0], &figures[2]);
    Report {
        scenario: "accept",
        lines,
        aim: "64 connections: 5,000 leads/s at least, p99 25 ms at most; 1 connection: p50 1.5 ms at most; \
              as this machine is, busy and alone",
        reached: median(per_second) >= LEAST_PER_SECOND * machine.busy
            && median(p99) <= MOST_P99_MILLIS / machine.busy
            && median(p50_alone) <= MOST_P50_ALONE_MILLIS / machine.alone,
    }
}
