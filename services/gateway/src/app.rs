//! The composition root: the only file that knows every part.

use crate::clients::upstreams::Upstreams;
use crate::domain::access_token::SigningKeys;
use crate::state::{Identities, Oauth, State, Trust};
use crate::store::jti_claims::ClaimJtis;
use crate::usecases::purge_jtis::purge_jtis;
use crate::{SERVICE, Settings, http};
use contracts::Service;
use platform::lifecycle::Process;
use platform::limits::RateLimiter;
use platform::secrets::{Pepper, SealingKeys, SecretError};
use platform_http::{Edge, IdentityKey, Readiness, Servers};
use platform_pg::{GroupCommit, pool};
use std::net::SocketAddr;
use std::sync::Arc;

/// The service, built and bound, not yet serving.
#[derive(Debug)]
pub struct App {
    servers: Servers,
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
        let limiter = RateLimiter::new(&settings.redis, clock.clone())?;
        let claims = ClaimJtis::new(database.clone(), clock.clone());
        let jtis = GroupCommit::start("jti", claims, tasks, shutdown);
        purge_jtis(&database, clock.clone(), tasks, shutdown);

        let readiness = Readiness::new().with("database", pool::check(&database)).reporting("redis", {
            let limiter = limiter.clone();
            move || {
                let limiter = limiter.clone();
                async move { limiter.ping().await }
            }
        });
        let state = State {
            database,
            limiter,
            jtis: Arc::new(jtis),
            upstreams: Arc::new(Upstreams::new(settings.upstreams.all())?),
            identities: Arc::new(identities(settings, &process)?),
            trust: Arc::new(trust(settings)?),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let edge = Edge::new(SERVICE, &settings.identity, &settings.http, dialects::of_path, &process)?;
        let routes = http::routes::configure(state);
        let servers = Servers::bind(&settings.http, edge, readiness, Arc::new(metrics), shutdown, routes)?;
        Ok(Self { servers, process })
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
        Ok(())
    }
}

fn identities(settings: &Settings, process: &Process) -> Result<Identities, SecretError> {
    let key = |service| {
        let key = IdentityKey::parse(service, settings.identity_keys.of(service), process.clock.clone())?;
        Ok((service, key))
    };
    Service::ALL.into_iter().map(key).collect::<Result<_, _>>().map(Identities)
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
    })
}
