//! What answers questions of health: the services' ops ports, the broker's management API.

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use reqwest::{Client, Method, RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// Null when it is not JSON.
    pub body: Value,
    pub date: Option<DateTime<Utc>>,
}

/// Asks for a path.
///
/// # Errors
/// When there is no answer.
pub async fn get(base: &Url, path: &str) -> anyhow::Result<Answer> {
    let response = client()?.get(join(base, path)).send().await?;
    let date = response.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| Some(DateTime::parse_from_rfc2822(date).ok()?.to_utc()));
    let text = response.text().await?;
    Ok(Answer { body: serde_json::from_str(&text).unwrap_or(Value::Null), date })
}

/// Asks RabbitMQ's management API, with the user of its URL.
///
/// # Errors
/// When it does not answer, or refuses.
pub async fn management(base: &SecretString, path: &str) -> anyhow::Result<Value> {
    let response = to_management(Method::GET, base, path)?.send().await?;
    ensure!(response.status().is_success(), "it answers {}", response.status());
    Ok(response.json().await?)
}

/// Gives it definitions.
///
/// # Errors
/// When it does not answer, or refuses.
pub async fn put_definitions(base: &SecretString, path: &str, definitions: &Value) -> anyhow::Result<()> {
    let response = to_management(Method::POST, base, path)?.json(definitions).send().await?;
    ensure!(response.status().is_success(), "it answers {}", response.status());
    Ok(())
}

fn to_management(method: Method, base: &SecretString, path: &str) -> anyhow::Result<RequestBuilder> {
    // The parser's text may quote the password.
    let mut base: Url = base.expose_secret().parse().ok().context("its URL is malformed")?;
    let (user, password) = (base.username().to_owned(), base.password().unwrap_or_default().to_owned());
    let bare = base.set_username("").and_then(|()| base.set_password(None));
    ensure!(bare.is_ok(), "its URL has no host");
    Ok(client()?.request(method, join(&base, path)).basic_auth(user, Some(password)))
}

fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let path = format!("{}/{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

fn client() -> anyhow::Result<Client> {
    Client::builder().no_proxy().timeout(TIMEOUT).build().context("the HTTP client cannot be built")
}
