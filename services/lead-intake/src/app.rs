//! The composition root: the only file that knows every part.

use crate::clients::hubspot::Hubspot;
use crate::consumers::orchestrator::LeadArrivals;
use crate::consumers::organizations::Organizations;
use crate::consumers::outcomes::Outcomes;
use crate::domain::orchestration::Start;
use crate::orchestrator::Orchestrator;
use crate::state::State;
use crate::store::open_orchestrations::HoldBack;
use crate::{SERVICE, Settings, http, store};
use platform::lifecycle::Process;
use platform::limits::RateLimiter;
use platform_broker::{Broker, topology};
use platform_http::{Edge, Readiness, Servers};
use platform_pg::relay::Relay;
use platform_pg::{GroupCommit, partitions, pool, retention};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Notify;

/// The service, built and bound, not yet serving.
#[derive(Debug)]
pub struct App {
    servers: Servers,
    broker: Broker,
    process: Process,
    orchestrator: Orchestrator,
    /// How many of it run.
    concurrency: u8,
}

impl App {
    /// Builds every part and binds the ports. Dependencies that are down are no error here: the service is
    /// not ready until they answer.
    ///
    /// # Errors
    /// When a setting is malformed or a port is taken.
    pub async fn build(
        settings: &Settings,
        process: Process,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let Process { clock, ids, shutdown, tasks } = &process;
        let database = platform_pg::connect(&settings.database, SERVICE)?;
        pool::watch(&database, tasks, shutdown);
        let broker = Broker::start(&settings.broker, SERVICE, clock.clone(), tasks, shutdown)?;
        broker.check_topology(topology::PLATFORM);
        let redis = RateLimiter::new(&settings.redis, clock.clone())?;
        let hubspot = Hubspot::new(&settings.hubspot)?;
        partitions::maintain(&database, store::PARTITIONED, clock.clone(), tasks, shutdown).await;
        retention::start(&database, store::RETENTIONS, HoldBack, clock.clone(), tasks, shutdown);
        let relay = Relay::start(&database, broker.publisher(), tasks, shutdown);
        let accept =
            GroupCommit::start("lead", store::leads::AcceptLeads::new(database.clone()), tasks, shutdown);

        let readiness = Readiness::new()
            .with("database", pool::check(&database))
            .with("partitions", partitions::check(&database, store::PARTITIONED, clock.clone()));
        let state = State {
            database,
            redis,
            relay,
            accept: Arc::new(accept),
            start: if hubspot.is_some() { Start::Hubspot } else { Start::Deliveries },
            wake: Arc::new(Notify::new()),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        broker.consume(LeadArrivals(state.clone()));
        broker.consume(Outcomes(state.clone()));
        broker.consume(Organizations(state.clone()));
        let edge = Edge::new(SERVICE, &settings.identity, &settings.http, dialects::of_path, &process)?;
        let servers = Servers::bind(
            &settings.http,
            edge,
            readiness,
            Arc::new(metrics),
            shutdown,
            http::routes::configure(state.clone()),
        )?;
        let concurrency = settings.hubspot.concurrency.max(1);
        let orchestrator = Orchestrator::new(state, settings.hubspot.clone(), hubspot);
        Ok(Self { servers, broker, process, orchestrator, concurrency })
    }

    /// Where the routes are.
    pub fn address(&self) -> SocketAddr {
        self.servers.address
    }

    /// Where `/livez`, `/readyz` and `/metrics` are.
    pub fn ops_address(&self) -> SocketAddr {
        self.servers.ops_address
    }

    /// Serves and carries leads on until the shutdown begins, then drains.
    ///
    /// # Errors
    /// When a server breaks.
    pub async fn run(self) -> anyhow::Result<()> {
        let concurrency = self.concurrency;
        let (serving, orchestrator) = self.without_orchestrator();
        for _ in 0..concurrency {
            let shutdown = serving.process.shutdown.clone();
            serving.process.tasks.spawn("orchestrator", orchestrator.clone().run(shutdown));
        }
        serving.run().await
    }

    /// Separates the orchestrator from the rest, for tests that drive it step by step.
    pub fn without_orchestrator(self) -> (Serving, Orchestrator) {
        let Self { servers, broker, process, orchestrator, .. } = self;
        (Serving { servers, broker, process }, orchestrator)
    }
}

/// Everything but the orchestrator: accepts leads and consumes its queues.
#[derive(Debug)]
pub struct Serving {
    servers: Servers,
    broker: Broker,
    process: Process,
}

impl Serving {
    /// Serves until the shutdown begins, then drains.
    ///
    /// # Errors
    /// When a server breaks.
    pub async fn run(self) -> anyhow::Result<()> {
        self.servers.run(&self.process).await?;
        self.broker.close().await;
        Ok(())
    }
}
