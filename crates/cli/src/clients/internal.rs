//! The gateway's internal route for the audit log, in an operator's name.

use anyhow::{Context, ensure};
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER};
use contracts::internal::{AUDIT, AuditEntry};
use platform::clock::Clock;
use platform_http::IdentityKey;
use reqwest::{Client, Url};
use secrecy::SecretString;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
/// What the gateway sees as the calling service.
const NAME: &str = "leadwire-cli";

/// The gateway as its own services see it.
#[derive(Debug)]
pub struct Internal {
    http: Client,
    url: Url,
    key: IdentityKey,
}

impl Internal {
    pub fn new(url: Url, key: &SecretString) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().timeout(TIMEOUT).build();
        let http = http.context("the HTTP client cannot be built")?;
        let key = IdentityKey::parse(Service::Gateway, key, Clock::system())?;
        Ok(Self { http, url, key })
    }

    /// Puts an entry into the audit log.
    ///
    /// # Errors
    /// When it is not there afterwards.
    pub async fn note(&self, entry: &AuditEntry) -> anyhow::Result<()> {
        let token = self.key.sign(Caller::Service { name: NAME.to_owned() })?;
        let request = self.http.post(self.url.join(AUDIT)?).header(IDENTITY_HEADER, token).json(entry);
        let answer = request.send().await.with_context(|| format!("{} does not answer", self.url))?;
        ensure!(answer.status().is_success(), "the gateway answered {}", answer.status());
        Ok(())
    }
}
