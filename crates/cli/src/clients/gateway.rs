//! The gateway's admin routes, with an admin key.

use anyhow::{Context, bail};
use clap::Args;
use reqwest::Client;
pub use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;
use uuid::Uuid;

/// For one request and its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest page of a list.
const PAGE: &str = "100";

/// Which gateway, for commands that go through it alone.
#[derive(Args, Debug)]
pub struct Admin {
    /// The gateway.
    #[arg(long, env = "LEADWIRE_URL", global = true)]
    url: Option<Url>,
    /// A key with scope platform:admin.
    #[arg(long, env = "LEADWIRE_ADMIN_KEY", hide_env_values = true, global = true)]
    admin_key: Option<SecretString>,
}

impl Admin {
    /// # Errors
    /// When the URL or the key is not given.
    pub fn gateway(self) -> anyhow::Result<Gateway> {
        let url = self.url.context("--url or LEADWIRE_URL must say where the gateway is")?;
        let key = self.admin_key.context("--admin-key or LEADWIRE_ADMIN_KEY is required")?;
        Gateway::new(url, key)
    }
}

/// A gateway, and the key that is shown to it.
#[derive(Debug)]
pub struct Gateway {
    http: Client,
    url: Url,
    key: SecretString,
    timeout: Duration,
}

impl Gateway {
    pub fn new(url: Url, key: SecretString) -> anyhow::Result<Self> {
        let http = Client::builder().build().context("the HTTP client cannot be built")?;
        Ok(Self { http, url, key, timeout: TIMEOUT })
    }

    /// The same with another time for one request and its answer.
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Calls a path below `/api/v1`, by its segments. The answer is the status and the body, null when it is empty.
    ///
    /// # Errors
    /// When there is no answer, or it is an error; it names every problem that the gateway names.
    pub async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let mut url = self.url.clone();
        let Ok(mut segments) = url.path_segments_mut() else {
            bail!("{} is not the URL of a gateway", self.url)
        };
        segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        drop(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url).timeout(self.timeout);
        let mut request = request.bearer_auth(self.key.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{} does not answer", self.url))?;
        let status = response.status();
        let text = response.text().await.context("the gateway's answer broke off")?;
        let body: Value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)
                .with_context(|| format!("the gateway answered {status} without JSON"))?
        };
        if status.is_success() {
            Ok((status.as_u16(), body))
        } else {
            bail!(problems(status.as_u16(), &body))
        }
    }

    /// Every item of a list, page by page.
    ///
    /// # Errors
    /// As [`Gateway::call`].
    pub async fn all(&self, path: &[&str]) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        for page in 1.. {
            let number = page.to_string();
            let (_, mut body) =
                self.call(Method::GET, path, &[("page", &number), ("limit", PAGE)], None).await?;
            if let Value::Array(data) = body["data"].take() {
                items.extend(data);
            }
            if body["pagination"]["totalPages"].as_i64().unwrap_or(0) <= page {
                break;
            }
        }
        Ok(items)
    }

    /// The id of an organisation, by its slug or its id.
    ///
    /// # Errors
    /// As [`Gateway::organization_id`].
    pub async fn organization(&self, slug_or_id: &str) -> anyhow::Result<String> {
        match Uuid::try_parse(slug_or_id) {
            Ok(id) => Ok(id.to_string()),
            Err(_not_an_id) => self.organization_id(slug_or_id).await,
        }
    }

    /// The id of the organisation with a slug.
    ///
    /// # Errors
    /// When there is none, or as [`Gateway::call`].
    pub async fn organization_id(&self, slug: &str) -> anyhow::Result<String> {
        let organizations = self.all(&["organizations"]).await?;
        let found = organizations.iter().find(|organization| organization["slug"] == slug);
        let id = found.and_then(|organization| organization["id"].as_str());
        id.map(str::to_owned).with_context(|| format!("there is no organisation {slug}"))
    }
}

/// What the platform surface says is wrong, a line each.
fn problems(status: u16, body: &Value) -> String {
    let mut text = format!("the gateway answered {status}");
    if let Some(message) = body["message"].as_str() {
        text.push_str(": ");
        text.push_str(message);
    }
    for field in body["details"]["fields"].as_array().into_iter().flatten() {
        let part = |name: &str| field[name].as_str().unwrap_or_default().to_owned();
        // Writing to a String cannot fail.
        write!(text, "\n  {}: {}", part("path"), part("message")).unwrap_or_default();
    }
    text
}
