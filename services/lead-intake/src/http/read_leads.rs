//! `GET /api/v1/partners/{partner_slug}/leads` and `…/leads/{lead_id}`: our addition to the contract.

use super::lead_body;
use crate::domain::lead::Status;
use crate::state::State;
use crate::usecases::find_lead::find_lead;
use crate::usecases::list_leads::{Page, list_leads};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::FaultCode;
use contracts::ids::{LeadId, OrganizationId};
use dialects::partner::LeadsRead;
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

const DEFAULT_LIMIT: u8 = 50;
const MAX_LIMIT: u8 = 100;

/// 200 with the lead, 404 when the caller has none of this id or it is no id.
pub async fn get(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let missing = || Fault::new(FaultCode::NotFound, "there is no such lead");
    let lead_id: LeadId = path.1.parse().map_err(|error: uuid::Error| missing().because(error))?;
    let lead = find_lead(&state, &caller.principal, lead_id).await?.ok_or_else(missing)?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "data": lead_body::write(&lead)})))
}

/// Query of the list.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    limit: Option<String>,
    cursor: Option<String>,
    status: Option<String>,
}

/// 200 with a page, newest first; `next_cursor` is null on the last one.
pub async fn list(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, HttpFault> {
    let organization = caller.principal.organization.id;
    let page = read_page(&query, organization).map_err(Fault::validation)?;
    let leads = list_leads(&state, &caller.principal, page).await?;
    let items: Vec<Value> = leads.items.iter().map(lead_body::write).collect();
    let next = leads.next.map(|lead_id| write_cursor(lead_id, organization, page.status));
    let data = json!({"count": items.len(), "items": items, "next_cursor": next});
    Ok(HttpResponse::Ok().json(json!({"ok": true, "data": data})))
}

fn read_page(query: &ListQuery, organization: OrganizationId) -> Result<Page, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut broken = |name: &str, message: &'static str| violations.push(Violation::new(name, message));
    let limit = match query.limit.as_deref().map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit @ 1..=MAX_LIMIT)) => limit,
        Some(_) => {
            broken("limit", "must be an integer between 1 and 100");
            DEFAULT_LIMIT
        }
    };
    let status = query.status.as_deref().and_then(|word| {
        let status = Status::parse(word);
        if status.is_none() {
            broken("status", "must be received, hubspot_upserted, dispatched, completed or failed");
        }
        status
    });
    let after = query.cursor.as_deref().filter(|cursor| !cursor.is_empty()).and_then(|cursor| {
        let after = read_cursor(cursor, organization, status);
        if after.is_none() {
            broken("cursor", "is not a next_cursor of this list with this filter");
        }
        after
    });
    if violations.is_empty() { Ok(Page { limit, after, status }) } else { Err(violations) }
}

/// The last lead's id and a check that binds it to organisation and filter.
fn write_cursor(lead_id: LeadId, organization: OrganizationId, status: Option<Status>) -> String {
    let check = cursor_check(organization, status);
    URL_SAFE_NO_PAD.encode([lead_id.as_uuid().as_bytes().as_slice(), &check].concat())
}

fn read_cursor(cursor: &str, organization: OrganizationId, status: Option<Status>) -> Option<LeadId> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (id, check) = bytes.split_first_chunk::<16>()?;
    (check == cursor_check(organization, status)).then(|| LeadId::new(Uuid::from_bytes(*id)))
}

fn cursor_check(organization: OrganizationId, status: Option<Status>) -> [u8; 8] {
    let status = status.map_or("", Status::as_str);
    let digest = platform::secrets::digest(format!("{organization}|{status}").as_bytes());
    digest.first_chunk().copied().unwrap_or_default()
}
