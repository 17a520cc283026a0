//! The composition root: the only file that knows every part.

use crate::clients::requests::Requests;
use crate::consumers::automations::Automations;
use crate::consumers::organizations::Organizations;
use crate::state::State;
use crate::usecases::delete_organization::delete_left;
use crate::{SERVICE, Settings, engine, http};
use anyhow::Context;
use chrono::TimeDelta;
use platform::lifecycle::Process;
use platform::secrets::Pepper;
use platform_broker::{Broker, topology};
use platform_http::outbound::{Guard, OutboundClient};
use platform_http::{Edge, Readiness, Servers};
use platform_pg::relay::Relay;
use platform_pg::{gone, idempotency, pool};
use std::net::SocketAddr;
use std::sync::Arc;

/// What receivers of an automation's requests see of us.
const USER_AGENT: &str = concat!("Leadwire/", env!("CARGO_PKG_VERSION"));

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
    pub fn build(
        settings: &Settings,
        process: Process,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let Process { clock, ids, shutdown, tasks } = &process;
        let database = platform_pg::connect(&settings.database, SERVICE)?;
        pool::watch(&database, tasks, shutdown);
        let broker = Broker::start(&settings.broker, SERVICE, clock.clone(), tasks, shutdown)?;
        broker.check_topology(topology::PLATFORM);
        let relay = Relay::start(&database, broker.publisher(), tasks, shutdown);
        idempotency::purge_regularly(&database, clock.clone(), tasks, shutdown);
        let automations = &settings.automations;
        let guard = Guard { allow_private_networks: automations.allow_private_networks };
        let requests = Requests {
            outbound: OutboundClient::new(guard, USER_AGENT)?,
            signing_key: automations.signing_key.as_ref().map(Pepper::parse).transpose()?,
            clock: clock.clone(),
            hosts: Arc::default(),
        };
        let state = State {
            database: database.clone(),
            relay,
            requests,
            wake: Arc::default(),
            lease: TimeDelta::from_std(automations.lease).context("automations.lease is too long")?,
            clock: clock.clone(),
            ids: ids.clone(),
        };
        broker.consume(Organizations(state.clone()));
        broker.consume(Automations(state.clone()));
        let left = state.clone();
        gone::look_again(&database, clock.clone(), tasks, shutdown, move |organization| {
            let left = left.clone();
            async move { delete_left(&left, organization).await }
        });
        let work = engine::run(state.clone(), automations.poll_interval, shutdown.clone());
        tasks.spawn("automation engine", work);
        tasks.spawn("automation purge", engine::purge_regularly(state.clone(), shutdown.clone()));

        let readiness = Readiness::new().with("database", pool::check(&database));
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
