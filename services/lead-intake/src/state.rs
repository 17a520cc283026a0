//! The handles that handlers and use cases share.

use crate::store::leads::AcceptLeads;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::limits::RateLimiter;
use platform_pg::GroupCommit;
use platform_pg::relay::Relay;
use sqlx::PgPool;
use std::sync::Arc;

/// Cheap to clone; one per worker.
#[derive(Clone, Debug)]
pub struct State {
    pub database: PgPool,
    pub redis: RateLimiter,
    pub relay: Relay,
    pub accept: Arc<GroupCommit<AcceptLeads>>,
    pub clock: Clock,
    pub ids: IdSource,
}
