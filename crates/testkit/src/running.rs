//! A service under test, reached over HTTP as the gateway reaches it.

use crate::{Asked, callers};
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER, Principal};
use platform::lifecycle::Process;
use reqwest::{Method, Response};
use serde_json::Value;
use std::net::SocketAddr;

/// A service that runs beside the test. Dropping it begins its shutdown.
#[derive(Debug)]
pub struct Running {
    service: Service,
    pub process: Process,
    http: reqwest::Client,
    url: String,
    ops_url: String,
}

impl Running {
    pub fn new(service: Service, process: Process, address: SocketAddr, ops_address: SocketAddr) -> Self {
        Self {
            service,
            process,
            http: crate::http(),
            url: format!("http://{address}"),
            ops_url: format!("http://{ops_address}"),
        }
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request without any identity, as if the gateway were passed by.
    pub fn bare(&self, method: Method, path: &str) -> Asked {
        Asked::new(self.service, self.http.request(method, format!("{}{path}", self.url)))
    }

    /// A request of a caller, as the gateway passes it on.
    pub fn request(&self, caller: &Principal, method: Method, path: &str) -> Asked {
        self.identified(Caller::Principal(Box::new(caller.clone())), method, path)
    }

    /// A request to an open route, as the gateway passes it on.
    pub fn anonymous(&self, method: Method, path: &str) -> Asked {
        self.identified(Caller::Anonymous, method, path)
    }

    /// An internal call of another service.
    pub fn from_service(&self, caller: Service, method: Method, path: &str) -> Asked {
        self.identified(Caller::Service { name: caller.name().to_owned() }, method, path)
    }

    /// The answer of an ops endpoint: status and body.
    pub async fn ops(&self, path: &str) -> (u16, String) {
        let response = self.http.get(format!("{}{path}", self.ops_url)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    fn identified(&self, caller: Caller, method: Method, path: &str) -> Asked {
        let token = callers::token(self.service, &self.process.clock, caller);
        self.bare(method, path).header(IDENTITY_HEADER, token)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.shutdown.begin();
    }
}

/// Sends a request; the status and the JSON body of the answer.
pub async fn answer(request: impl Into<Asked>) -> (u16, Value) {
    read(request.into().send().await.unwrap()).await
}

/// The status and the JSON body of a response.
pub async fn read(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}
