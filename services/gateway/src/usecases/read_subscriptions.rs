//! Looking a client's webhook subscriptions up, which webhook-dispatcher owns.

use crate::clients::subscriptions::subscriptions_of;
use crate::domain::client::Client;
use crate::state::State;
use contracts::internal::Subscriptions;

/// The webhook subscriptions of a client. `None` when the dispatcher does not say: the client is there
/// nevertheless.
pub async fn subscriptions_if_known(state: &State, client: &Client) -> Option<Subscriptions> {
    let asked =
        subscriptions_of(&state.upstreams, &state.identities, client.organization_id, client.id).await;
    asked
        .inspect_err(|error| {
            let error = platform_http::edge::chain(error);
            tracing::warn!(error, client = %client.id, "a client is shown without its webhook subscriptions");
        })
        .ok()
}
