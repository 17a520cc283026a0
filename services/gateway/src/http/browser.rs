//! What pages for browsers pass, which are open: the path rule and the limit of their visitor's address. Who may
//! see what on them is for the console to ask the APIs.

use super::guard::address_of;
use super::limit_headers;
use crate::domain::path::is_normal;
use crate::state::State;
use crate::usecases::admit::charge_visit;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use console::Visitor;
use contracts::{FaultCode, Surface};
use platform::Fault;
use platform_http::HttpFault;

/// The middleware function.
pub async fn open(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return Ok(refused(request, Fault::internal("the application has no state")));
    };
    if !is_normal(request.uri().path()) {
        return Ok(refused(request, Fault::new(FaultCode::BadRequest, "the path is not in normal form")));
    }
    if request.method() == Method::HEAD {
        // What can be read has a head (RFC 9110 §9.3.2); the server leaves the body out.
        request.head_mut().method = Method::GET;
    }
    let address = address_of(&state, &request);
    request.extensions_mut().insert(Visitor(address));
    let (mut response, standing) = match charge_visit(&state, address).await {
        Ok(standing) => (next.call(request).await?.map_into_boxed_body(), standing),
        Err(stopped) => (refused(request, stopped.fault), stopped.standing),
    };
    limit_headers::set(response.headers_mut(), Surface::Platform, &standing);
    Ok(response)
}

fn refused(request: ServiceRequest, fault: Fault) -> ServiceResponse {
    let response = HttpResponse::from_error(HttpFault(fault));
    ServiceResponse::new(request.into_parts().0, response)
}
