//! Changes of the control plane, which every replica of the gateway hears of on a queue of its own: what is
//! known of credentials is forgotten when something of their organisation has changed.

use crate::store::credentials_cache::CredentialsCache;
use contracts::ids::OrganizationId;
use platform_broker::ReplicaHandler;
use serde::Deserialize;

/// Keeps a replica's memory of credentials in step.
#[derive(Clone, Debug)]
pub struct ControlEvents(pub CredentialsCache);

/// All that is read of such an event, whatever it tells.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ControlEvent {
    /// Whose things have changed.
    tenantid: OrganizationId,
}

impl ReplicaHandler for ControlEvents {
    const BINDINGS: &'static [&'static str] =
        &["gateway.credential.#", "gateway.client.#", "gateway.organization.#"];
    type Message = ControlEvent;

    async fn reset(&self) {
        self.0.forget_everything();
    }

    async fn handle(&self, event: ControlEvent) {
        self.0.forget(event.tenantid);
    }
}
