//! The composition root: the only file that knows every part.

use crate::consumers::changes::Changes;
use crate::consumers::control::Control;
use crate::consumers::events::FanOut;
use crate::consumers::tape::Reconciler;
use crate::delivery::{Engine, Wake};
use crate::domain::sent::USER_AGENT;
use crate::state::State;
use crate::subscriptions::Subscriptions;
use crate::usecases::{figures, recover, retention, waiting};
use crate::{SERVICE, Settings, http, store};
use platform::lifecycle::Process;
use platform::secrets::SealingKeys;
use platform_broker::{Broker, topology};
use platform_http::outbound::{Guard, OutboundClient};
use platform_http::{Edge, Readiness, Servers};
use platform_pg::relay::Relay;
use platform_pg::{partitions, pool};
use std::net::SocketAddr;
use std::sync::Arc;

/// The service, built and bound, not yet serving.
#[derive(Debug)]
pub struct App {
    servers: Servers,
    broker: Broker,
    process: Process,
    engine: Engine,
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
        let guard = Guard { allow_private_networks: settings.delivery.allow_private_networks };
        let state = State {
            database: database.clone(),
            subscriptions: Subscriptions::default(),
            keys: Arc::new(SealingKeys::parse(&settings.secrets.encryption_keys)?),
            outbound: OutboundClient::new(guard, USER_AGENT)?,
            wake: Wake::default(),
            // Nobody waits for what is told of deliveries.
            relay: Relay::lingering(&database, broker.publisher(), tasks, shutdown),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        partitions::maintain(&database, store::PARTITIONED, clock.clone(), tasks, shutdown).await;
        state.wake.connect(&database, tasks, shutdown);
        retention::start(&state, tasks, shutdown);
        tasks.spawn("recoveries", recover::run(state.clone(), shutdown.clone()));
        tasks.spawn("messages that wait", waiting::run(state.clone(), shutdown.clone()));
        tasks.spawn("figures", figures::run(state.clone(), shutdown.clone()));
        broker.consume(FanOut::new(state.clone()));
        broker.consume(Control(state.clone()));
        broker.consume_replica(Changes(state.clone()));
        let reconciler = Reconciler::new(state.clone(), broker.clone(), settings.accounting.clone());
        tasks.spawn("accounting", reconciler.run(shutdown.clone()));

        let readiness = Readiness::new()
            .with("database", pool::check(&database))
            .with("partitions", partitions::check(&database, store::PARTITIONED, clock.clone()))
            .with("broker", broker_check(&broker));
        let edge = Edge::new(SERVICE, &settings.identity, &settings.http, dialects::of_path, &process)?;
        let servers = Servers::bind(
            &settings.http,
            edge,
            readiness,
            Arc::new(metrics),
            shutdown,
            http::routes::configure(state.clone()),
        )?;
        let engine = Engine::new(state, settings.delivery.clone());
        Ok(Self { servers, broker, process, engine })
    }

    /// Where the routes are.
    pub fn address(&self) -> SocketAddr {
        self.servers.address
    }

    /// Where `/livez`, `/readyz` and `/metrics` are.
    pub fn ops_address(&self) -> SocketAddr {
        self.servers.ops_address
    }

    /// Delivers and serves until the shutdown begins, then drains.
    ///
    /// # Errors
    /// When a server breaks.
    pub async fn run(self) -> anyhow::Result<()> {
        let (serving, engine) = self.without_engine();
        serving.process.tasks.spawn("delivery engine", engine.run(serving.process.shutdown.clone()));
        serving.run().await
    }

    /// Separates the engine from the rest, for tests that drive it step by step.
    pub fn without_engine(self) -> (Serving, Engine) {
        let Self { servers, broker, process, engine } = self;
        (Serving { servers, broker, process }, engine)
    }
}

/// Everything but the engine: takes subscriptions and fans events out.
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

/// A readiness check: events are consumed.
fn broker_check(
    broker: &Broker,
) -> impl Fn() -> std::future::Ready<Result<(), String>> + Send + Sync + use<> {
    let health = broker.health();
    move || {
        let problems = health.problems();
        std::future::ready(if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) })
    }
}
