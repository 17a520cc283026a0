//! The ingest surface: `{"error":{code,message,requestId}}`.

use crate::respond;
use actix_web::http::StatusCode;
use contracts::FaultCode;
use platform::Fault;
use platform_http::{Dialect, Rendered};
use serde_json::json;

/// How many issues the message of a bad body lists.
const LISTED_ISSUES: usize = 5;

/// The ingest dialect.
#[derive(Clone, Copy, Debug)]
pub struct Ingest;

impl Dialect for Ingest {
    fn render(&self, fault: &Fault, request_id: &str) -> Rendered {
        let (status, code) = status_and_code(fault.code);
        let error = json!({"code": code, "message": message(fault), "requestId": request_id});
        respond(status, fault, &json!({"error": error}))
    }
}

/// The envelope has no field for details: the message lists the first issues.
fn message(fault: &Fault) -> String {
    if fault.violations.is_empty() {
        return fault.message.to_string();
    }
    let mut issues: Vec<_> = fault
        .violations
        .iter()
        .take(LISTED_ISSUES)
        .map(|violation| format!("{} {}", violation.path, violation.message).trim().to_owned())
        .collect();
    let rest = fault.violations.len().saturating_sub(LISTED_ISSUES);
    if rest > 0 {
        issues.push(format!("and {rest} more"));
    }
    issues.join("; ")
}

fn status_and_code(code: FaultCode) -> (StatusCode, &'static str) {
    use FaultCode as F;
    use StatusCode as S;
    match code {
        F::Unauthenticated => (S::UNAUTHORIZED, "missing_auth"),
        F::CredentialInvalid | F::TokenAlgorithm | F::TokenInvalid | F::TokenExpired | F::TokenReplayed => {
            (S::UNAUTHORIZED, "invalid_key")
        }
        F::ClientSuspended => (S::PAYMENT_REQUIRED, "api_disabled"),
        F::Forbidden | F::OriginNotAllowed => (S::FORBIDDEN, "forbidden"),
        F::NotFound | F::RouteNotFound => (S::NOT_FOUND, "not_found"),
        F::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
        F::BadRequest | F::MalformedBody | F::Validation => (S::BAD_REQUEST, "invalid_body"),
        F::PayloadTooLarge => (S::PAYLOAD_TOO_LARGE, "batch_too_large"),
        F::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
        F::Conflict => (S::CONFLICT, "conflict"),
        F::PreconditionFailed => (S::PRECONDITION_FAILED, "precondition_failed"),
        F::IdempotencyMismatch => (S::UNPROCESSABLE_ENTITY, "invalid_body"),
        F::RateLimited => (S::TOO_MANY_REQUESTS, "rate_limited"),
        F::QuotaExceeded => (S::TOO_MANY_REQUESTS, "quota_exceeded"),
        F::PlanLimit => (S::PAYMENT_REQUIRED, "plan_limit"),
        F::EventTypeForbidden => (S::FORBIDDEN, "forbidden_event_type"),
        F::ActorMissing => (S::BAD_REQUEST, "missing_actor"),
        F::ActorUnknown => (S::BAD_REQUEST, "worker_not_found"),
        F::Internal => (S::INTERNAL_SERVER_ERROR, "internal_error"),
        F::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable"),
        F::BadGateway => (S::BAD_GATEWAY, "unavailable"),
        F::GatewayTimeout => (S::GATEWAY_TIMEOUT, "unavailable"),
    }
}
