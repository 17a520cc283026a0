//! The other services of the platform, one file each.

pub mod dispatcher;
pub mod gateway;
mod peer;

use crate::settings::PeerSettings;
use contracts::Service;
use dispatcher::Dispatcher;
use gateway::Gateway;
use peer::Peer;
use platform::clock::Clock;

/// Whom this service asks.
#[derive(Clone, Debug)]
pub struct Peers {
    pub gateway: Gateway,
    pub dispatcher: Dispatcher,
}

impl Peers {
    /// # Errors
    /// When a key or an address is malformed.
    pub fn new(gateway: &PeerSettings, dispatcher: &PeerSettings, clock: &Clock) -> anyhow::Result<Self> {
        Ok(Self {
            gateway: Gateway::new(Peer::new(Service::Gateway, gateway, clock)?, clock.clone()),
            dispatcher: Dispatcher(Peer::new(Service::WebhookDispatcher, dispatcher, clock)?),
        })
    }
}
