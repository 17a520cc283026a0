//! From the one inner error to a response: the trait that public envelopes implement, and the newtype that
//! handlers return.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use contracts::FaultCode;
use platform::Fault;
use std::fmt;

/// A public error envelope.
pub trait Dialect: Sync {
    /// What a caller of this surface is told.
    fn render(&self, fault: &Fault, request_id: &str) -> Rendered;
}

/// Status, headers and JSON body of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: String,
}

/// A [`Fault`] on its way through actix. The edge middleware renders it in the dialect of the path.
pub struct HttpFault(pub Fault);

impl<F: Into<Fault>> From<F> for HttpFault {
    fn from(fault: F) -> Self {
        Self(fault.into())
    }
}

impl fmt::Debug for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for HttpFault {
    fn error_response(&self) -> HttpResponse {
        // Any error status will do: the edge replaces the whole response.
        HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The fault behind a bare error status of the framework.
pub fn fault_of_status(status: StatusCode) -> Fault {
    match status.as_u16() {
        404 => Fault::new(FaultCode::RouteNotFound, "no operation has this path"),
        405 => Fault::new(FaultCode::MethodNotAllowed, "this path does not have that method"),
        413 => Fault::new(FaultCode::PayloadTooLarge, "the body is too large"),
        415 => Fault::new(FaultCode::UnsupportedMediaType, "the body must be application/json"),
        400..500 => Fault::new(FaultCode::BadRequest, "the request is malformed"),
        _ => Fault::new(FaultCode::Internal, "an unexpected error occurred"),
    }
}
