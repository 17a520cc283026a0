//! `/api/v1/organizations/{id}/automations`: authoring and looking after automations, for administrators. Speaks the
//! platform surface.

use super::crud::Query;
use super::{list_query, run_body};
use crate::domain::change::Versioned;
use crate::domain::definition;
use crate::domain::listing::Start;
use crate::state::State;
use crate::usecases;
use crate::usecases::automations;
use actix_web::{HttpResponse, web};
use contracts::FaultCode;
use contracts::crm::{Automation, ObjectId};
use contracts::ids::OrganizationId;
use dialects::platform_api::Admin;
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};
use uuid::Uuid;

/// `PUT`: 201 with a new automation and, if it sends requests, their signing secret; 200 with one of this name that
/// has a new form.
pub async fn apply(
    _: Caller<Admin>,
    state: web::Data<State>,
    organization: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization_id(&organization)?;
    let definition = definition::read(&document).map_err(Fault::validation)?;
    let applied = automations::apply(&state, organization, &definition).await?;
    let mut body = write(&applied.automation);
    if !applied.created {
        return Ok(HttpResponse::Ok().json(body));
    }
    if automations::sends_requests(&definition.steps) {
        body["signingSecret"] = state.requests.secret(organization, applied.automation.record.id).into();
    }
    Ok(HttpResponse::Created().json(body))
}

/// 200 with a page of automations.
pub async fn list(
    _: Caller<Admin>,
    state: web::Data<State>,
    organization: web::Path<String>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization_id(&organization)?;
    let wanted = list_query::read::<Automation>(&query, organization).map_err(Fault::validation)?;
    let page = usecases::list::list::<Automation>(&state, organization, &wanted).await?;
    let data: Vec<_> = page.items.iter().map(write).collect();
    Ok(HttpResponse::Ok()
        .json(json!({"data": data, "pagination": pagination(page.number, page.limit, page.total)})))
}

/// 200 with an automation and its steps.
pub async fn get(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (organization, id) = (organization_id(&path.0)?, automation_id(&path.1)?);
    let found = usecases::find::find::<Automation>(&state, organization, id).await?.ok_or_else(missing)?;
    let mut body = write(&found);
    body["steps"] = automations::steps(&state, organization, id).await?.ok_or_else(missing)?;
    Ok(HttpResponse::Ok().json(body))
}

/// 200 with a page of runs, newest first.
pub async fn runs(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    let (organization, id) = (organization_id(&path.0)?, automation_id(&path.1)?);
    let wanted = list_query::read::<Automation>(&query, organization).map_err(Fault::validation)?;
    let in_state = list_query::run_state(&query).map_err(Fault::validation)?;
    let page = page_of(&wanted.start);
    let runs = automations::list_runs(&state, organization, id, in_state, page, wanted.limit).await?;
    let (runs, total) = runs.ok_or_else(missing)?;
    let data: Vec<_> = runs.iter().map(run_body::platform).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "pagination": pagination(page, wanted.limit, total)})))
}

/// `POST {subject}`: 201 with the id of a run that is started by hand.
pub async fn run(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (organization, id) = (organization_id(&path.0)?, automation_id(&path.1)?);
    let Some(subject) = document.get("subject").and_then(Value::as_str) else {
        return Err(Fault::validation(vec![Violation::new("subject", "is required")]).into());
    };
    let run = automations::run_by_hand(&state, organization, id, subject).await?;
    Ok(HttpResponse::Created().json(json!({"id": run})))
}

/// 204: a dead letter goes on at the step where it died. 409 when the run is none.
pub async fn replay(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (organization, id) = (organization_id(&path.0)?, automation_id(&path.1)?);
    let run: Uuid = path.2.parse().map_err(|error: uuid::Error| missing().because(error))?;
    if automations::replay_run(&state, organization, id, run).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(Fault::new(FaultCode::Conflict, "there is no dead letter of this id").into())
}

fn page_of(start: &Start) -> i64 {
    if let Start::Page(page) = start { *page } else { 1 }
}

fn pagination(page: i64, limit: i64, total: i64) -> Value {
    let pages = total / limit + i64::from(total % limit > 0);
    json!({"page": page, "limit": limit, "total": total, "totalPages": pages})
}

fn write(automation: &Versioned<Automation>) -> Value {
    let (record, fields) = (&automation.record, &automation.record.fields);
    json!({
        "id": record.id, "name": fields.name, "description": fields.description, "active": fields.active,
        "triggerType": fields.trigger_type, "stepsCount": fields.steps_count, "createdAt": record.created_at,
        "updatedAt": record.updated_at,
    })
}

fn missing() -> Fault {
    Fault::new(FaultCode::NotFound, "there is no such automation")
}

fn organization_id(text: &str) -> Result<OrganizationId, Fault> {
    text.parse().map_err(|error: uuid::Error| missing().because(error))
}

fn automation_id(text: &str) -> Result<ObjectId, Fault> {
    text.parse().map_err(|error: contracts::crm::NotAnObjectId| missing().because(error))
}
