//! The composition root: the only file that knows every part.

use crate::clients::dead_letters::DeadLetterQueues;
use crate::clients::upstreams::Upstreams;
use crate::consumers::control_events::ControlEvents;
use crate::domain::access_token::SigningKeys;
use crate::state::{Identities, Oauth, State, Trust};
use crate::store::credentials_cache::CredentialsCache;
use crate::store::jti_claims::ClaimJtis;
use crate::usecases::carry_out_replays::carry_out_replays;
use crate::usecases::count_usage;
use crate::usecases::expire_usage::expire_usage;
use crate::usecases::know_origin::Origins;
use crate::usecases::purge_jtis::purge_jtis;
use crate::{SERVICE, Settings, http, store};
use console::{Api, Console, Live, VisitorProof};
use contracts::Service;
use platform::clock::Clock;
use platform::lifecycle::Process;
use platform::limits::RateLimiter;
use platform::secrets::{Pepper, SealingKeys, SecretError};
use platform_broker::{Broker, topology};
use platform_http::{Edge, IdentityKey, Readiness, Servers};
use platform_pg::relay::Relay;
use platform_pg::{GroupCommit, idempotency, partitions, pool};
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
        let Process { clock, ids, shutdown, tasks } = &process;
        let database = platform_pg::connect(&settings.database, SERVICE)?;
        pool::watch(&database, tasks, shutdown);
        let broker = Broker::start(&settings.broker, SERVICE, clock.clone(), tasks, shutdown)?;
        broker.check_topology(topology::PLATFORM);
        partitions::maintain(&database, store::PARTITIONED, clock.clone(), tasks, shutdown).await;
        let relay = Relay::start(&database, broker.publisher(), tasks, shutdown);
        let credentials =
            CredentialsCache::new(database.clone(), clock.clone(), settings.credentials.cache_ttl);
        broker.consume_replica(ControlEvents(credentials.clone()));
        let limiter = RateLimiter::new(&settings.redis, clock.clone())?;
        let claims = ClaimJtis::new(database.clone(), clock.clone(), tasks.clone());
        let jtis = GroupCommit::start("jti", claims, tasks, shutdown);
        idempotency::purge_regularly(&database, clock.clone(), tasks, shutdown);
        purge_jtis(&database, clock.clone(), tasks, shutdown);

        let readiness = readiness(&database, &limiter, &broker, clock.clone());
        let meter = count_usage::start(&database, &settings.usage, &process);
        expire_usage(&database, &settings.usage, clock.clone(), tasks, shutdown);
        let trust = trust(settings)?;
        let console = Console {
            api: Api::new(trust.console.clone())?,
            database: database.clone(),
            sealing: trust.sealing.clone(),
            limiter: limiter.clone(),
            settings: settings.console.clone(),
            live: Live::default(),
            clock: clock.clone(),
            shutdown: shutdown.clone(),
        };
        let api = console.api.clone();
        let state = State {
            database,
            credentials,
            limiter,
            relay,
            jtis: Arc::new(jtis),
            upstreams: Upstreams::new(settings.upstreams.all())?,
            dead_letters: DeadLetterQueues::new(&settings.broker),
            identities: Arc::new(identities(settings, &process)?),
            trust: Arc::new(trust),
            usage_hourly_days: settings.usage.hourly_days,
            clock: clock.clone(),
            ids: ids.clone(),
        };
        carry_out_replays(&state, &process);
        let edge = Edge::new(SERVICE, &settings.identity, &settings.http, dialects::of_path, &process)?
            .observed_by(http::usage::counting(meter, clock.clone()));
        let routes = http::routes::configure(state, console);
        let servers = Servers::bind(&settings.http, edge, readiness, Arc::new(metrics), shutdown, routes)?;
        api.is_at(servers.address);
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

/// The database decides alone: without Redis every process counts by itself, without the broker the outbox
/// keeps what is to be said, and without the next month's partitions only later months are lost.
fn readiness(database: &PgPool, limiter: &RateLimiter, broker: &Broker, clock: Clock) -> Readiness {
    let (limiter, health) = (limiter.clone(), broker.health());
    Readiness::new()
        .with("database", pool::check(database))
        .reporting("partitions", partitions::check(database, store::PARTITIONED, clock))
        .reporting("redis", move || {
            let limiter = limiter.clone();
            async move { limiter.ping().await }
        })
        .reporting("broker", move || {
            let problems = health.problems();
            async move { if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) } }
        })
}

fn identities(settings: &Settings, process: &Process) -> Result<Identities, SecretError> {
    let key = |service| {
        let key = IdentityKey::parse(service, settings.identity_keys.of(service), process.clock.clone())?;
        Ok((service, key))
    };
    let keys = Service::ALL.into_iter().map(key).collect::<Result<_, _>>()?;
    Ok(Identities::new(keys, process.clock.clone()))
}

fn trust(settings: &Settings) -> anyhow::Result<Trust> {
    Ok(Trust {
        pepper: Pepper::parse(&settings.secrets.pepper)?,
        sealing: SealingKeys::parse(&settings.secrets.encryption_keys)?,
        audience: settings.tokens.audience.clone(),
        max_lifetime: i64::try_from(settings.tokens.max_lifetime.as_secs())?,
        oauth: Oauth {
            issuer: settings.oauth.issuer.clone(),
            lifetime: i64::try_from(settings.oauth.token_lifetime.as_secs())?,
            keys: SigningKeys::parse(&settings.oauth.signing_keys)?,
        },
        proxies: settings.proxies.trusted.clone(),
        console: VisitorProof::random()?,
        origins: Origins::default(),
    })
}
