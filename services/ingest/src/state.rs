//! The handles that handlers and use cases share.

use platform::clock::Clock;
use platform::ids::IdSource;
use platform_pg::relay::Relay;
use sqlx::PgPool;

/// Cheap to clone; one per worker.
#[derive(Clone, Debug)]
pub struct State {
    pub database: PgPool,
    pub relay: Relay,
    pub clock: Clock,
    pub ids: IdSource,
}
