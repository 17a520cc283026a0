//! The composition root: the only file that knows every part.

use crate::consumers::organizations::Organizations;
use crate::state::State;
use crate::usecases::remove_organization::remove_last;
use crate::{SERVICE, Settings, http, store};
use platform::lifecycle::Process;
use platform_broker::{Broker, topology};
use platform_http::{Edge, Readiness, Servers};
use platform_pg::relay::Relay;
use platform_pg::retention::NothingOpen;
use platform_pg::{gone, idempotency, partitions, pool, retention};
use std::net::SocketAddr;
use std::sync::Arc;

/// The service, built and bound, not yet serving.
#[derive(Debug)]
pub struct App {
    servers: Servers,
    broker: Broker,
    process: Process,
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
        partitions::maintain(&database, store::PARTITIONED, clock.clone(), tasks, shutdown).await;
        let retentions = store::retentions(settings.retention.events_days);
        retention::start(&database, retentions, NothingOpen, clock.clone(), tasks, shutdown);
        idempotency::purge_regularly(&database, clock.clone(), tasks, shutdown);
        let relay = Relay::of_batches(&database, broker.publisher(), tasks, shutdown);

        let readiness = Readiness::new()
            .with("database", pool::check(&database))
            .with("partitions", partitions::check(&database, store::PARTITIONED, clock.clone()));
        let state = State { database, relay, clock: clock.clone(), ids: ids.clone() };
        broker.consume(Organizations(state.clone()));
        let left = state.clone();
        gone::look_again(&state.database, clock.clone(), tasks, shutdown, move |organization| {
            let left = left.clone();
            async move { remove_last(&left, organization).await }
        });
        let edge = Edge::new(SERVICE, &settings.identity, &settings.http, dialects::of_path, &process)?;
        let servers = Servers::bind(
            &settings.http,
            edge,
            readiness,
            Arc::new(metrics),
            shutdown,
            http::routes::configure(state),
        )?;
        Ok(Self { servers, broker, process })
    }

    /// Where the routes are.
    pub fn address(&self) -> SocketAddr {
        self.servers.address
    }

    /// Where `/livez`, `/readyz` and `/metrics` are.
    pub fn ops_address(&self) -> SocketAddr {
        self.servers.ops_address
    }

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
