//! Posting webhooks, to wherever the person at the keyboard says.

use anyhow::Context;
use reqwest::Client;
pub use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::{Duration, Instant};

/// For one request and its answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answered {
    pub status: u16,
    pub took: Duration,
    /// As text, whatever it is.
    pub body: String,
}

/// A client that goes nowhere but where it is told.
pub(super) fn client() -> anyhow::Result<Client> {
    Client::builder()
        .user_agent(concat!("leadwire-cli/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .context("the HTTP client cannot be built")
}

/// Posts to one URL.
#[derive(Clone, Debug)]
pub struct Poster {
    http: Client,
    url: Url,
}

impl Poster {
    /// # Errors
    /// When there can be no HTTP client.
    pub fn to(url: Url) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, url })
    }

    /// Posts bytes with headers.
    ///
    /// # Errors
    /// When a header is none, or there is no answer.
    pub async fn post(&self, headers: &[(String, String)], body: Vec<u8>) -> anyhow::Result<Answered> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().with_context(|| format!("{name:?} is no header"))?;
            map.append(name, HeaderValue::from_str(value).context("a header's value cannot be sent")?);
        }
        let started = Instant::now();
        let request = self.http.post(self.url.clone()).headers(map).body(body);
        // The library's own text has the whole URL.
        let response = request.send().await.map_err(reqwest::Error::without_url);
        let response = response.with_context(|| format!("{} does not answer", self.shown_url()))?;
        let status = response.status().as_u16();
        let body = response.bytes().await.context("the answer broke off")?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answered { status, took: started.elapsed(), body })
    }

    /// The URL without its query, which may be secret.
    fn shown_url(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.to_string()
    }
}
