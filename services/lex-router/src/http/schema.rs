//! `GET /v1/schema/{messageType}`: the standard's JSON Schemas.

use actix_web::{HttpResponse, web};
use contracts::FaultCode;
use lex::schema::{SchemaName, text};
use platform::Fault;
use platform_http::{Anyone, HttpFault};

/// 200 with the schema of a type, or of the envelope.
pub async fn get(_: Anyone, name: web::Path<String>) -> Result<HttpResponse, HttpFault> {
    let Some(name) = SchemaName::parse(&name) else {
        return Err(Fault::new(FaultCode::NotFound, "no schema found for the given message type").into());
    };
    Ok(HttpResponse::Ok().content_type("application/json").body(text(name)))
}
