//! The way to the broker's dead letters: a connection for each thing that is done, because whoever looks holds what he
//! looks at for as long as his connection lasts.

use platform_broker::BrokerError;
use platform_broker::BrokerSettings;
use platform_broker::dead_letters::DeadLetters;
use std::sync::Arc;

/// Where they are.
#[derive(Clone, Debug)]
pub struct DeadLetterQueues(Arc<BrokerSettings>);

impl DeadLetterQueues {
    pub fn new(settings: &BrokerSettings) -> Self {
        Self(Arc::new(settings.clone()))
    }

    /// # Errors
    /// When there is no connection.
    pub async fn connect(&self) -> Result<DeadLetters, BrokerError> {
        DeadLetters::connect(&self.0, "gateway dead letters").await
    }
}
