//! The client for addresses that strangers choose: webhooks, and whatever else calls out on their behalf.
//!
//! Every URL is vetted before it is called and every resolved address before it is connected to. Redirects,
//! proxies, cookies, retries and compression do not happen. One budget covers the whole exchange, and only
//! so much of an answer is read. Signing, retrying and what an answer means are the caller's.

mod guard;
#[cfg(test)]
mod matrix;
mod resolver;
mod retry_after;

pub use guard::{Guard, RefusedUrl};
pub use resolver::{Lookup, system_lookup};
pub use retry_after::retry_after;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, redirect};
use resolver::{GuardedResolver, LookupError};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// For TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const POOL_IDLE_PER_HOST: usize = 16;
/// The most bytes of an answer's body that are read.
const READ_LIMIT: usize = 64 * 1024;
/// How long vetting a URL at its creation waits for the resolver.
const VET_TIMEOUT: Duration = Duration::from_secs(2);

/// A guarded HTTP client. Clones share its connections.
#[derive(Clone)]
pub struct OutboundClient {
    http: Client,
    resolver: GuardedResolver,
}

/// The client could not be built: no TLS, or no root certificates on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the outbound client cannot be built")]
pub struct ClientError(#[source] reqwest::Error);

/// A POST to make.
#[derive(Clone, Debug)]
pub struct OutboundPost {
    pub url: Url,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    /// For everything: resolving, connecting, TLS, sending, the answer's headers and its body.
    pub budget: Duration,
    /// How many bytes of the answer's body are kept.
    pub keep: usize,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundAnswer {
    pub status: u16,
    /// `Retry-After` as it came.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The guard did not let it through; nothing was sent.
    #[error("the url {0}")]
    Refused(RefusedUrl),
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("the certificate or the TLS handshake is not acceptable: {0}")]
    Tls(String),
    #[error("no connection: {0}")]
    Connect(String),
    #[error("the connection broke: {0}")]
    Broken(String),
    /// A header that HTTP does not allow.
    #[error("header {0} is malformed")]
    Header(&'static str),
}

impl OutboundClient {
    /// A client that resolves names with the operating system.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(guard: Guard, user_agent: &str) -> Result<Self, ClientError> {
        Self::with_lookup(guard, user_agent, system_lookup())
    }

    /// A client that resolves names in another way.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with_lookup(guard: Guard, user_agent: &str, lookup: Lookup) -> Result<Self, ClientError> {
        let resolver = GuardedResolver { guard, lookup };
        let http = Client::builder()
            .user_agent(user_agent)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .http1_only()
            .dns_resolver(Arc::new(resolver.clone()))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
            .build()
            .map_err(ClientError)?;
        Ok(Self { http, resolver })
    }

    /// Whether a URL may be called, as far as it can be told without resolving its host name.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, url: &Url) -> Result<(), RefusedUrl> {
        self.resolver.guard.check_url(url)
    }

    /// Whether a URL may be called, its host name resolved. A name that does not resolve now is let
    /// through: it is vetted again at every call.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub async fn vet(&self, url: &Url) -> Result<(), RefusedUrl> {
        self.check(url)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        match tokio::time::timeout(VET_TIMEOUT, self.resolver.vetted(name.to_owned())).await {
            Ok(Err(LookupError::Refused(refused))) => Err(refused),
            Ok(Ok(_) | Err(LookupError::Unresolved(_))) | Err(_) => Ok(()),
        }
    }

    /// Posts, and reads the beginning of the answer.
    ///
    /// # Errors
    /// When there is no answer within the budget, or the URL is refused.
    pub async fn post(&self, post: OutboundPost) -> Result<OutboundAnswer, OutboundError> {
        self.check(&post.url).map_err(OutboundError::Refused)?;
        let headers = header_map(post.headers)?;
        let exchange = async {
            let request = self.http.post(post.url).headers(headers).body(post.body);
            let mut response = request.send().await.map_err(|error| failure(&error, post.budget))?;
            let mut body = BytesMut::new();
            let mut read = 0;
            while read < READ_LIMIT {
                let Some(chunk) = response.chunk().await.map_err(|error| failure(&error, post.budget))?
                else {
                    break;
                };
                read += chunk.len();
                let room = post.keep.saturating_sub(body.len()).min(chunk.len());
                body.extend_from_slice(&chunk[..room]);
            }
            let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
            Ok(OutboundAnswer {
                status: response.status().as_u16(),
                retry_after: retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned),
                body: body.freeze(),
            })
        };
        match tokio::time::timeout(post.budget, exchange).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(OutboundError::Timeout(post.budget)),
        }
    }
}

impl std::fmt::Debug for OutboundClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundClient").field("guard", &self.resolver.guard).finish_non_exhaustive()
    }
}

fn header_map(headers: Vec<(&'static str, String)>) -> Result<HeaderMap, OutboundError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let Ok(value) = HeaderValue::from_str(&value) else { return Err(OutboundError::Header(name)) };
        map.insert(HeaderName::from_static(name), value);
    }
    Ok(map)
}

/// Sorts the client's error by what its causes are.
fn failure(error: &reqwest::Error, budget: Duration) -> OutboundError {
    let mut last = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(LookupError::Refused(refused)) = inner.downcast_ref::<LookupError>() {
            return OutboundError::Refused(*refused);
        }
        if let Some(tls) = tls_error(inner) {
            return OutboundError::Tls(tls.to_string());
        }
        last = inner.to_string();
        cause = inner.source();
    }
    if error.is_timeout() {
        // The only timeout that the client itself has is that of connecting.
        OutboundError::Timeout(CONNECT_TIMEOUT.min(budget))
    } else if error.is_connect() {
        OutboundError::Connect(last)
    } else {
        OutboundError::Broken(last)
    }
}

/// A TLS error, which travels inside I/O errors.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    error.downcast_ref().or_else(|| tls_error(error.downcast_ref::<std::io::Error>()?.get_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(url: &str) -> OutboundPost {
        OutboundPost {
            url: url.parse().unwrap(),
            headers: vec![("x-test", "1".to_owned())],
            body: Bytes::from_static(b"{}"),
            budget: Duration::from_secs(2),
            keep: 16,
        }
    }

    /// A client whose resolver has this one answer.
    fn client(guard: Guard, answer: &'static str) -> OutboundClient {
        let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![answer.parse().unwrap()]) }));
        OutboundClient::with_lookup(guard, "test", lookup).unwrap()
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_at_creation_and_at_the_call() {
        let client = client(Guard::default(), "127.0.0.1");
        let url = "https://hooks.example.com/";
        assert_eq!(client.vet(&url.parse().unwrap()).await, Err(RefusedUrl::Address));
        let refused = client.post(post(url)).await;
        assert!(matches!(refused, Err(OutboundError::Refused(RefusedUrl::Address))), "{refused:?}");
    }

    #[tokio::test]
    async fn a_literal_address_inside_is_refused_though_no_resolver_is_asked() {
        let client = client(Guard::default(), "93.184.216.34");
        for url in ["https://127.0.0.1/", "https://[::1]/", "https://0x7f.1/", "https://[::ffff:10.0.0.1]/"] {
            let refused = client.post(post(url)).await;
            assert!(matches!(refused, Err(OutboundError::Refused(RefusedUrl::Address))), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn the_vetted_address_is_the_one_that_is_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = client(Guard { allow_private_networks: true }, "127.0.0.1");
        let url = format!("http://hooks.example.com:{port}/");
        let (posted, accepted) = tokio::join!(client.post(post(&url)), async {
            listener.accept().await.map(|(stream, _)| drop(stream))
        });
        accepted.unwrap();
        assert!(matches!(posted, Err(OutboundError::Broken(_))), "{posted:?}");
    }

    #[tokio::test]
    async fn a_closed_port_is_no_connection() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = client(Guard { allow_private_networks: true }, "127.0.0.1");
        let posted = client.post(post(&format!("http://127.0.0.1:{port}/"))).await;
        assert!(matches!(posted, Err(OutboundError::Connect(_))), "{posted:?}");
    }

    #[test]
    fn a_header_that_breaks_out_is_refused() {
        let broken = header_map(vec![("x-test", "a\r\nx-more: b".to_owned())]);
        assert!(matches!(broken, Err(OutboundError::Header("x-test"))));
    }

    #[test]
    fn a_tls_error_is_found_within_input_output_errors() {
        let tls = rustls::Error::General("bad".to_owned());
        let nested = std::io::Error::other(std::io::Error::other(tls));
        assert!(tls_error(&nested).is_some());
        assert!(tls_error(&std::io::Error::other("plain")).is_none());
    }
}
