//! A request of a test. Its answer is held against the published documents before the test sees it.

use crate::documented;
use contracts::Service;
use contracts::routes::Route;
use hyper::Response as Rebuilt;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, ResponseBuilderExt as _};
use serde::Serialize;
use std::fmt::Display;
use std::time::Duration;

/// A request in the making, like `reqwest::RequestBuilder`.
#[derive(Debug)]
#[must_use = "nothing is sent until `send`"]
pub struct Asked {
    /// Whose answer it is going to be; `None` when a whole system is asked.
    service: Option<Service>,
    request: RequestBuilder,
}

/// A request to a whole system, through its gateway.
impl From<RequestBuilder> for Asked {
    fn from(request: RequestBuilder) -> Self {
        Self { service: None, request }
    }
}

impl Asked {
    pub(crate) const fn new(service: Service, request: RequestBuilder) -> Self {
        Self { service: Some(service), request }
    }

    fn with(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { request: change(self.request), ..self }
    }

    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        HeaderName: TryFrom<N, Error: Into<hyper::http::Error>>,
        HeaderValue: TryFrom<V, Error: Into<hyper::http::Error>>,
    {
        self.with(|request| request.header(name, value))
    }

    pub fn bearer_auth(self, token: impl Display) -> Self {
        self.with(|request| request.bearer_auth(token))
    }

    pub fn basic_auth(self, name: impl Display, password: Option<impl Display>) -> Self {
        self.with(|request| request.basic_auth(name, password))
    }

    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.with(|request| request.json(body))
    }

    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.with(|request| request.body(body))
    }

    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|request| request.timeout(timeout))
    }

    /// The request as it is, whose answer nothing is held against.
    pub fn unchecked(self) -> RequestBuilder {
        self.request
    }

    /// Sends it and reads the whole answer. Only what the service itself owns is held against the documents: what the
    /// gateway passes on is what a stand-in has said.
    ///
    /// # Panics
    /// When the answer is none that is documented.
    pub async fn send(self) -> reqwest::Result<Response> {
        let (client, request) = self.request.build_split();
        let request = request?;
        let route = documented::route(request.method().as_str(), request.url().path());
        let response = client.execute(request).await?;
        let own = |route: &&Route| self.service.is_none_or(|service| service == route.owner);
        let Some(route) = route.filter(own) else { return Ok(response) };
        let mut rebuilt = Rebuilt::builder()
            .url(response.url().clone())
            .status(response.status())
            .version(response.version());
        if let Some(headers) = rebuilt.headers_mut() {
            headers.clone_from(response.headers());
        }
        let body = response.bytes().await?;
        let rebuilt = rebuilt.body(body).expect("an answer that there was");
        documented::check(route, rebuilt.status().as_u16(), rebuilt.headers(), rebuilt.body());
        Ok(Response::from(rebuilt))
    }
}
