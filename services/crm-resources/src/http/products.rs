//! `/api/v1/products`.

use super::crud::{self, Query};
use crate::domain::product::read;
use crate::state::State;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::crm::Product;
use dialects::crm::{CreateProducts, DeleteProducts, ReadProducts, UpdateProducts};
use platform_http::{Caller, HttpFault, JsonBody};

pub async fn list(
    caller: Caller<ReadProducts>,
    state: web::Data<State>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    crud::list::<Product>(&state, &caller.principal, &query).await
}

pub async fn get(
    caller: Caller<ReadProducts>,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    crud::get::<Product>(&state, &caller.principal, &id).await
}

pub async fn create(
    caller: Caller<CreateProducts>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    crud::create(&state, &caller.principal, &request, &document, read).await
}

pub async fn update(
    caller: Caller<UpdateProducts>,
    state: web::Data<State>,
    request: HttpRequest,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    crud::update(&state, &caller.principal, &request, &document, read).await
}

pub async fn delete(
    caller: Caller<DeleteProducts>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    crud::delete::<Product>(&state, &caller.principal, &request).await
}
