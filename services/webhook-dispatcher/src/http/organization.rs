//! What an organisation sees and does of its own deliveries, below `/api/v1/organizations/{id}`: as operators do
//! below `admin`. Another organisation's are not there.

use super::operation;
use super::query::organization;
use crate::state::State;
use actix_web::{HttpRequest, HttpResponse, web};
use dialects::platform_api::{WebhooksRead, WebhooksWrite};
use platform_http::body::JsonBody;
use platform_http::{Caller, HttpFault};

/// An organisation and one thing of it.
type Path = web::Path<(String, String)>;

/// 200 with a page of deliveries, newest event first.
pub async fn deliveries(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    operation::page_of_deliveries(&state, Some(organization), request.query_string()).await
}

/// 200 with the largest groups of deliveries, largest first.
pub async fn stats(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    operation::counted(&state, Some(organization), request.query_string()).await
}

/// 200 with a delivery and its requests.
pub async fn delivery(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    operation::shown_delivery(&state, Some(organization), &path.1).await
}

/// 202 with the delivery, which is due now.
pub async fn retry(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    operation::retried(&state, Some(organization), &path.1).await
}

/// 202 with what is recovered of a subscription, of whichever family.
pub async fn recover(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    operation::recovered(&state, Some(organization), &path.1, &document).await
}

/// 200 with an event and its deliveries.
pub async fn event(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    operation::shown_event(&state, Some(organization), &path.1).await
}
