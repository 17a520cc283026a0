//! The LEX surface: `{error,message,requestId}`. Failed message validation has an envelope of its own,
//! which lex-router renders, because only it knows rules and severities. And the scopes that services other than
//! lex-router ask for.

use crate::{fields, respond};
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use contracts::FaultCode;
use contracts::identity::Principal;
use platform::Fault;
use platform_http::{Dialect, Permission, Rendered};
use serde_json::json;

/// The LEX dialect.
#[derive(Clone, Copy, Debug)]
pub struct Lex;

impl Dialect for Lex {
    fn render(&self, fault: &Fault, request_id: &str) -> Rendered {
        let (status, code) = status_and_code(fault.code);
        let mut body = json!({"error": code, "message": fault.message, "requestId": request_id});
        if !fault.violations.is_empty() {
            body["details"] = json!({"fields": fields(&fault.violations)});
        }
        respond(status, fault, &body)
    }
}

fn status_and_code(code: FaultCode) -> (StatusCode, &'static str) {
    use FaultCode as F;
    use StatusCode as S;
    match code {
        F::Unauthenticated
        | F::CredentialInvalid
        | F::TokenAlgorithm
        | F::TokenInvalid
        | F::TokenExpired
        | F::TokenReplayed => (S::UNAUTHORIZED, "UNAUTHORIZED"),
        F::ClientSuspended | F::Forbidden | F::OriginNotAllowed | F::PlanLimit | F::EventTypeForbidden => {
            (S::FORBIDDEN, "FORBIDDEN")
        }
        F::NotFound | F::RouteNotFound => (S::NOT_FOUND, "NOT_FOUND"),
        F::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        F::BadRequest | F::MalformedBody | F::Validation | F::ActorMissing | F::ActorUnknown => {
            (S::BAD_REQUEST, "BAD_REQUEST")
        }
        F::PayloadTooLarge => (S::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        F::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
        F::Conflict => (S::CONFLICT, "CONFLICT"),
        F::PreconditionFailed => (S::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
        F::IdempotencyMismatch => (S::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_MISMATCH"),
        F::RateLimited | F::QuotaExceeded => (S::TOO_MANY_REQUESTS, "RATE_LIMITED"),
        F::Internal => (S::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        F::Unavailable => (S::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        F::BadGateway => (S::BAD_GATEWAY, "UNAVAILABLE"),
        F::GatewayTimeout => (S::GATEWAY_TIMEOUT, "UNAVAILABLE"),
    }
}

/// `lex:subscriptions:manage`.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionsManage;

impl Permission for SubscriptionsManage {
    fn check(principal: &Principal, _: &HttpRequest) -> Result<(), Fault> {
        const WANTED: &str = "lex:subscriptions:manage";
        if principal.has_scope(WANTED) {
            return Ok(());
        }
        Err(Fault::new(FaultCode::Forbidden, format!("the token lacks scope {WANTED}")).requiring(WANTED))
    }
}
