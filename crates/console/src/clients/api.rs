//! The gateway's public APIs, called over HTTP on this machine like any client calls them.

use platform::secrets::{SecretError, base64url, digest, random};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::Url;

pub use reqwest::{Method, Response};

const TIMEOUT: Duration = Duration::from_secs(20);
/// Of a file, from its first byte to its last.
const DOWNLOAD: Duration = Duration::from_mins(15);
/// Says whose request the console makes, for the audit log, with a proof that it is the console.
pub const VISITOR_HEADER: &str = "x-leadwire-visitor";

/// What the console and the gateway of one process share and nobody else knows.
#[derive(Clone)]
pub struct VisitorProof(Arc<str>);

impl VisitorProof {
    /// # Errors
    /// When the system has no random bytes.
    pub fn random() -> Result<Self, SecretError> {
        Ok(Self(base64url(&random::<32>()?).into()))
    }

    fn header(&self, visitor: IpAddr) -> String {
        format!("{} {visitor}", self.0)
    }

    /// The visitor that a header names, if it comes from the console.
    pub fn visitor(&self, header: &str) -> Option<IpAddr> {
        let (proof, visitor) = header.split_once(' ')?;
        // Comparing digests tells nobody how much of a guess was right.
        (digest(proof.as_bytes()) == digest(self.0.as_bytes())).then(|| visitor.parse().ok())?
    }
}

impl std::fmt::Debug for VisitorProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VisitorProof(…)")
    }
}

/// A client of the gateway in the same process.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    address: Arc<OnceLock<SocketAddr>>,
    proof: VisitorProof,
}

/// For whom a call is made.
#[derive(Clone, Debug)]
pub struct OnBehalf<'a> {
    pub key: &'a SecretString,
    pub visitor: IpAddr,
    pub request_id: &'a str,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub method: Method,
    /// Below `/api/v1/`, not encoded.
    pub path: &'a [&'a str],
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<&'a Value>,
    /// Sent twice, it does what it does once.
    pub once: Option<&'a str>,
}

/// What the API answered in place of what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    /// Path and complaint of each field.
    pub fields: Vec<(String, String)>,
    pub retry_after: Option<u64>,
}

impl Refusal {
    fn unavailable(error: &reqwest::Error) -> Self {
        tracing::warn!(%error, "the console cannot reach the API");
        let message = "the API does not answer at the moment".to_owned();
        Self { status: 503, message, fields: Vec::new(), retry_after: Some(5) }
    }
}

impl Api {
    /// # Errors
    /// When the client cannot be built.
    pub fn new(proof: VisitorProof) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, address: Arc::default(), proof })
    }

    /// Says where the gateway listens, once that is known.
    pub fn is_at(&self, bound: SocketAddr) {
        let ip = match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        self.address.get_or_init(|| SocketAddr::new(ip, bound.port()));
    }

    /// Calls an operation; its JSON, `null` where there is none.
    ///
    /// # Errors
    /// Whatever is no 2xx.
    pub async fn call(&self, whose: &OnBehalf<'_>, call: Call<'_>) -> Result<Value, Refusal> {
        let response = self.send(whose, call, TIMEOUT).await?;
        let bytes = response.bytes().await.map_err(|error| Refusal::unavailable(&error))?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Calls an operation whose answer is a file, which is still to be read.
    ///
    /// # Errors
    /// Whatever is no 2xx.
    pub async fn download(&self, whose: &OnBehalf<'_>, call: Call<'_>) -> Result<Response, Refusal> {
        self.send(whose, call, DOWNLOAD).await
    }

    async fn send(
        &self,
        whose: &OnBehalf<'_>,
        call: Call<'_>,
        timeout: Duration,
    ) -> Result<Response, Refusal> {
        let url = self.url(&call)?;
        let mut request = self
            .http
            .request(call.method, url)
            .timeout(timeout)
            .bearer_auth(whose.key.expose_secret())
            .header(VISITOR_HEADER, self.proof.header(whose.visitor))
            .header("x-request-id", whose.request_id);
        if let Some(body) = call.body {
            request = request.json(body);
        }
        if let Some(once) = call.once {
            request = request.header("idempotency-key", once);
        }
        let response = request.send().await.map_err(|error| Refusal::unavailable(&error))?;
        let (status, retry_after) = (response.status(), seconds(response.headers()));
        if status.is_success() {
            return Ok(response);
        }
        let bytes = response.bytes().await.map_err(|error| Refusal::unavailable(&error))?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let message = body["message"].as_str().unwrap_or("the API refused the request").to_owned();
        let said = body.pointer("/details/fields").and_then(Value::as_array);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let field = |field: &Value| (text(&field["path"]), text(&field["message"]));
        let fields = said.into_iter().flatten().map(field).collect();
        Err(Refusal { status: status.as_u16(), message, fields, retry_after })
    }

    fn url(&self, call: &Call<'_>) -> Result<Url, Refusal> {
        let defect = || Refusal {
            status: 500,
            message: "the console does not know where the API is".to_owned(),
            fields: Vec::new(),
            retry_after: None,
        };
        let address = self.address.get().ok_or_else(defect)?;
        let mut url = Url::parse(&format!("http://{address}/api/v1")).ok().ok_or_else(defect)?;
        if let Ok(mut segments) = url.path_segments_mut() {
            // Each is encoded: what a visitor puts into an address stays one segment.
            segments.extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        Ok(url)
    }
}

fn seconds(headers: &HeaderMap<HeaderValue>) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_believed_with_the_proof_alone() {
        let (ours, theirs) = (VisitorProof::random().unwrap(), VisitorProof::random().unwrap());
        let visitor: IpAddr = "203.0.113.9".parse().unwrap();
        assert_eq!(ours.visitor(&ours.header(visitor)), Some(visitor));
        assert_eq!(ours.visitor(&theirs.header(visitor)), None);
        assert_eq!(ours.visitor("203.0.113.9"), None);
    }
}
