//! Passing requests on to the services that own them, bodies streamed both ways.

use super::guard::{Passage, content_length};
use super::limit_headers::Charged;
use super::passed_on;
use crate::clients::exchange::{IncomingBody, Method, Outgoing, Response, header as outgoing};
use crate::domain::forwarding::{is_forwarded, is_returned, named_in_connection};
use crate::state::State;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONNECTION, HeaderName, HeaderValue, TRANSFER_ENCODING};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use contracts::FaultCode;
use contracts::identity::IDENTITY_HEADER;
use futures_util::StreamExt;
use platform::Fault;
use platform_http::body::too_large;
use platform_http::edge::{Final, request_id};
use platform_http::{Edge, HttpFault};
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;

/// Chunks of a body that may wait between the two connections.
const CHUNKS: usize = 8;

/// Sends a request that passed the guard to its owner and answers with what comes back.
pub async fn forward(
    request: &HttpRequest,
    payload: Payload,
    passage: &Passage,
) -> Result<HttpResponse, HttpFault> {
    let (Some(state), Some(edge)) =
        (request.app_data::<web::Data<State>>(), request.app_data::<web::Data<Edge>>())
    else {
        return Err(Fault::internal("the application has no state").into());
    };
    let upload = Upload::of(request, payload, passage.route.body_limit(), edge.body_timeout);
    let outgoing = Outgoing {
        method: Method::from_bytes(request.method().as_str().as_bytes()).map_err(Fault::internal)?,
        path_and_query: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
        headers: headers_out(request, passage, upload.length),
        body: upload.body,
        timeout: passage.route.timeout(),
    };
    match passed_on::send(request, state, passage.route.owner, outgoing).await? {
        Ok(response) => Ok(answer(response)),
        Err(error) => Err(upload.problem.get().map_or_else(|| error.into(), Problem::fault).into()),
    }
}

/// Why a body did not arrive whole.
#[derive(Clone, Copy, Debug)]
enum Problem {
    TooLarge { limit: usize },
    TooSlow { limit: Duration },
    BrokenOff,
}

impl Problem {
    fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { limit } => too_large(*limit),
            Self::TooSlow { limit } => Fault::new(
                FaultCode::BadRequest,
                format!("the body did not arrive within {} seconds", limit.as_secs()),
            ),
            Self::BrokenOff => Fault::new(FaultCode::BadRequest, "the body broke off"),
        }
    }
}

/// A body on its way through.
struct Upload {
    body: Option<IncomingBody>,
    /// When the client announced it.
    length: Option<u64>,
    problem: Arc<OnceLock<Problem>>,
}

impl Upload {
    /// Starts to read the body, if the request has one.
    fn of(request: &HttpRequest, payload: Payload, limit: usize, timeout: Duration) -> Self {
        let length = content_length(request.headers());
        let problem = Arc::new(OnceLock::new());
        let has_body =
            length.is_some_and(|length| length > 0) || request.headers().contains_key(TRANSFER_ENCODING);
        if !has_body {
            return Self { body: None, length: None, problem };
        }
        let (sender, receiver) = mpsc::channel(CHUNKS);
        // It ends with the request: by the body's end, its time limit, or the receiver's end.
        actix_web::rt::spawn(pump(payload, sender, limit, timeout, problem.clone()));
        Self { body: Some(IncomingBody::new(receiver)), length, problem }
    }
}

/// Moves a body from the client's connection to the owner's, within its size and its time.
async fn pump(
    mut payload: Payload,
    sender: mpsc::Sender<io::Result<Bytes>>,
    limit: usize,
    timeout: Duration,
    problem: Arc<OnceLock<Problem>>,
) {
    let whole = async {
        let mut size = 0;
        while let Some(chunk) = payload.next().await {
            let Ok(chunk) = chunk else { return Err(Problem::BrokenOff) };
            size += chunk.len();
            if size > limit {
                return Err(Problem::TooLarge { limit });
            }
            if sender.send(Ok(chunk)).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let result = tokio::time::timeout(timeout, whole).await;
    if let Err(found) = result.unwrap_or(Err(Problem::TooSlow { limit: timeout })) {
        let found = problem.get_or_init(|| found);
        // The owner must not take what has arrived for the whole.
        drop(sender.send(Err(io::Error::other(found.fault()))).await);
    }
}

fn headers_out(request: &HttpRequest, passage: &Passage, length: Option<u64>) -> outgoing::HeaderMap {
    let inbound = request.headers();
    let listed = named_in_connection(inbound.get_all(CONNECTION).filter_map(|value| value.to_str().ok()));
    let mut headers = outgoing::HeaderMap::with_capacity(inbound.len() + 4);
    for (name, value) in inbound.iter().filter(|(name, _)| is_forwarded(name.as_str(), &listed)) {
        if let (Ok(name), Ok(value)) = (
            outgoing::HeaderName::from_bytes(name.as_str().as_bytes()),
            outgoing::HeaderValue::from_bytes(value.as_bytes()),
        ) {
            headers.append(name, value);
        }
    }
    let own = [
        (IDENTITY_HEADER, passage.identity.to_str().ok().map(str::to_owned)),
        ("x-request-id", Some(request_id(request))),
        ("x-forwarded-for", Some(passage.address.to_string())),
        ("traceparent", platform::telemetry::current_traceparent()),
        ("content-length", length.map(|length| length.to_string())),
    ];
    for (name, value) in own {
        if let Some(Ok(value)) = value.map(|value| outgoing::HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    headers
}

/// An owner's answer, errors included: they are in the surface's dialect already.
fn answer(response: Response) -> HttpResponse {
    let Ok(status) = StatusCode::from_u16(response.status().as_u16()) else {
        return HttpResponse::from_error(HttpFault(Fault::new(
            FaultCode::BadGateway,
            "the service answered with a status that does not exist",
        )));
    };
    let mut builder = HttpResponse::build(status);
    let has_body = !(status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED);
    let charged = Charged::of(response.headers());
    let length =
        response.headers().get(outgoing::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(length) = length.filter(|_| has_body) {
        builder.no_chunking(length);
    }
    return_headers(response.headers(), &mut builder);
    let mut answer = if has_body { builder.streaming(response.into_body()) } else { builder.finish() };
    answer.extensions_mut().insert(Final);
    if let Some(charged) = charged {
        answer.extensions_mut().insert(charged);
    }
    answer
}

fn return_headers(inbound: &outgoing::HeaderMap, answer: &mut HttpResponseBuilder) {
    let listed = named_in_connection(
        inbound.get_all(outgoing::CONNECTION).iter().filter_map(|value| value.to_str().ok()),
    );
    for (name, value) in inbound.iter().filter(|(name, _)| is_returned(name.as_str(), &listed)) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            answer.append_header((name, value));
        }
    }
}
