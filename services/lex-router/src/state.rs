//! The handles that handlers and use cases share.

use crate::clients::Peers;
use crate::store::intake::Intake;
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
    pub relay: Relay,
    pub intake: Intakes,
    pub limiter: RateLimiter,
    pub peers: Peers,
    pub rules: Rules,
    pub clock: Clock,
    pub ids: IdSource,
}

/// The two ways in.
#[derive(Clone, Debug)]
pub struct Intakes {
    /// For single messages: many share a commit.
    pub grouped: Arc<GroupCommit<Intake>>,
    /// For batches, which are groups already and keep their order.
    pub direct: Intake,
}

/// What the installation has decided.
#[derive(Clone)]
pub struct Rules {
    pub strict: bool,
    /// Of certificates.
    pub signing_key: Arc<[u8; 32]>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("strict", &self.strict).finish_non_exhaustive()
    }
}
