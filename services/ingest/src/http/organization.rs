//! What an organisation sees of its workers below `/api/v1/organizations/{id}/ingest`, on the platform surface.
//! Reads alone: what applications send comes in on their own surface.

use super::answer::page;
use super::read_workers::{missing, read_place, worker, write_card, write_event, write_place};
use crate::domain::event::Category;
use crate::domain::timeline::{EventSelection, ListedWorker, WorkerSelection};
use crate::state::State;
use crate::usecases::read_usage::read_usage;
use crate::usecases::read_workers::{find_worker, list_workers, read_cards, read_timeline};
use actix_web::{HttpRequest, HttpResponse, web};
use dialects::platform_api::query::{Query, cursor, organization};
use dialects::platform_api::{LeadsRead, UsageRead};
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};
use uuid::Uuid;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 100;

const CATEGORIES: &str =
    "must be communication, project_management, code, calendar, design, ai_tools or other";

/// An organisation and a worker.
type Path = web::Path<(String, String)>;

/// 200 with a page of workers, newest first.
pub async fn workers(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let mut query = Query::parse(request.query_string());
    let selection = WorkerSelection { app: query.text("app"), search: query.text("search") };
    let limit = limit(&mut query);
    let list = format!("{organization} workers {selection:?}").into_bytes();
    let after = query.cursor(&list, |place| Uuid::from_slice(place).ok());
    query.finish()?;
    let found = list_workers(&state, organization, &selection, after, limit).await?;
    let next = found.items.last().filter(|_| !found.is_last);
    let next = next.map(|worker| cursor(worker.worker_id.as_bytes(), &list));
    Ok(page(&found.items.iter().map(write_worker).collect::<Vec<_>>(), next.as_deref()))
}

/// 200 with a worker and everything that they are called.
pub async fn worker_of(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let found = find_worker(&state, organization, worker(&path.1)?).await?;
    let (found, identities) = found.ok_or_else(missing)?;
    let names = identities.iter().map(|name| json!({"namespace": name.namespace, "value": name.value}));
    let mut body = write_worker(&found);
    body["identities"] = names.collect();
    Ok(HttpResponse::Ok().json(body))
}

/// 200 with a page of a worker's events, newest first.
pub async fn timeline(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: Path,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let worker = worker(&path.1)?;
    let mut query = Query::parse(request.query_string());
    let selection = EventSelection {
        app: query.text("app"),
        event_type: query.text("type"),
        category: query.parsed("category", CATEGORIES, Category::parse),
        from: query.time("from"),
        to: query.time("to"),
    };
    let limit = limit(&mut query);
    let list = format!("{organization} timeline {worker} {selection:?}").into_bytes();
    let after = query.cursor(&list, read_place);
    query.finish()?;
    let found = read_timeline(&state, organization, worker, &selection, after, limit).await?;
    let found = found.ok_or_else(missing)?;
    let next = found.items.last().filter(|_| !found.is_last).map(|event| cursor(&write_place(event), &list));
    Ok(page(&found.items.iter().map(write_event).collect::<Vec<_>>(), next.as_deref()))
}

/// 200 with a page of a worker's cards, by application and type.
pub async fn cards(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: Path,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let worker = worker(&path.1)?;
    let mut query = Query::parse(request.query_string());
    let limit = limit(&mut query);
    let list = format!("{organization} cards {worker}").into_bytes();
    let after = query.cursor(&list, |place| serde_json::from_slice(place).ok());
    query.finish()?;
    let found = read_cards(&state, organization, worker, after.as_ref(), limit).await?.ok_or_else(missing)?;
    let next = found.items.last().filter(|_| !found.is_last);
    let next = next.map(|card| cursor(json!([card.app, card.snapshot_type]).to_string().as_bytes(), &list));
    Ok(page(&found.items.iter().map(write_card).collect::<Vec<_>>(), next.as_deref()))
}

/// 200 with what was used in the last twelve months.
pub async fn usage(
    caller: Caller<UsageRead>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let usage = read_usage(&state, organization(caller.principal, &path)?.id).await?;
    let months = usage.months.iter();
    let months =
        months.map(|(month, used)| json!({"month": month.format("%Y-%m").to_string(), "events": used}));
    Ok(HttpResponse::Ok().json(json!({"workers": usage.workers, "months": months.collect::<Vec<_>>()})))
}

fn limit(query: &mut Query) -> usize {
    usize::try_from(query.number("limit", DEFAULT_LIMIT, MAX_LIMIT)).unwrap_or_default()
}

fn write_worker(worker: &ListedWorker) -> Value {
    json!({
        "id": worker.worker_id, "displayName": worker.display_name, "externalId": worker.external_id,
        "email": worker.email, "source": worker.integration, "createdAt": worker.created_at,
    })
}
