//! The handles that handlers and use cases share.

use crate::clients::upstreams::Upstreams;
use crate::domain::access_token::SigningKeys;
use crate::store::jti_claims::ClaimJtis;
use contracts::Service;
use contracts::identity::Caller;
use ipnet::IpNet;
use platform::Fault;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::limits::RateLimiter;
use platform::secrets::{Pepper, SealingKeys};
use platform_http::IdentityKey;
use platform_pg::GroupCommit;
use sqlx::PgPool;
use std::sync::Arc;

/// Cheap to clone; one per worker.
#[derive(Clone, Debug)]
pub struct State {
    pub database: PgPool,
    pub limiter: RateLimiter,
    pub jtis: Arc<GroupCommit<ClaimJtis>>,
    pub upstreams: Arc<Upstreams>,
    pub identities: Arc<Identities>,
    pub trust: Arc<Trust>,
    pub clock: Clock,
    pub ids: IdSource,
}

/// What credentials and addresses are judged by.
#[derive(Debug)]
pub struct Trust {
    pub pepper: Pepper,
    pub sealing: SealingKeys,
    /// The `aud` of service JWTs.
    pub audience: String,
    /// The longest life of a service JWT, in seconds.
    pub max_lifetime: i64,
    pub oauth: Oauth,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpNet>,
}

/// What access tokens are made of and judged by.
#[derive(Debug)]
pub struct Oauth {
    pub issuer: String,
    /// In seconds.
    pub lifetime: i64,
    pub keys: SigningKeys,
}

impl Oauth {
    pub fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.issuer)
    }
}

/// The keys that callers are vouched for with, one per service.
#[derive(Debug)]
pub struct Identities(pub Vec<(Service, IdentityKey)>);

impl Identities {
    /// A token with which this service acts for this caller.
    ///
    /// # Errors
    /// When the service has no key, which is a defect.
    pub fn sign(&self, service: Service, caller: Caller) -> Result<String, Fault> {
        let Some((_, key)) = self.0.iter().find(|(owner, _)| *owner == service) else {
            return Err(Fault::internal(format!("no identity key for {service}")));
        };
        key.sign(caller).map_err(Fault::internal)
    }
}
