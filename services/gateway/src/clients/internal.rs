//! Calling other services in the gateway's own name.

use super::exchange::{Address, IncomingBody, Outgoing, Response, UpstreamError};
use super::upstreams::Upstreams;
use crate::SERVICE;
use crate::state::Identities;
use bytes::Bytes;
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use platform::Fault;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::sync::mpsc;

/// Why a service has not done what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the service cannot be reached")]
    Upstream(#[from] UpstreamError),
    #[error("the service answered {0}")]
    Status(StatusCode),
    #[error("the service gave an answer that is not understood")]
    Answer(#[source] serde_json::Error),
    #[error("the identity token cannot be made")]
    Identity(#[source] Box<Fault>),
}

/// What a service is asked.
#[derive(Debug)]
pub struct Call {
    pub service: Service,
    pub method: Method,
    pub path_and_query: String,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// For the whole answer.
    pub timeout: Duration,
}

/// Asks a service for something that it answers with 200 and JSON.
///
/// # Errors
/// When it does not, or not in time.
pub async fn call<T: DeserializeOwned>(
    upstreams: &Upstreams,
    identities: &Identities,
    call: Call,
) -> Result<T, CallError> {
    let service = call.service;
    let outgoing = outgoing(identities, call)?;
    read(upstreams.send(service, &outgoing).await?).await
}

/// The same of one replica.
///
/// # Errors
/// When it does not answer, or not in time.
pub async fn call_replica<T: DeserializeOwned>(
    upstreams: &Upstreams,
    replica: &Address,
    identities: &Identities,
    call: Call,
) -> Result<T, CallError> {
    let outgoing = outgoing(identities, call)?;
    read(upstreams.send_to(replica, &outgoing).await?).await
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, CallError> {
    if response.status() != StatusCode::OK {
        return Err(CallError::Status(response.status()));
    }
    serde_json::from_slice(&response.bytes().await?).map_err(CallError::Answer)
}

fn outgoing(identities: &Identities, call: Call) -> Result<Outgoing, CallError> {
    let caller = Caller::Service { name: SERVICE.name().to_owned() };
    let identity = |fault| CallError::Identity(Box::new(fault));
    let token = identities.sign(call.service, caller).map_err(identity)?;
    let token = HeaderValue::from_str(&token).map_err(|error| identity(Fault::internal(error)))?;
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(IDENTITY_HEADER), token);
    let traceparent = platform::telemetry::current_traceparent();
    if let Some(Ok(value)) = traceparent.map(|value| HeaderValue::from_str(&value)) {
        headers.insert("traceparent", value);
    }
    if call.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(Outgoing {
        method: call.method,
        path_and_query: call.path_and_query,
        headers,
        body: call.body.map(whole),
        timeout: call.timeout,
    })
}

/// A body that is there already.
fn whole(bytes: Vec<u8>) -> IncomingBody {
    let (sender, receiver) = mpsc::channel(1);
    // There is room for one, and the receiver is held here.
    sender.try_send(Ok(Bytes::from(bytes))).unwrap_or_default();
    IncomingBody::new(receiver)
}
