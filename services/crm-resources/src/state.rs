//! The handles that handlers, consumers and use cases share.

use crate::clients::requests::Requests;
use chrono::TimeDelta;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform_pg::relay::Relay;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::Notify;

/// Cheap to clone; one per worker.
#[derive(Clone, Debug)]
pub struct State {
    pub database: PgPool,
    pub relay: Relay,
    pub requests: Requests,
    /// Tells the engine that runs are due.
    pub wake: Arc<Notify>,
    /// How long a run belongs to whoever took it, from each step on.
    pub lease: TimeDelta,
    pub clock: Clock,
    pub ids: IdSource,
}
