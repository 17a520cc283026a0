//! `/api/v1/customers`.

use super::crud::{self, Query};
use crate::domain::customer::read;
use crate::state::State;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::crm::Customer;
use dialects::crm::{CreateCustomers, DeleteCustomers, ReadCustomers, UpdateCustomers};
use platform_http::{Caller, HttpFault, JsonBody};

pub async fn list(
    caller: Caller<ReadCustomers>,
    state: web::Data<State>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    crud::list::<Customer>(&state, &caller.principal, &query).await
}

pub async fn get(
    caller: Caller<ReadCustomers>,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    crud::get::<Customer>(&state, &caller.principal, &id).await
}

pub async fn create(
    caller: Caller<CreateCustomers>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    crud::create(&state, &caller.principal, &request, &document, read).await
}

pub async fn update(
    caller: Caller<UpdateCustomers>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    crud::update(&state, &caller.principal, &request, &document, read).await
}

pub async fn delete(
    caller: Caller<DeleteCustomers>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    crud::delete::<Customer>(&state, &caller.principal, &request).await
}
