//! What is different about automations: they are not made here, and they have runs.

use super::crud::{self, Query};
use super::{list_query, run_body};
use crate::domain::listing::Start;
use crate::error::not_found;
use crate::state::State;
use crate::usecases::automations::list_runs;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::FaultCode;
use contracts::crm::Automation;
use dialects::crm::{CreateAutomations, ReadAutomations};
use platform::Fault;
use platform_http::{Caller, HttpFault};
use serde_json::json;

/// 422: automations are authored as files.
pub async fn create(_: Caller<CreateAutomations>) -> Result<HttpResponse, HttpFault> {
    let message = "Automations cannot be created through this API.";
    Err(Fault::new(FaultCode::Validation, message).into())
}

/// `GET /api/v1/automations/{id}/runs`: 200 with a page of runs, newest first; our addition to the contract.
pub async fn runs(
    caller: Caller<ReadAutomations>,
    state: web::Data<State>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    let (organization, id) = (caller.principal.organization.id, crud::id_of(&request)?);
    let wanted = list_query::read::<Automation>(&query, organization).map_err(Fault::validation)?;
    let in_state = list_query::run_state(&query).map_err(Fault::validation)?;
    let page = if let Start::Page(page) = wanted.start { page } else { 1 };
    let (runs, total) =
        list_runs(&state, organization, id, in_state, page, wanted.limit).await?.ok_or_else(not_found)?;
    let pages = total / wanted.limit + i64::from(total % wanted.limit > 0);
    let data: Vec<_> = runs.iter().map(run_body::crm).collect();
    let meta = json!({"page": page, "limit": wanted.limit, "total": total, "total_pages": pages});
    Ok(HttpResponse::Ok().json(json!({"data": data, "meta": meta})))
}
