//! The platform surface: `{error,message,details?}`, and `retryAfter` where the caller should wait; its scopes
//! that services other than the gateway ask for.

pub mod query;

use crate::{fields, respond, retry_seconds};
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use contracts::FaultCode;
use contracts::identity::Principal;
use platform::Fault;
use platform_http::{Dialect, Permission, Rendered};
use serde_json::json;

/// The platform dialect.
#[derive(Clone, Copy, Debug)]
pub struct Platform;

impl Dialect for Platform {
    fn render(&self, fault: &Fault, _request_id: &str) -> Rendered {
        let (status, code) = status_and_code(fault.code);
        let mut body = json!({"error": code, "message": fault.message});
        if !fault.violations.is_empty() {
            body["details"] = json!({"fields": fields(&fault.violations)});
        }
        if let Some(seconds) = retry_seconds(fault) {
            body["retryAfter"] = json!(seconds);
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
            (S::BAD_REQUEST, "VALIDATION_ERROR")
        }
        F::PayloadTooLarge => (S::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        F::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
        F::Conflict => (S::CONFLICT, "CONFLICT"),
        F::PreconditionFailed => (S::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
        F::IdempotencyMismatch => (S::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_MISMATCH"),
        F::RateLimited | F::QuotaExceeded => (S::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED"),
        F::Internal => (S::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
        F::Unavailable => (S::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        F::BadGateway => (S::BAD_GATEWAY, "UNAVAILABLE"),
        F::GatewayTimeout => (S::GATEWAY_TIMEOUT, "UNAVAILABLE"),
    }
}

/// Everything, everywhere.
const ADMIN: &str = "platform:admin";

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $($scope:literal)|+;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Permission for $name {
            fn check(principal: &Principal, _: &HttpRequest) -> Result<(), Fault> {
                check(principal, &[$($scope),+])
            }
        }
    )*};
}

permissions! {
    /// `platform:admin`.
    Admin: "platform:admin";
    /// `webhooks:write`.
    WebhooksWrite: "webhooks:write";
    /// `webhooks:read`, which write implies.
    WebhooksRead: "webhooks:read" | "webhooks:write";
    /// `leads:read`, which write implies: what the organisation exchanges about people.
    LeadsRead: "leads:read" | "leads:write";
    /// `leads:write`.
    LeadsWrite: "leads:write";
    /// `usage:read`.
    UsageRead: "usage:read";
}

fn check(principal: &Principal, scopes: &[&str]) -> Result<(), Fault> {
    if principal.has_scope(ADMIN) || scopes.iter().any(|scope| principal.has_scope(scope)) {
        return Ok(());
    }
    let wanted = scopes.first().copied().unwrap_or_default();
    Err(Fault::new(FaultCode::Forbidden, format!("the key lacks scope {wanted}")).requiring(wanted))
}
