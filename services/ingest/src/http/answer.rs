//! What handlers have in common: who calls, and how an answer leaves.

use crate::usecases::once::{Answer, Application};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use contracts::FaultCode;
use contracts::identity::{IngestFacts, Principal, SurfaceFacts};
use platform::Fault;
use platform_http::{Caller, Permission};
use serde_json::{Value, json};

/// The header and the value that every answer of this surface bears.
pub const API_VERSION: (&str, &str) = ("x-api-version", "2026-04-01");
/// Says that an answer is the repetition of an earlier one.
const REPLAYED: (&str, &str) = ("idempotent-replayed", "true");

/// An ingest key of an organisation whose API access is switched on. It needs no scope.
#[derive(Clone, Copy, Debug)]
pub struct IngestKey;

impl Permission for IngestKey {
    fn check(principal: &Principal, _: &HttpRequest) -> Result<(), Fault> {
        let facts = facts(principal)
            .ok_or_else(|| Fault::new(FaultCode::CredentialInvalid, "the key belongs to no application"))?;
        if facts.api_enabled {
            return Ok(());
        }
        Err(Fault::new(FaultCode::ClientSuspended, "the organization's API access is switched off"))
    }
}

fn facts(principal: &Principal) -> Option<&IngestFacts> {
    match &principal.facts {
        SurfaceFacts::Ingest(facts) => Some(facts),
        SurfaceFacts::None | SurfaceFacts::Lex(_) | SurfaceFacts::Platform(_) => None,
    }
}

/// The application behind a caller.
///
/// # Errors
/// Never: [`IngestKey`] has seen to it.
pub fn application(caller: Caller<IngestKey>) -> Result<Application, Fault> {
    let facts = facts(&caller.principal).cloned();
    let facts = facts.ok_or_else(|| Fault::internal("a caller without an application passed"))?;
    Ok(Application { principal: caller.principal, facts })
}

/// The answer to a write.
pub fn write(answer: Answer) -> Result<HttpResponse, Fault> {
    let status = StatusCode::from_u16(answer.status).map_err(Fault::internal)?;
    let mut response = HttpResponse::build(status);
    if answer.replayed {
        response.insert_header(REPLAYED);
    }
    Ok(response.content_type("application/json").body(answer.body))
}

/// A page of a list.
pub fn page(data: &[Value], next: Option<&str>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"data": data, "nextCursor": next}))
}
