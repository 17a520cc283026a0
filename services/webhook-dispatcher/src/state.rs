//! The handles that handlers, consumers and use cases share.

use crate::delivery::Wake;
use crate::subscriptions::Subscriptions;
use contracts::ids::SubscriptionId;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::secrets::SealingKeys;
use platform_http::outbound::OutboundClient;
use platform_pg::StoreError;
use platform_pg::relay::Relay;
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
    pub relay: Relay,
    pub clock: Clock,
    pub ids: IdSource,
}

impl State {
    /// Lets whoever delivers for subscriptions know that they were changed. A hint: engines find out by
    /// polling as well.
    pub async fn changed(&self, subscriptions: &[SubscriptionId]) {
        if let Err(error) = self.refresh().await {
            tracing::debug!(%error, "the change of a subscription is found by polling");
        }
        self.wake.subscriptions(subscriptions.iter().copied());
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let mut connection = self.database.acquire().await?;
        self.subscriptions.refreshed(&mut connection).await?;
        Ok(())
    }
}
