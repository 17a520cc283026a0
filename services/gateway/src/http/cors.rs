//! What browsers ask of the crm surface before they let a page read its answers (Fetch standard, CORS
//! protocol). No other surface is for browsers, and none is told anything about origins.
//!
//! A preflight carries no key, so it is answered for every origin that some working key lists; the request
//! itself only for an origin that its own key lists. Credentials in the standard's sense (cookies) are never
//! allowed: keys travel in `Authorization`, which pages set themselves.

use crate::domain::path::is_normal;
use crate::state::State;
use crate::usecases::know_origin::is_listed;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
    ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use contracts::routes::{Match, find};
use contracts::{FaultCode, Surface};
use platform::Fault;
use platform_http::HttpFault;
use platform_http::edge::header;

/// What a page may send beside what it always may.
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, idempotency-key, x-request-id, traceparent");
/// What a page may read beside what it always may.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "x-request-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, retry-after, \
     ratelimit, ratelimit-policy, idempotent-replayed, allow",
);
/// Seconds that a browser may remember a preflight for.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
/// What the answer to a preflight depends on.
const PREFLIGHT_VARY: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// Marks a request whose key lists the origin that it comes from.
#[derive(Clone, Copy, Debug)]
pub struct OriginListed;

/// The middleware function, outside of the guard.
pub async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if Surface::of_path(request.path()) != Surface::Crm {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let origin = request.headers().get(ORIGIN).cloned();
    if let Some(origin) = &origin
        && let Some(methods) = preflight(&request)
    {
        // In a box: the future is large, and would be a part of that of every request.
        let answer = Box::pin(answer(&request, origin, &methods)).await;
        let answer = answer.unwrap_or_else(HttpResponse::from_error);
        // Not `into_response`, which would forget the fault.
        let mut response = ServiceResponse::new(request.into_parts().0, answer);
        response.headers_mut().insert(VARY, PREFLIGHT_VARY);
        return Ok(response);
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    let is_listed = response.request().extensions().get::<OriginListed>().is_some();
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin.filter(|_| is_listed) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
    Ok(response)
}

/// The methods of the path, when this is a preflight for one that exists.
fn preflight(request: &ServiceRequest) -> Option<Vec<&'static str>> {
    let path = request.uri().path();
    if request.method() != Method::OPTIONS || !is_normal(path) {
        return None;
    }
    header(request.headers(), &ACCESS_CONTROL_REQUEST_METHOD)?;
    match find(Method::OPTIONS.as_str(), path) {
        Match::WrongMethod(methods) => Some(methods),
        Match::Found(_) | Match::Unknown => None,
    }
}

async fn answer(
    request: &ServiceRequest,
    origin: &HeaderValue,
    methods: &[&'static str],
) -> Result<HttpResponse, HttpFault> {
    let Some(state) = request.app_data::<web::Data<State>>() else {
        return Err(Fault::internal("the application has no state").into());
    };
    let text = origin.to_str().unwrap_or_default();
    if !is_listed(&state.database, &state.trust.origins, text).await? {
        return Err(Fault::new(FaultCode::OriginNotAllowed, "no key lists this origin").into());
    }
    Ok(HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()))
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, methods.join(", ")))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE))
        .finish())
}
