//! The outermost middleware of every service: request id, trace, one log line, metrics, fault rendering.
//!
//! An error always leaves in the dialect of its path, whoever raised it, the framework included.

use crate::connection::Progress;
use crate::dialect::{HttpFault, fault_of_status};
use crate::server::Edge;
use crate::unread::Held;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use contracts::Surface;
use metrics::Label;
use platform::Fault;
use platform::figures::UNMATCHED;
use platform::telemetry::Conclusion;
use std::borrow::Cow;
use std::time::Instant;
use tracing::{Instrument, Span};

/// Carries the request id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C Trace Context §3.2.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The id of a request, kept from the client when it is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Marks an error response that is complete as it is: a proxied one, a health report.
#[derive(Clone, Copy, Debug)]
pub struct Final;

/// The template of a route that the framework did not match itself, for metrics and the log.
#[derive(Clone, Copy, Debug)]
pub struct RouteTemplate(pub &'static str);

/// The id of a request that passed the edge.
pub fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

/// The middleware function; [`crate::server`] wraps every application in it.
///
/// # Errors
/// Those of inner middleware, of which there is none.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let progress = request.conn_data::<Progress>().cloned();
    if let Some(progress) = &progress {
        progress.serving();
    }
    let edge = request.app_data::<web::Data<Edge>>().cloned();
    let id = inbound_request_id(request.headers())
        .unwrap_or_else(|| edge.as_ref().map_or_else(String::new, |edge| edge.new_request_id()));
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let span = tracing::info_span!("request", otel.kind = "server", otel.name = %method, request_id = %id);
    platform::telemetry::follow(&span, header(request.headers(), &TRACEPARENT));
    let held = Held::of(&mut request);

    let work = next.call(request).instrument(span.clone());
    let response = platform::request_id::scope(id.clone(), work).await?.map_into_boxed_body();

    let _entered = span.enter();
    let mut response = match edge.as_ref().and_then(|edge| rendered(edge, &response, &id)) {
        Some(rendered) => response.into_response(rendered),
        None => response,
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    report(&response, &method, started, &span);
    if let Some(edge) = &edge {
        edge.observed(response.request(), response.status(), started.elapsed());
    }
    if let Some(progress) = progress {
        progress.answered();
    }
    Ok(match held {
        Some(held) => response.map_body(|_, body| held.until_sent(body)),
        None => response,
    })
}

/// A word for a method that a label may be made of: what strangers invent must not become series of metrics.
fn known(method: &Method) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|known| method == known).unwrap_or("other")
}

/// The response to put in place of an error that is not final yet.
fn rendered(edge: &Edge, response: &ServiceResponse, request_id: &str) -> Option<HttpResponse> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.response().extensions().get::<Final>().is_some() {
        return None;
    }
    let bare;
    let raised = response.response().error().and_then(|error| error.as_error::<HttpFault>());
    let fault = if let Some(fault) = raised {
        &fault.0
    } else {
        bare = fault_of_status(status);
        &bare
    };
    log_defect(fault);
    let rendered = edge.dialect(response.request().path()).render(fault, request_id);
    let mut builder = HttpResponse::build(rendered.status);
    for (name, value) in response.headers().iter().filter(|(name, _)| **name != CONTENT_TYPE) {
        builder.append_header((name, value));
    }
    for header in rendered.headers {
        builder.insert_header(header);
    }
    Some(builder.content_type("application/json").body(rendered.body))
}

/// A fault is logged once, here, with everything that the caller is not told.
fn log_defect(fault: &Fault) {
    use contracts::FaultCode::{BadGateway, GatewayTimeout, Internal, Unavailable};
    let cause = fault.source.as_ref().map(|source| chain(source.as_ref()));
    match fault.code {
        Internal => tracing::error!(cause, "request failed: {}", fault.message),
        Unavailable | BadGateway | GatewayTimeout => {
            tracing::warn!(cause, "request failed: {}", fault.message);
        }
        _ => tracing::debug!(code = ?fault.code, cause, "request refused: {}", fault.message),
    }
}

/// An error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line.push_str(": ");
        line.push_str(&inner.to_string());
        cause = inner.source();
    }
    line
}

fn report(response: &ServiceResponse, method: &Method, started: Instant, span: &Span) {
    let template = response.request().extensions().get::<RouteTemplate>().map(|template| template.0);
    let route: Cow<'static, str> = match template {
        Some(template) => template.into(),
        None => response.request().match_pattern().map_or(UNMATCHED.into(), Into::into),
    };
    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    let method = known(method);
    let labels = [
        Label::from_static_parts("surface", Surface::of_path(response.request().path()).name()),
        Label::new("route", route.clone()),
        Label::from_static_parts("method", method),
        Label::new("status", status.as_str().to_owned()),
    ];
    metrics::histogram!("leadwire_http_request_seconds", labels.iter()).record(seconds);
    tracing::info!(method, %route, status = status.as_u16(), seconds, "request");
    platform::telemetry::conclude(span, || Conclusion {
        name: Some(format!("{method} {route}")),
        attributes: vec![
            ("http.request.method", method.into()),
            ("http.route", route.into_owned().into()),
            ("http.response.status_code", i64::from(status.as_u16()).into()),
        ],
        error: status.is_server_error().then(|| status.to_string()),
    });
}

fn inbound_request_id(headers: &HeaderMap) -> Option<String> {
    let id = header(headers, &REQUEST_ID)?;
    let harmless = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    harmless.then(|| id.to_owned())
}

/// A header's value, when it is there and visible ASCII.
pub fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
