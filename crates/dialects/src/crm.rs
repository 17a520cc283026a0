//! The CRM surface: `{error,message,errors?,required?}`, and its scopes `<action>-<resource>`.

use crate::respond;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use contracts::FaultCode;
use contracts::identity::Principal;
use platform::{Fault, Violation};
use platform_http::{Dialect, Permission, Rendered};
use serde_json::{Map, Value, json};

/// The CRM dialect.
#[derive(Clone, Copy, Debug)]
pub struct Crm;

impl Dialect for Crm {
    fn render(&self, fault: &Fault, _request_id: &str) -> Rendered {
        let (status, code) = status_and_code(fault);
        let mut body = json!({"error": code, "message": fault.message});
        if let Some(first) = fault.violations.first() {
            body["message"] = Value::String(sentence(first));
            body["errors"] = Value::Object(errors(&fault.violations));
        }
        if let Some(scope) = &fault.required_scope {
            body["required"] = Value::String(scope.clone());
        }
        respond(status, fault, &body)
    }
}

/// `Name can't be blank`: the field's last word or words, then what is wrong.
fn sentence(violation: &Violation) -> String {
    let field = violation.path.rsplit('.').next().unwrap_or_default().replace('_', " ");
    let mut letters = field.chars();
    let field: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    format!("{field} {}", violation.message).trim().to_owned()
}

fn errors(violations: &[Violation]) -> Map<String, Value> {
    let mut errors = Map::new();
    for violation in violations {
        let messages = errors.entry(&violation.path).or_insert_with(|| json!([]));
        if let Value::Array(messages) = messages {
            messages.push(json!(violation.message));
        }
    }
    errors
}

fn status_and_code(fault: &Fault) -> (StatusCode, &'static str) {
    use FaultCode as F;
    use StatusCode as S;
    match fault.code {
        F::Unauthenticated
        | F::CredentialInvalid
        | F::TokenAlgorithm
        | F::TokenInvalid
        | F::TokenExpired
        | F::TokenReplayed => (S::UNAUTHORIZED, "invalid_key"),
        F::ClientSuspended => (S::FORBIDDEN, "client_suspended"),
        F::Forbidden if fault.required_scope.is_some() => (S::FORBIDDEN, "insufficient_scope"),
        F::Forbidden | F::PlanLimit | F::EventTypeForbidden => (S::FORBIDDEN, "forbidden"),
        F::OriginNotAllowed => (S::FORBIDDEN, "origin_not_allowed"),
        F::NotFound | F::RouteNotFound => (S::NOT_FOUND, "not_found"),
        F::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
        F::BadRequest => (S::BAD_REQUEST, "bad_request"),
        F::MalformedBody | F::Validation | F::IdempotencyMismatch | F::ActorMissing | F::ActorUnknown => {
            (S::UNPROCESSABLE_ENTITY, "validation_failed")
        }
        F::PayloadTooLarge => (S::PAYLOAD_TOO_LARGE, "payload_too_large"),
        F::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
        F::Conflict => (S::CONFLICT, "conflict"),
        F::PreconditionFailed => (S::PRECONDITION_FAILED, "precondition_failed"),
        F::RateLimited | F::QuotaExceeded => (S::TOO_MANY_REQUESTS, "rate_limited"),
        F::Internal => (S::INTERNAL_SERVER_ERROR, "internal_error"),
        F::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable"),
        F::BadGateway => (S::BAD_GATEWAY, "unavailable"),
        F::GatewayTimeout => (S::GATEWAY_TIMEOUT, "unavailable"),
    }
}

macro_rules! permissions {
    ($($name:ident: $scope:literal;)*) => {$(
        #[doc = concat!("Scope `", $scope, "`; no other implies it.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Permission for $name {
            fn check(principal: &Principal, _: &HttpRequest) -> Result<(), Fault> {
                if principal.has_scope($scope) {
                    return Ok(());
                }
                let message = "This API key does not have the required scope.";
                Err(Fault::new(FaultCode::Forbidden, message).requiring($scope))
            }
        }
    )*};
}

permissions! {
    ReadProducts: "read-products";
    CreateProducts: "create-products";
    UpdateProducts: "update-products";
    DeleteProducts: "delete-products";
    ReadCustomers: "read-customers";
    CreateCustomers: "create-customers";
    UpdateCustomers: "update-customers";
    DeleteCustomers: "delete-customers";
    ReadLeads: "read-leads";
    CreateLeads: "create-leads";
    UpdateLeads: "update-leads";
    DeleteLeads: "delete-leads";
    ReadAutomations: "read-automations";
    CreateAutomations: "create-automations";
    UpdateAutomations: "update-automations";
    DeleteAutomations: "delete-automations";
}
