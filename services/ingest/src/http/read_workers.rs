//! `GET /api/v1/ingest/workers`, `…/{id}/timeline` and `…/{id}/snapshots`: our addition to the contract.

use super::answer::{IngestKey, page};
use super::cursor::{List, PageQuery};
use crate::domain::timeline::{Card, EventSelection, Place, TimelineEvent, WorkerSelection};
use crate::state::State;
use crate::usecases::read_workers::{list_workers, read_cards, read_timeline};
use actix_web::{HttpResponse, web};
use chrono::DateTime;
use contracts::FaultCode;
use contracts::ids::WorkerId;
use platform::Fault;
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};
use uuid::Uuid;

/// 200 with workers, newest first.
pub async fn list(
    caller: Caller<IngestKey>,
    state: web::Data<State>,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, HttpFault> {
    let organization = caller.principal.organization.id;
    let list = List::new(organization, "workers");
    let (limit, after) = list.page(&query, |place| Uuid::from_slice(place).ok())?;
    let workers = list_workers(&state, organization, &WorkerSelection::default(), after, limit).await?;
    let next = workers.items.last().filter(|_| !workers.is_last);
    let next = next.map(|worker| list.cursor(worker.worker_id.as_bytes()));
    let rows = workers.items.iter().map(|worker| {
        json!({
            "id": worker.worker_id, "displayName": worker.display_name, "externalId": worker.external_id,
            "email": worker.email,
        })
    });
    Ok(page(&rows.collect::<Vec<_>>(), next.as_deref()))
}

/// 200 with a worker's events, newest first; 404 when the caller's organisation has no such worker.
pub async fn timeline(
    caller: Caller<IngestKey>,
    state: web::Data<State>,
    path: web::Path<String>,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, HttpFault> {
    let organization = caller.principal.organization.id;
    let worker = worker(&path)?;
    let list = List::new(organization, format!("timeline {worker}"));
    let (limit, after) = list.page(&query, read_place)?;
    let all = EventSelection::default();
    let events = read_timeline(&state, organization, worker, &all, after, limit).await?;
    let events = events.ok_or_else(missing)?;
    let next = events.items.last().filter(|_| !events.is_last).map(|event| list.cursor(&write_place(event)));
    Ok(page(&events.items.iter().map(write_event).collect::<Vec<_>>(), next.as_deref()))
}

/// 200 with a worker's cards; 404 when the caller's organisation has no such worker.
pub async fn snapshots(
    caller: Caller<IngestKey>,
    state: web::Data<State>,
    path: web::Path<String>,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, HttpFault> {
    let organization = caller.principal.organization.id;
    let worker = worker(&path)?;
    let list = List::new(organization, format!("snapshots {worker}"));
    let (limit, after) = list.page(&query, |place| serde_json::from_slice(place).ok())?;
    let cards = read_cards(&state, organization, worker, after.as_ref(), limit).await?.ok_or_else(missing)?;
    let next = cards.items.last().filter(|_| !cards.is_last);
    let next = next.map(|card| list.cursor(json!([card.app, card.snapshot_type]).to_string().as_bytes()));
    Ok(page(&cards.items.iter().map(write_card).collect::<Vec<_>>(), next.as_deref()))
}

/// An event of a timeline.
pub fn write_event(event: &TimelineEvent) -> Value {
    json!({
        "id": event.id, "eventType": event.event_type, "category": event.category,
        "source": format!("custom:{}", event.app), "timestamp": event.occurred_at,
        "duration": event.duration, "metadata": event.metadata,
    })
}

pub fn write_card(card: &Card) -> Value {
    json!({
        "snapshotType": card.snapshot_type, "app": card.app, "timestamp": card.taken_at,
        "metrics": card.metrics,
    })
}

pub fn worker(id: &str) -> Result<WorkerId, Fault> {
    id.parse().map_err(|error: uuid::Error| missing().because(error))
}

pub fn missing() -> Fault {
    Fault::new(FaultCode::NotFound, "there is no such worker")
}

pub fn write_place(event: &TimelineEvent) -> Vec<u8> {
    [&event.occurred_at.timestamp_micros().to_be_bytes()[..], event.id.as_bytes()].concat()
}

pub fn read_place(place: &[u8]) -> Option<Place> {
    let (micros, id) = place.split_first_chunk::<8>()?;
    let occurred_at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?;
    Some(Place { occurred_at, id: Uuid::from_slice(id).ok()? })
}
