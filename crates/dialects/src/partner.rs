//! The partner surface: `{"ok":false,"error":{code,message,details?}}`, codes of the contract's list only;
//! its scopes and its rule of path slugs.

use crate::{fields, respond};
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use contracts::FaultCode;
use contracts::identity::Principal;
use platform::{Fault, Violation};
use platform_http::{Dialect, Permission, Rendered};
use serde_json::json;

/// The partner dialect.
#[derive(Clone, Copy, Debug)]
pub struct Partner;

impl Dialect for Partner {
    fn render(&self, fault: &Fault, _request_id: &str) -> Rendered {
        let (status, code) = status_and_code(fault.code);
        let mut error = json!({"code": code, "message": fault.message});
        if !fault.violations.is_empty() {
            error["details"] = json!({"fields": fields(&fault.violations)});
        }
        respond(status, fault, &json!({"ok": false, "error": error}))
    }
}

fn status_and_code(code: FaultCode) -> (StatusCode, &'static str) {
    use FaultCode as F;
    use StatusCode as S;
    match code {
        F::Unauthenticated | F::CredentialInvalid => (S::UNAUTHORIZED, "UNAUTHORIZED"),
        F::TokenAlgorithm => (S::UNAUTHORIZED, "JWT_ALG_NOT_SUPPORTED"),
        F::TokenInvalid => (S::UNAUTHORIZED, "JWT_INVALID"),
        F::TokenExpired => (S::UNAUTHORIZED, "JWT_EXPIRED"),
        F::TokenReplayed => (S::UNAUTHORIZED, "JTI_REPLAY"),
        F::ClientSuspended | F::Forbidden | F::OriginNotAllowed | F::PlanLimit | F::EventTypeForbidden => {
            (S::FORBIDDEN, "FORBIDDEN")
        }
        F::NotFound | F::RouteNotFound => (S::NOT_FOUND, "NOT_FOUND"),
        F::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "NOT_FOUND"),
        F::BadRequest => (S::BAD_REQUEST, "VALIDATION_FAILED"),
        F::MalformedBody | F::Validation | F::ActorMissing | F::ActorUnknown => {
            (S::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED")
        }
        F::PayloadTooLarge => (S::PAYLOAD_TOO_LARGE, "VALIDATION_FAILED"),
        F::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "VALIDATION_FAILED"),
        F::Conflict => (S::CONFLICT, "CONFLICT"),
        F::PreconditionFailed => (S::PRECONDITION_FAILED, "CONFLICT"),
        F::IdempotencyMismatch => (S::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_MISMATCH"),
        F::RateLimited | F::QuotaExceeded => (S::TOO_MANY_REQUESTS, "RATE_LIMITED"),
        F::Internal => (S::INTERNAL_SERVER_ERROR, "INTERNAL"),
        F::Unavailable => (S::SERVICE_UNAVAILABLE, "INTERNAL"),
        F::BadGateway => (S::BAD_GATEWAY, "INTERNAL"),
        F::GatewayTimeout => (S::GATEWAY_TIMEOUT, "INTERNAL"),
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $($scope:literal)|+;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Permission for $name {
            fn check(principal: &Principal, request: &HttpRequest) -> Result<(), Fault> {
                check(principal, request, &[$($scope),+])
            }
        }
    )*};
}

permissions! {
    /// `<slug>:leads:write`.
    LeadsWrite: "leads:write";
    /// `<slug>:leads:read`, which write implies.
    LeadsRead: "leads:read" | "leads:write";
    /// `<slug>:webhooks:write`.
    WebhooksWrite: "webhooks:write";
    /// `<slug>:webhooks:read`, which write implies.
    WebhooksRead: "webhooks:read" | "webhooks:write";
}

/// The path's slug must be well formed (422) and the caller's own; another partner's is refused in the same
/// words whether it exists or not. Then one of the scopes must be held.
fn check(principal: &Principal, request: &HttpRequest, scopes: &[&str]) -> Result<(), Fault> {
    let slug = request.match_info().get("partner_slug").unwrap_or_default();
    if !is_slug(slug) {
        return Err(Fault::validation(vec![Violation::new("partner_slug", "must match ^[a-z][a-z0-9_]+$")]));
    }
    if slug != principal.organization.slug {
        return Err(Fault::new(FaultCode::Forbidden, "the credential does not belong to this partner"));
    }
    if scopes.iter().any(|scope| principal.has_scope(&format!("{slug}:{scope}"))) {
        return Ok(());
    }
    let wanted = format!("{slug}:{}", scopes.first().copied().unwrap_or_default());
    Err(Fault::new(FaultCode::Forbidden, format!("the token lacks scope {wanted}")))
}

/// `^[a-z][a-z0-9_]+$`, the contract's pattern of a partner slug.
pub fn is_slug(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
