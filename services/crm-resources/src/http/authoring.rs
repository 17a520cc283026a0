//! `/api/v1/organizations/{id}/automations`: an organisation sees its automations and their runs; authoring and looking
//! after them is for administrators. Speaks the platform surface.

use super::crud::Query;
use super::records::{given, pagination};
use super::{list_query, run_body};
use crate::domain::change::Versioned;
use crate::domain::definition;
use crate::domain::file::{self, File, Problem};
use crate::domain::listing::Start;
use crate::state::State;
use crate::usecases;
use crate::usecases::automations;
use actix_web::{HttpResponse, web};
use contracts::FaultCode;
use contracts::crm::{Automation, ObjectId};
use dialects::platform_api::query::{missing, organization};
use dialects::platform_api::{Admin, LeadsRead};
use platform::document::boolean;
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};
use uuid::Uuid;

/// `PUT`: 201 with a new automation and, if it sends requests, their signing secret; 200 with one of this name that
/// has a new form.
pub async fn apply(
    caller: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
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

/// `POST validate {file}`: 200 with everything that is wrong with a file and where, or with what applying it would do.
/// Nothing is stored.
pub async fn validate(
    caller: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?;
    let Some(text) = document.get("file").and_then(Value::as_str) else {
        return Err(Fault::validation(vec![Violation::new("file", "must be the text of a YAML file")]).into());
    };
    let file = match File::read(text) {
        Ok(file) => file,
        Err(problem) => return Ok(refused(&[problem])),
    };
    let checked = definition::read(&file.document).and_then(|definition| {
        let refusals = state.requests.refusals(&definition);
        if refusals.is_empty() { Ok(definition) } else { Err(refusals) }
    });
    let definition = match checked {
        Ok(definition) => definition,
        Err(violations) => {
            let problems: Vec<_> = violations.into_iter().map(|violation| file.find(violation)).collect();
            return Ok(refused(&problems));
        }
    };
    let steps = serde_json::to_value(&definition.steps).map_err(Fault::internal)?;
    let wanted = file::document(&organization.slug, &definition.fields(), &steps);
    let known = automations::find_by_name(&state, organization.id, &definition.name).await?;
    let known = known.map(|(known, steps)| (known.record.id, written(&organization.slug, &known, &steps)));
    let action = match &known {
        None => "create",
        Some((_, current)) if *current == wanted => "none",
        Some(_) => "update",
    };
    let (id, current) = known.unzip();
    Ok(HttpResponse::Ok().json(json!({
        "valid": true, "problems": [], "action": action, "automationId": id, "current": current,
        "definition": wanted,
    })))
}

fn refused(problems: &[Problem]) -> HttpResponse {
    let mut ordered: Vec<_> = problems.iter().collect();
    ordered.sort_by_key(|problem| (problem.position.line, problem.position.column));
    let problems: Vec<_> = ordered
        .into_iter()
        .map(|Problem { violation, position }| {
            json!({
                "path": violation.path, "message": violation.message, "line": position.line,
                "column": position.column,
            })
        })
        .collect();
    HttpResponse::Ok().json(json!({
        "valid": false, "problems": problems, "action": null, "automationId": null, "current": null,
        "definition": null,
    }))
}

/// 200 with a page of automations.
pub async fn list(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let wanted = list_query::read::<Automation>(&given(&query), organization).map_err(Fault::validation)?;
    let page = usecases::list::list::<Automation>(&state, organization, &wanted).await?;
    let data: Vec<_> = page.items.iter().map(write).collect();
    Ok(HttpResponse::Ok()
        .json(json!({"data": data, "pagination": pagination(page.number, page.limit, page.total)})))
}

/// 200 with an automation, its steps, and the file that would make it.
pub async fn get(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?;
    let id = automation_id(&path.1)?;
    let found = usecases::find::find::<Automation>(&state, organization.id, id).await?.ok_or_else(absent)?;
    let steps = automations::steps(&state, organization.id, id).await?.ok_or_else(absent)?;
    let document = written(&organization.slug, &found, &steps);
    let mut body = write(&found);
    body["file"] = serde_saphyr::to_string(&document).map_err(Fault::internal)?.into();
    body["steps"] = steps;
    Ok(HttpResponse::Ok().json(body))
}

/// `PATCH {active}`: 200 with an automation that is switched on or off.
pub async fn switch(
    caller: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let id = automation_id(&path.1)?;
    let active = document.get("active").map_or(Err("is required".into()), boolean);
    let active = active.map_err(|message| Fault::validation(vec![Violation::new("active", message)]))?;
    let switched = automations::switch(&state, organization, id, active).await?;
    Ok(HttpResponse::Ok().json(write(&switched)))
}

/// 200 with a page of runs, newest first.
pub async fn runs(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    query: Query,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let id = automation_id(&path.1)?;
    let wanted = list_query::read::<Automation>(&given(&query), organization).map_err(Fault::validation)?;
    let in_state = list_query::run_state(&query).map_err(Fault::validation)?;
    let page = page_of(&wanted.start);
    let runs = automations::list_runs(&state, organization, id, in_state, page, wanted.limit).await?;
    let (runs, total) = runs.ok_or_else(absent)?;
    let data: Vec<_> = runs.iter().map(run_body::platform).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "pagination": pagination(page, wanted.limit, total)})))
}

/// 200 with a run, the steps that it takes and the data that it takes them with.
pub async fn shown_run(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let (id, run) = (automation_id(&path.1)?, run_id(&path.2)?);
    let found = automations::find_run(&state, organization, id, run).await?;
    let found = found.ok_or_else(|| missing("run"))?;
    let mut body = run_body::platform(&found.report);
    body["steps"] = found.steps;
    body["data"] = found.data;
    Ok(HttpResponse::Ok().json(body))
}

/// `POST {subject}`: 201 with the id of a run that is started by hand.
pub async fn run(
    caller: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let id = automation_id(&path.1)?;
    let Some(subject) = document.get("subject").and_then(Value::as_str) else {
        return Err(Fault::validation(vec![Violation::new("subject", "is required")]).into());
    };
    let run = automations::run_by_hand(&state, organization, id, subject).await?;
    Ok(HttpResponse::Created().json(json!({"id": run})))
}

/// 204: a dead letter goes on at the step where it died. 409 when the run is none.
pub async fn replay(
    caller: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let (id, run) = (automation_id(&path.1)?, run_id(&path.2)?);
    if automations::replay_run(&state, organization, id, run).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(Fault::new(FaultCode::Conflict, "there is no dead letter of this id").into())
}

fn page_of(start: &Start) -> i64 {
    if let Start::Page(page) = start { *page } else { 1 }
}

fn write(automation: &Versioned<Automation>) -> Value {
    let (record, fields) = (&automation.record, &automation.record.fields);
    json!({
        "id": record.id, "name": fields.name, "description": fields.description, "active": fields.active,
        "triggerType": fields.trigger_type, "stepsCount": fields.steps_count, "createdAt": record.created_at,
        "updatedAt": record.updated_at,
    })
}

/// What would make it as it is.
fn written(slug: &str, automation: &Versioned<Automation>, steps: &Value) -> Value {
    file::document(slug, &automation.record.fields, steps)
}

fn absent() -> Fault {
    missing("automation")
}

fn automation_id(text: &str) -> Result<ObjectId, Fault> {
    text.parse().map_err(|error: contracts::crm::NotAnObjectId| absent().because(error))
}

fn run_id(text: &str) -> Result<Uuid, Fault> {
    text.parse().map_err(|error: uuid::Error| missing("run").because(error))
}
