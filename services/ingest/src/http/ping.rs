//! `GET /api/v1/ingest/ping`.

use super::answer::{IngestKey, application};
use actix_web::HttpResponse;
use platform_http::{Caller, HttpFault};
use serde_json::json;

/// 200 with the organisation and the application that the key is of.
pub async fn get(caller: Caller<IngestKey>) -> Result<HttpResponse, HttpFault> {
    let application = application(caller)?;
    let app = &application.facts.app;
    Ok(HttpResponse::Ok().json(json!({
        "ok": true,
        "organizationId": application.principal.organization.id,
        "app": {"id": app.id, "slug": app.slug, "name": app.name},
    })))
}
