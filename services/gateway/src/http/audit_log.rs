//! `/api/v1/audit-log`, and `/internal/audit` for what is done elsewhere.

use super::pages::{Query, page};
use super::permissions::Admin;
use super::usage::{TIME, moment};
use crate::domain::audit::{Entry, EntryFilter};
use crate::state::State;
use crate::usecases::audit::{note, read_audit_log};
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::FaultCode;
use contracts::internal::AuditEntry;
use platform::document::any;
use platform::{Fault, Violation};
use platform_http::edge::request_id;
use platform_http::{Caller, FromService, HttpFault, JsonBody};
use serde_json::{Value, json};

/// A page of the log, newest first.
pub async fn list(
    _: Caller<Admin>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(request.query_string());
    let filter = EntryFilter {
        organization_id: query.parsed("organizationId", "must be a UUID", |text| text.parse().ok()),
        actor: query.text("actor"),
        action: query.text("action"),
        from: query.parsed("dateFrom", TIME, |text| moment(text, 0)),
        before: query.parsed("dateTo", TIME, |text| moment(text, 1)),
    };
    let paging = query.paging();
    query.finish()?;
    let (rows, total) = read_audit_log(&state, &filter, paging).await?;
    Ok(HttpResponse::Ok().json(page(&rows.iter().map(write).collect::<Vec<_>>(), total, paging)))
}

/// 204; what a service or an operator's program did is in the log.
pub async fn post(
    _: FromService,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    any(&document).map_err(|message| Fault::validation(vec![Violation::new("", message)]))?;
    let entry: AuditEntry = serde_json::from_value(document)
        .map_err(|error| Fault::new(FaultCode::MalformedBody, format!("no audit entry: {error}")))?;
    note(&state, entry, request_id(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn write(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "occurredAt": entry.occurred_at,
        "organizationId": entry.organization_id,
        "actor": entry.actor,
        "clientId": entry.client_id,
        "credentialId": entry.credential_id,
        "action": entry.action,
        "target": entry.target,
        "origin": entry.origin,
        "requestId": entry.request_id,
        "before": entry.before,
        "after": entry.after,
    })
}
