//! The handles that handlers and use cases share.

use crate::domain::orchestration::Start;
use crate::store::leads::AcceptLeads;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::limits::RateLimiter;
use platform_pg::GroupCommit;
use platform_pg::relay::Relay;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::Notify;

/// Cheap to clone; one per worker.
#[derive(Clone, Debug)]
pub struct State {
    pub database: PgPool,
    pub redis: RateLimiter,
    pub relay: Relay,
    pub accept: Arc<GroupCommit<AcceptLeads>>,
    /// Where leads begin.
    pub start: Start,
    /// Woken when leads are due for the orchestrator.
    pub wake: Arc<Notify>,
    pub clock: Clock,
    pub ids: IdSource,
}
