//! Asking webhook-dispatcher for the webhook subscriptions of a client.

use super::upstreams::{Outgoing, UpstreamError, Upstreams};
use crate::SERVICE;
use crate::state::Identities;
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER};
use contracts::ids::{ClientId, OrganizationId};
use contracts::internal::{SUBSCRIPTIONS, Subscriptions};
use platform::Fault;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use std::time::Duration;

/// For the whole answer: a page that shows webhooks among other things must not wait long for them.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why the subscriptions are not known.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionsError {
    #[error("webhook-dispatcher cannot be reached")]
    Upstream(#[from] UpstreamError),
    #[error("webhook-dispatcher answered {0}")]
    Status(StatusCode),
    #[error("webhook-dispatcher gave an answer that is not understood")]
    Answer(#[source] reqwest::Error),
    #[error("the identity token cannot be made")]
    Identity(#[source] Box<Fault>),
}

/// The webhook subscriptions of all families that a client has.
///
/// # Errors
/// When the dispatcher does not say within two seconds.
pub async fn subscriptions_of(
    upstreams: &Upstreams,
    identities: &Identities,
    organization_id: OrganizationId,
    client_id: ClientId,
) -> Result<Subscriptions, SubscriptionsError> {
    let caller = Caller::Service { name: SERVICE.name().to_owned() };
    let identity = |fault| SubscriptionsError::Identity(Box::new(fault));
    let token = identities.sign(Service::WebhookDispatcher, caller).map_err(identity)?;
    let token = HeaderValue::from_str(&token).map_err(|error| identity(Fault::internal(error)))?;
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(IDENTITY_HEADER), token);
    let traceparent = platform::telemetry::current_traceparent();
    if let Some(Ok(value)) = traceparent.map(|value| HeaderValue::from_str(&value)) {
        headers.insert("traceparent", value);
    }
    let outgoing = Outgoing {
        method: Method::GET,
        path_and_query: format!("{SUBSCRIPTIONS}?organization={organization_id}&client={client_id}"),
        headers,
        body: None,
        timeout: TIMEOUT,
    };
    let response = upstreams.send(Service::WebhookDispatcher, &outgoing).await?;
    if response.status() != StatusCode::OK {
        return Err(SubscriptionsError::Status(response.status()));
    }
    response.json().await.map_err(SubscriptionsError::Answer)
}
