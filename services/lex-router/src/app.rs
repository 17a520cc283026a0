//! The composition root: the only file that knows every part.

use crate::clients::Peers;
use crate::consumers::organizations::Organizations;
use crate::consumers::outcomes::Outcomes;
use crate::state::{Intakes, Rules, State};
use crate::store::intake::Intake;
use crate::usecases::remove_organization::remove_last;
use crate::{SERVICE, Settings, http, store};
use anyhow::Context as _;
use platform::lifecycle::Process;
use platform::limits::RateLimiter;
use platform::secrets::decode_key;
use platform_broker::{Broker, topology};
use platform_http::{Edge, Readiness, Servers};
use platform_pg::relay::Relay;
use platform_pg::retention::NothingOpen;
use platform_pg::{GroupCommit, gone, partitions, pool, retention};
use secrecy::ExposeSecret;
use sqlx::PgPool;
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
        let Process { clock, shutdown, tasks, .. } = &process;
        let database = platform_pg::connect(&settings.database, SERVICE)?;
        pool::watch(&database, tasks, shutdown);
        let broker = Broker::start(&settings.broker, SERVICE, clock.clone(), tasks, shutdown)?;
        broker.check_topology(topology::PLATFORM);
        partitions::maintain(&database, store::PARTITIONED, clock.clone(), tasks, shutdown).await;
        let retentions = store::retentions(settings.retention.messages_days);
        retention::start(&database, retentions, NothingOpen, clock.clone(), tasks, shutdown);
        let relay = Relay::start(&database, broker.publisher(), tasks, shutdown);

        let readiness = Readiness::new()
            .with("database", pool::check(&database))
            .with("partitions", partitions::check(&database, store::PARTITIONED, clock.clone()));
        let state = state(settings, database, relay, &process)?;
        broker.consume(Outcomes(state.clone()));
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

fn state(settings: &Settings, database: PgPool, relay: Relay, process: &Process) -> anyhow::Result<State> {
    let Process { clock, ids, shutdown, tasks } = process;
    let signing_key = decode_key(settings.conformance.signing_key.expose_secret())
        .context("conformance.signing_key is not 32 bytes in base64url")?;
    let direct = Intake::new(database.clone(), relay.clone());
    let grouped = Arc::new(GroupCommit::start("message", direct.clone(), tasks, shutdown));
    Ok(State {
        database,
        relay,
        intake: Intakes { grouped, direct },
        limiter: RateLimiter::new(&settings.redis, clock.clone())?,
        peers: Peers::new(&settings.gateway, &settings.webhook_dispatcher, clock)?,
        rules: Rules { strict: settings.validation.strict, signing_key: Arc::new(signing_key) },
        clock: clock.clone(),
        ids: ids.clone(),
    })
}
