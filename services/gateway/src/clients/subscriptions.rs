//! Asking webhook-dispatcher for the webhook subscriptions of a client.

use super::internal::{Call, CallError, call};
use super::upstreams::Upstreams;
use crate::state::Identities;
use contracts::Service;
use contracts::ids::{ClientId, OrganizationId};
use contracts::internal::{SUBSCRIPTIONS, Subscriptions};
use hyper::Method;
use std::time::Duration;

/// For the whole answer: a page that shows webhooks among other things must not wait long for them.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The webhook subscriptions of all families that a client has.
///
/// # Errors
/// When the dispatcher does not say within two seconds.
pub async fn subscriptions_of(
    upstreams: &Upstreams,
    identities: &Identities,
    organization_id: OrganizationId,
    client_id: ClientId,
) -> Result<Subscriptions, CallError> {
    let question = Call {
        service: Service::WebhookDispatcher,
        method: Method::GET,
        path_and_query: format!("{SUBSCRIPTIONS}?organization={organization_id}&client={client_id}"),
        body: None,
        timeout: TIMEOUT,
    };
    call(upstreams, identities, question).await
}
