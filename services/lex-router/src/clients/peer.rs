//! Calling another service in this one's own name.

use crate::SERVICE;
use crate::settings::PeerSettings;
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER};
use platform::clock::Clock;
use platform_http::IdentityKey;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response};
use std::time::Duration;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Shorter than the other side's keep-alive, so that this side closes first.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// Another service.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    client: Client,
    url: Url,
    key: IdentityKey,
}

/// Why a service has not done what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the service cannot be reached, or not in time")]
    Unreachable(#[from] reqwest::Error),
    #[error("the service answered {0}")]
    Status(u16),
    #[error("the identity token cannot be made")]
    Identity(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the address is malformed")]
    Address(#[from] url::ParseError),
    #[error("the service did not answer a moment ago")]
    Resting,
}

impl Peer {
    pub(super) fn new(service: Service, settings: &PeerSettings, clock: &Clock) -> anyhow::Result<Self> {
        let client = ClientBuilder::new()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .build()?;
        let key = IdentityKey::parse(service, &settings.identity_key, clock.clone())?;
        Ok(Self { client, url: settings.url.clone(), key })
    }

    /// Sends a request that `finish` completes, and waits for at most `timeout` for the whole answer.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        timeout: Duration,
        finish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, CallError> {
        let caller = Caller::Service { name: SERVICE.name().to_owned() };
        let token = self.key.sign(caller).map_err(|error| CallError::Identity(Box::new(error)))?;
        let mut request =
            self.client.request(method, self.url.join(path)?).timeout(timeout).header(IDENTITY_HEADER, token);
        if let Some(traceparent) = platform::telemetry::current_traceparent() {
            request = request.header("traceparent", traceparent);
        }
        Ok(finish(request).send().await?)
    }
}
