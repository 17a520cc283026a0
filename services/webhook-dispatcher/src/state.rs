//! The handles that handlers, consumers and use cases share.

use crate::delivery::Wake;
use crate::subscriptions::Subscriptions;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::secrets::SealingKeys;
use platform_http::outbound::OutboundClient;
use sqlx::PgPool;
use std::sync::Arc;

/// Cheap to clone; one per worker.
#[derive(Clone, Debug)]
pub struct State {
    pub database: PgPool,
    pub subscriptions: Subscriptions,
    pub keys: Arc<SealingKeys>,
    pub outbound: OutboundClient,
    pub wake: Wake,
    pub clock: Clock,
    pub ids: IdSource,
}
