//! One exchange with a replica of a service: a request with its body, the answer, and the time for both.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::response::Parts;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

pub use hyper::{Method, header};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Shorter than the owners' keep-alive, so that this side closes first.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Nothing was sent.
    #[error("no replica of the service can be connected to")]
    Refused(#[source] legacy::Error),
    #[error("the service is not configured")]
    Unconfigured,
    #[error("the service did not answer in time")]
    Timeout,
    /// What the service did is unknown.
    #[error("the exchange with the service broke off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    #[error("the address is malformed: {0}")]
    Address(String),
}

/// A request on its way to its owner.
#[derive(Debug)]
pub struct Outgoing {
    pub method: Method,
    /// As the client sent it.
    pub path_and_query: String,
    pub headers: HeaderMap,
    pub body: Option<IncomingBody>,
    /// For the whole exchange.
    pub timeout: Duration,
}

/// A body that arrives while it is sent on. It survives an attempt that did not get as far as reading it.
#[derive(Clone, Debug)]
pub struct IncomingBody(Arc<tokio::sync::Mutex<mpsc::Receiver<io::Result<Bytes>>>>);

impl IncomingBody {
    pub fn new(chunks: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self(Arc::new(tokio::sync::Mutex::new(chunks)))
    }

    fn stream(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        stream::unfold(self.0.clone(), async |chunks| {
            let next = chunks.lock().await.recv().await;
            next.map(|chunk| (chunk, chunks))
        })
    }
}

/// Sends requests over connections that it keeps. Those are driven by the thread that opens them.
#[derive(Clone, Debug)]
pub struct Client(legacy::Client<HttpsConnector<HttpConnector>, UnsyncBoxBody<Bytes, io::Error>>);

impl Client {
    /// # Errors
    /// When the machine's certificates cannot be read.
    pub fn new() -> Result<Self, rustls::Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .try_with_platform_verifier()?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(connector);
        Ok(Self(client))
    }

    /// Sends a request; the answer's body is still on its way.
    ///
    /// # Errors
    /// When there is no answer, or not in time.
    pub async fn send(&self, to: &Address, outgoing: &Outgoing) -> Result<Response, UpstreamError> {
        let body = match &outgoing.body {
            Some(body) => StreamBody::new(body.stream().map_ok(Frame::data)).boxed_unsync(),
            None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        };
        let mut request = Request::new(body);
        *request.method_mut() = outgoing.method.clone();
        *request.uri_mut() = to.uri(&outgoing.path_and_query)?;
        *request.headers_mut() = outgoing.headers.clone();
        let deadline = Instant::now() + outgoing.timeout;
        match timeout_at(deadline, self.0.request(request)).await {
            Ok(Ok(response)) => {
                let (parts, body) = response.into_parts();
                Ok(Response { parts, body: ResponseBody { body, deadline, timer: None } })
            }
            // Nothing is sent before the connection stands.
            Ok(Err(error)) if error.is_connect() => Err(UpstreamError::Refused(error)),
            Ok(Err(error)) => Err(UpstreamError::Broken(error.into())),
            Err(_) => Err(UpstreamError::Timeout),
        }
    }
}

/// Where a replica is.
#[derive(Clone, Debug)]
pub struct Address {
    scheme: Scheme,
    authority: Authority,
}

impl Address {
    /// # Errors
    /// When the URL has no host, or is of another scheme than HTTP.
    pub fn of(url: &url::Url) -> Result<Self, UpstreamError> {
        let malformed = |why: &str| UpstreamError::Address(format!("{url}: {why}"));
        let uri: Result<Uri, _> = url.as_str().parse();
        let parts = uri.map_err(|error| malformed(&error.to_string()))?.into_parts();
        let (scheme, authority) = parts.scheme.zip(parts.authority).ok_or_else(|| malformed("no host"))?;
        Ok(Self { scheme, authority })
    }

    fn uri(&self, path_and_query: &str) -> Result<Uri, UpstreamError> {
        let malformed = |error: hyper::http::Error| UpstreamError::Address(error.to_string());
        let path: PathAndQuery = path_and_query.parse().map_err(|error| malformed(From::from(error)))?;
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(malformed)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    parts: Parts,
    body: ResponseBody,
}

impl Response {
    pub fn status(&self) -> StatusCode {
        self.parts.status
    }

    pub fn headers(&self) -> &HeaderMap<HeaderValue> {
        &self.parts.headers
    }

    pub fn into_body(self) -> ResponseBody {
        self.body
    }

    /// Waits for the whole body.
    ///
    /// # Errors
    /// When it does not arrive, or not in time.
    pub async fn bytes(mut self) -> Result<Bytes, UpstreamError> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.body.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(bytes.freeze())
    }
}

/// The body of an answer, which has to end before the exchange's time does.
#[derive(Debug)]
pub struct ResponseBody {
    body: Incoming,
    deadline: Instant,
    /// From the first time that the body has to be waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stream for ResponseBody {
    type Item = Result<Bytes, UpstreamError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else { break };
            match frame {
                // Trailers are not passed on.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(UpstreamError::Broken(error.into())))),
                None => return Poll::Ready(None),
            }
        }
        let deadline = self.deadline;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Some(Err(UpstreamError::Timeout)))
    }
}
