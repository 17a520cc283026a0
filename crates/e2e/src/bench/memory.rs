//! What each service holds in memory: when nobody has asked it for anything yet, and at most, under the loads of the
//! other scenarios one after the other.

use super::crm;
use super::delivery::book::Book;
use super::delivery::costs::Processes;
use super::delivery::load::Leads;
use super::delivery::receiver::Receiver;
use super::delivery::time;
use super::gateway::load::{Load, measure};
use super::gateway::stack::{Process, credentials, insert_admin, start_gateway_to, start_service_with};
use super::ingest::Sender;
use super::{Report, lex, line};
use crate::partner::Partner;
use contracts::Service;
use futures_util::future::join_all;
use platform_broker::topology;
use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use testkit::broker::TestBroker;

/// After the start, until nothing more is set up.
const SETTLING: Duration = Duration::from_secs(5);
const SECONDS: u64 = 8;
const LEADS: usize = 40_000;
const PLACES: usize = 512;
const CALLERS: usize = 4;
const PRODUCTS: u32 = 100_000;
const CLIENTS: usize = 64;

const MOST_IDLE: f64 = 25.0;
const MOST_LOADED: f64 = 120.0;

/// Everything that runs.
struct All {
    gateway: SocketAddr,
    addresses: HashMap<Service, SocketAddr>,
    databases: HashMap<Service, TestDatabase>,
    processes: Processes,
    receiver: Receiver,
    admin: String,
    _running: Vec<Process>,
    _broker: TestBroker,
}

/// Measures once: memory hardly differs from run to run.
pub async fn run() -> Report {
    let folder = std::env::temp_dir().join(format!("leadwire-bench-{}", testkit::unique_id().simple()));
    fs::create_dir(&folder).unwrap();
    let all = start(&folder).await;
    tokio::time::timeout(SETTLING, std::future::pending::<()>()).await.ok();
    let idle = all.processes.memory();
    load(&all).await;
    let (after, most) = (all.processes.memory(), all.processes.most_memory());
    fs::remove_dir_all(&folder).unwrap();
    let mut lines = Vec::new();
    for (what, figures) in [("idle", &idle), ("after all loads", &after), ("at most, loaded", &most)] {
        lines.extend(
            figures.iter().map(|(name, megabytes)| line(format!("{name}: {what}"), *megabytes, "MB")),
        );
    }
    Report {
        scenario: "memory",
        lines,
        aim: "each service: 25 MB at most when idle, 120 MB at most when loaded",
        reached: idle.values().all(|megabytes| *megabytes <= MOST_IDLE)
            && most.values().all(|megabytes| *megabytes <= MOST_LOADED),
    }
}

async fn start(folder: &std::path::Path) -> All {
    let broker = TestBroker::start().await;
    broker.apply(topology::PLATFORM).await;
    let receiver = Receiver::start();
    let (mut databases, mut addresses) = (HashMap::new(), HashMap::new());
    let (mut running, mut processes) = (Vec::new(), Processes::default());
    for service in Service::ALL {
        databases.insert(service, TestDatabase::create(service).await);
    }
    for service in Service::ALL.into_iter().filter(|service| *service != Service::Gateway) {
        let private = ("DELIVERY__ALLOW_PRIVATE_NETWORKS", "true".to_owned());
        let further = if service == Service::WebhookDispatcher { vec![private] } else { Vec::new() };
        let (process, address, _) =
            start_service_with(folder, service, &further, &databases[&service], &broker).await;
        processes.add(service.name(), process.0.id());
        addresses.insert(service, address);
        running.push(process);
    }
    let control = &databases[&Service::Gateway];
    let (child, gateway) =
        start_gateway_to(folder, |service| addresses[&service], &[], control, &broker).await;
    processes.add(Service::Gateway.name(), child.id());
    running.push(Process(child));
    let admin = insert_admin(control).await;
    All { gateway, addresses, databases, processes, receiver, admin, _running: running, _broker: broker }
}

async fn load(all: &All) {
    let time = time(SECONDS);
    // Leads to five endpoints.
    let partner = Partner::sign_up(&format!("http://{}", all.gateway), &all.admin, "leads").await;
    for endpoint in 0..5 {
        partner.subscribe(&all.receiver.url(endpoint), &["lead.created"]).await;
    }
    let book = Arc::new(Book::new(LEADS, 5, PLACES));
    all.receiver.write_into(&book);
    let leads = Leads::new(all.gateway, &partner, &book).closed();
    tokio::time::timeout(time, std::future::pending::<()>()).await.ok();
    leads.stop().await;
    // Products.
    let (key, _) = credentials(all.gateway, &all.admin).await;
    let products = all.databases[&Service::CrmResources].pool();
    crm::fill(&products, &all.databases[&Service::Gateway].pool(), PRODUCTS).await;
    crm::reads_and_changes(all.gateway, &key, PRODUCTS);
    // Messages.
    let address = all.addresses[&Service::LexRouter];
    let routed = Load { address, clients: CLIENTS, warm_up: Duration::ZERO, time, status: 200 };
    measure(routed, &lex::posts("/v1/messages", |message| message));
    // Events.
    let sender = Sender::new(all.gateway, &all.admin, "events").await;
    let start = Instant::now();
    join_all((0..CALLERS).map(async |caller| {
        let mut turn = caller;
        while start.elapsed() < time {
            sender.send(turn).await;
            turn += 1;
        }
    }))
    .await;
}
