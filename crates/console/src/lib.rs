//! console: what the gateway shows in a browser below `/console`, and the reference of its APIs below `/docs`.
//!
//! `http → {view, clients, store, session}`. Everything shown or changed goes through the gateway's public APIs with
//! the API key of whoever has signed in, so tenancy, limits and the audit log are theirs. Reads no table but its own
//! sessions.

mod clients;
mod http;
mod session;
mod settings;
mod store;
mod view;

pub use clients::api::{Api, VISITOR_HEADER, VisitorProof};
pub use http::{Live, Visitor, asyncapi, configure, docs, openapi, schemas};
pub use settings::ConsoleSettings;

use platform::clock::Clock;
use platform::lifecycle::Shutdown;
use platform::limits::RateLimiter;
use platform::secrets::SealingKeys;
use sqlx::PgPool;

/// What the console stands on. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Console {
    pub api: Api,
    /// Of the schema with the sessions.
    pub database: PgPool,
    pub sealing: SealingKeys,
    pub limiter: RateLimiter,
    pub settings: ConsoleSettings,
    /// Who is being kept up to date.
    pub live: Live,
    pub clock: Clock,
    pub shutdown: Shutdown,
}
