//! One request, sent as often as a measurement wants.

use super::webhook::client;
use reqwest::Client;
pub use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};

/// The request.
#[derive(Debug)]
pub struct Load {
    pub method: Method,
    pub url: Url,
    pub key: Option<SecretString>,
    /// JSON.
    pub body: Option<Vec<u8>>,
}

/// What sends it.
#[derive(Debug)]
pub struct Sender {
    http: Client,
    load: Load,
}

impl Sender {
    /// # Errors
    /// When there can be no HTTP client.
    pub fn of(load: Load) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, load })
    }

    /// Sends it once and waits for the whole answer. The status, or why there is none, in a word or two.
    pub async fn send(&self) -> Result<u16, &'static str> {
        let mut request = self.http.request(self.load.method.clone(), self.load.url.clone());
        if let Some(key) = &self.load.key {
            request = request.bearer_auth(key.expose_secret());
        }
        if let Some(body) = &self.load.body {
            request = request.header("content-type", "application/json").body(body.clone());
        }
        let answer = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            response.bytes().await?;
            Ok(status)
        };
        answer.await.map_err(|error: reqwest::Error| {
            if error.is_connect() {
                "no connection"
            } else if error.is_timeout() {
                "no answer in 30 s"
            } else {
                "broken off"
            }
        })
    }
}
