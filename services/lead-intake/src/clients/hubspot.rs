//! HubSpot's CRM API, version 3, with the associations of version 4: three batch calls, each of which may be
//! repeated without making anything twice. What an answer means is [`super::hubspot_answers`]; waiting,
//! splitting and keeping state are the orchestrator's.

use super::hubspot_answers::{self as answers, Answered, CallError};
use crate::domain::crm::Properties;
use crate::settings::HubspotSettings;
use reqwest::{Client, Url, header, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::error::Error;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A batch of 100 objects comes back with a fraction of this.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// An object to be created, or updated when one of the same unique value is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upsert {
    pub id_property: &'static str,
    pub id: String,
    /// Ours: comes back with the result or the error of this object.
    pub trace: String,
    pub properties: Properties,
}

/// A deal and the contact that belongs to it, by HubSpot's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub deal_id: String,
    pub contact_id: String,
}

/// One call. Its inputs are distinct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    Contacts(Vec<Upsert>),
    Deals(Vec<Upsert>),
    Associations(Vec<Pair>),
}

impl Batch {
    pub fn len(&self) -> usize {
        match self {
            Self::Contacts(inputs) | Self::Deals(inputs) => inputs.len(),
            Self::Associations(pairs) => pairs.len(),
        }
    }

    /// Keeps the first half and gives the second.
    #[must_use]
    pub fn split_off_half(&mut self) -> Self {
        let half = self.len() / 2;
        match self {
            Self::Contacts(inputs) => Self::Contacts(inputs.split_off(half)),
            Self::Deals(inputs) => Self::Deals(inputs.split_off(half)),
            Self::Associations(pairs) => Self::Associations(pairs.split_off(half)),
        }
    }

    fn body(&self) -> Value {
        match self {
            Self::Contacts(inputs) | Self::Deals(inputs) => {
                let input = |input: &Upsert| {
                    json!({
                        "idProperty": input.id_property,
                        "id": input.id,
                        "objectWriteTraceId": input.trace,
                        "properties": input.properties,
                    })
                };
                json!({"inputs": inputs.iter().map(input).collect::<Vec<_>>()})
            }
            Self::Associations(pairs) => {
                let input =
                    |pair: &Pair| json!({"from": {"id": pair.deal_id}, "to": {"id": pair.contact_id}});
                json!({"inputs": pairs.iter().map(input).collect::<Vec<_>>()})
            }
        }
    }
}

/// A client of one HubSpot account.
pub struct Hubspot {
    http: Client,
    contacts: Url,
    deals: Url,
    associations: Url,
    token: SecretString,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HubspotError {
    #[error("hubspot.base_url must be https, or http on loopback")]
    Insecure,
    #[error("hubspot.base_url, hubspot.objects_prefix or hubspot.associations_prefix is malformed")]
    Url(#[from] url::ParseError),
    #[error("the client of HubSpot cannot be built")]
    Client(#[from] reqwest::Error),
}

impl Hubspot {
    /// A client, or none where no token is set.
    ///
    /// # Errors
    /// When the URL is malformed, or would send the token in the clear.
    pub fn new(settings: &HubspotSettings) -> Result<Option<Self>, HubspotError> {
        let Some(token) = settings.token.clone().filter(|token| !token.expose_secret().is_empty()) else {
            return Ok(None);
        };
        let loopback = match settings.base_url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if settings.base_url.scheme() != "https" && !loopback {
            return Err(HubspotError::Insecure);
        }
        let at = |prefix: &str, rest: &str| {
            settings.base_url.join(&format!("/{}/{rest}", prefix.trim_matches('/')))
        };
        let http = Client::builder()
            .user_agent(concat!("Leadwire/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(settings.timeout)
            .build()?;
        Ok(Some(Self {
            http,
            contacts: at(&settings.objects_prefix, "contacts/batch/upsert")?,
            deals: at(&settings.objects_prefix, "deals/batch/upsert")?,
            associations: at(&settings.associations_prefix, "deals/contacts/batch/associate/default")?,
            token,
        }))
    }

    /// Makes one call and says what became of each input, in their order.
    ///
    /// # Errors
    /// When HubSpot did not work on them, or refused the batch as a whole.
    pub async fn send(&self, batch: &Batch) -> Result<Answered, CallError> {
        let (url, name) = match batch {
            Batch::Contacts(_) => (&self.contacts, "contacts"),
            Batch::Deals(_) => (&self.deals, "deals"),
            Batch::Associations(_) => (&self.associations, "associations"),
        };
        let answered = self.exchange(url, batch).await;
        let outcome = match &answered {
            Ok(_) => "answered",
            Err(CallError::Outage(_)) => "outage",
            Err(CallError::Refused(_) | CallError::Conflict(_)) => "refused",
        };
        metrics::counter!("leadwire_hubspot_calls_total", "call" => name, "outcome" => outcome).increment(1);
        answered
    }

    async fn exchange(&self, url: &Url, batch: &Batch) -> Result<Answered, CallError> {
        let request = self.http.post(url.clone()).bearer_auth(self.token.expose_secret()).json(&batch.body());
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(CallError::outage("the answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        let header = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let facts = answers::Facts {
            status: response.status().as_u16(),
            retry_after: header(header::RETRY_AFTER.as_str()).map(Duration::from_secs),
            remaining: header("x-hubspot-ratelimit-remaining"),
            interval: header("x-hubspot-ratelimit-interval-milliseconds").map(Duration::from_millis),
        };
        answers::read(batch, &facts, &body)
    }
}

impl std::fmt::Debug for Hubspot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hubspot").field("contacts", &self.contacts.as_str()).finish_non_exhaustive()
    }
}

/// No answer, or not all of one. The last cause says most, and none of them has the body.
fn unreachable(error: &reqwest::Error) -> CallError {
    if error.is_timeout() {
        return CallError::outage("no answer in time");
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    CallError::outage(format!("no answer: {cause}"))
}
