//! `/api/v1/automations`.

use super::crud::{self, Query};
use super::{list_query, run_body};
use crate::domain::automation::read;
use crate::domain::listing::Start;
use crate::error::not_found;
use crate::state::State;
use crate::usecases::automations::list_runs;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::FaultCode;
use contracts::crm::Automation;
use dialects::crm::{CreateAutomations, DeleteAutomations, ReadAutomations, UpdateAutomations};
use platform::Fault;
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::json;

pub async fn list(
    caller: Caller<ReadAutomations>,
    state: web::Data<State>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    crud::list::<Automation>(&state, &caller.principal, &query).await
}

pub async fn get(
    caller: Caller<ReadAutomations>,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    crud::get::<Automation>(&state, &caller.principal, &id).await
}

/// 422: automations are authored as files.
pub async fn create(_: Caller<CreateAutomations>) -> Result<HttpResponse, HttpFault> {
    let message = "Automations cannot be created through this API.";
    Err(Fault::new(FaultCode::Validation, message).into())
}

pub async fn update(
    caller: Caller<UpdateAutomations>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    crud::update(&state, &caller.principal, &request, &document, read).await
}

pub async fn delete(
    caller: Caller<DeleteAutomations>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    crud::delete::<Automation>(&state, &caller.principal, &request).await
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
    let page = if let Start::Page(page) = wanted.start { page } else { 1 };
    let (runs, total) =
        list_runs(&state, organization, id, page, wanted.limit).await?.ok_or_else(not_found)?;
    let pages = total / wanted.limit + i64::from(total % wanted.limit > 0);
    let data: Vec<_> = runs.iter().map(run_body::crm).collect();
    let meta = json!({"page": page, "limit": wanted.limit, "total": total, "total_pages": pages});
    Ok(HttpResponse::Ok().json(json!({"data": data, "meta": meta})))
}
