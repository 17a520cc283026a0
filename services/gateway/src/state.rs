//! The handles that handlers and use cases share.

use crate::clients::dead_letters::DeadLetterQueues;
use crate::clients::upstreams::Upstreams;
use crate::domain::access_token::SigningKeys;
use crate::store::credentials_cache::CredentialsCache;
use crate::store::jti_claims::ClaimJtis;
use crate::usecases::know_origin::Origins;
use console::VisitorProof;
use contracts::Service;
use contracts::identity::Caller;
use contracts::ids::CredentialId;
use ipnet::IpNet;
use platform::Fault;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::limits::RateLimiter;
use platform::secrets::{Pepper, SealingKeys};
use platform_http::IdentityKey;
use platform_pg::GroupCommit;
use platform_pg::relay::Relay;
use sqlx::PgPool;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a token is handed out, in seconds.
const REUSED: i64 = 10;
/// Tokens that are kept at once.
const REMEMBERED: usize = 10_000;

/// Cheap to clone; one per worker.
#[derive(Clone, Debug)]
pub struct State {
    pub database: PgPool,
    pub credentials: CredentialsCache,
    pub limiter: RateLimiter,
    pub relay: Relay,
    pub jtis: Arc<GroupCommit<ClaimJtis>>,
    pub upstreams: Upstreams,
    pub dead_letters: DeadLetterQueues,
    pub identities: Arc<Identities>,
    pub trust: Arc<Trust>,
    /// For how long figures of usage by the hour are kept.
    pub usage_hourly_days: u32,
    pub clock: Clock,
    pub ids: IdSource,
}

impl State {
    /// The same for one worker thread, with connections that it drives itself. Where they cannot be made, the
    /// shared ones do.
    pub fn of_worker(&self) -> Self {
        let mut state = self.clone();
        match (self.upstreams.on_own_connections(), self.limiter.on_own_connection()) {
            (Ok(upstreams), Ok(limiter)) => (state.upstreams, state.limiter) = (upstreams, limiter),
            (Err(error), _) => tracing::warn!(%error, "a worker shares its connections with the others"),
            (_, Err(error)) => tracing::warn!(%error, "a worker shares its connections with the others"),
        }
        state
    }
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
    /// What the console of this process shows to be believed about whose request it makes.
    pub console: VisitorProof,
    /// Those that CRM keys list.
    pub origins: Origins,
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

/// The keys that callers are vouched for with, one per service, and the tokens made with them lately.
#[derive(Debug)]
pub struct Identities {
    keys: Vec<(Service, IdentityKey)>,
    clock: Clock,
    made: Mutex<HashMap<(CredentialId, Service), Made>>,
}

/// A token that may be handed out again to the same caller.
#[derive(Debug)]
struct Made {
    caller: Caller,
    token: String,
    /// In seconds of Unix time.
    at: i64,
}

impl Identities {
    pub fn new(keys: Vec<(Service, IdentityKey)>, clock: Clock) -> Self {
        Self { keys, clock, made: Mutex::default() }
    }

    /// A token with which this service acts for this caller. It is no older than ten of its sixty seconds.
    ///
    /// # Errors
    /// When the service has no key, which is a defect.
    pub fn sign(&self, service: Service, caller: Caller) -> Result<String, Fault> {
        let Some((_, key)) = self.keys.iter().find(|(owner, _)| *owner == service) else {
            return Err(Fault::internal(format!("no identity key for {service}")));
        };
        let Caller::Principal(principal) = &caller else {
            return key.sign(caller).map_err(Fault::internal);
        };
        let (id, now) = ((principal.credential.id, service), self.clock.now().timestamp());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get(&id)
            && made.caller == caller
            && (0..REUSED).contains(&(now - made.at))
        {
            return Ok(made.token.clone());
        }
        let token = key.sign(caller.clone()).map_err(Fault::internal)?;
        if made.len() >= REMEMBERED {
            made.clear();
        }
        made.insert(id, Made { caller, token: token.clone(), at: now });
        Ok(token)
    }

    /// The service that calls the gateway itself, if this is a token of one.
    pub fn service_of(&self, token: &str) -> Option<String> {
        let (_, key) = self.keys.iter().find(|(owner, _)| *owner == Service::Gateway)?;
        match key.verify(token)? {
            Caller::Service { name } => Some(name),
            Caller::Principal(_) | Caller::Anonymous => None,
        }
    }
}
