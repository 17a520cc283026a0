//! `/api/v1/leads`.

use super::crud::{self, Query};
use crate::domain::lead::read;
use crate::state::State;
use crate::usecases::convert_lead::convert_lead;
use crate::usecases::update::Change;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::crm::Lead;
use dialects::crm::{CreateLeads, DeleteLeads, ReadLeads, UpdateLeads};
use platform_http::{Caller, HttpFault, JsonBody};

pub async fn list(
    caller: Caller<ReadLeads>,
    state: web::Data<State>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    crud::list::<Lead>(&state, &caller.principal, &query).await
}

pub async fn get(
    caller: Caller<ReadLeads>,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    crud::get::<Lead>(&state, &caller.principal, &id).await
}

pub async fn create(
    caller: Caller<CreateLeads>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    crud::create(&state, &caller.principal, &request, &document, read).await
}

pub async fn update(
    caller: Caller<UpdateLeads>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    crud::update(&state, &caller.principal, &request, &document, read).await
}

pub async fn delete(
    caller: Caller<DeleteLeads>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    crud::delete::<Lead>(&state, &caller.principal, &request).await
}

/// `POST /api/v1/leads/{id}/convert`: 200 with the lead, the second time as well. A body is not looked at.
pub async fn convert(
    caller: Caller<UpdateLeads>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let (once, precondition) = (crud::once(&request, None)?, crud::precondition(&request));
    let change = Change { id: crud::id_of(&request)?, once: once.as_ref(), precondition: &precondition };
    crud::respond(convert_lead(&state, &caller.principal, change, crud::render).await?)
}
