//! Changes of subscriptions, which every replica hears of, so that what it holds of them in memory is fresh.
//!
//! Hints alone: whoever matches or delivers looks at the version in the database besides.

use crate::state::State;
use contracts::event::CloudEvent;
use contracts::ids::SubscriptionId;
use platform_broker::ReplicaHandler;
use serde::de::IgnoredAny;

/// Takes changes in.
#[derive(Clone, Debug)]
pub struct Changes(pub State);

impl ReplicaHandler for Changes {
    const BINDINGS: &'static [&'static str] = &["webhook.subscription.#"];
    type Message = CloudEvent<IgnoredAny>;

    async fn reset(&self) {
        self.0.changed(&[]).await;
    }

    async fn handle(&self, message: Self::Message) {
        let subscription: Option<SubscriptionId> = message.partitionkey.parse().ok();
        self.0.changed(subscription.as_slice()).await;
    }
}
