//! Taking a batch of events: each is accepted or refused by itself, the accepted ones are stored together.

use crate::domain::actor::Actor;
use crate::domain::event::{NewEvent, Rejection, RejectionCode};
use crate::state::State;
use crate::store::events::{self, StoredEvent};
use crate::usecases::announce::{about, batch, workers_created};
use crate::usecases::find_workers::find_workers;
use crate::usecases::once::{Answer, Application, WriteError, Written, check_quota, once};
use chrono::{DateTime, Utc};
use contracts::FaultCode;
use contracts::ids::{EventId, WorkerId};
use contracts::ingest::EventAccepted;
use platform::Fault;
use platform_pg::outbox::PendingEvent;
use sqlx::PgConnection;
use std::borrow::Cow;

/// What became of the events of a batch.
#[derive(Debug, Default)]
pub struct Verdicts<'b> {
    /// Types and times, in order.
    pub accepted: Vec<(&'b str, DateTime<Utc>)>,
    /// By their place in the batch, in order.
    pub rejected: Vec<(usize, Rejection)>,
}

/// An accepted event with what it was given.
struct Accepted<'b> {
    event: &'b NewEvent<'b>,
    worker: WorkerId,
    id: EventId,
    timestamp: DateTime<Utc>,
}

/// Stores what is acceptable of a batch and answers with `render`'s bytes: 202 when all was, 207 otherwise. A body
/// that is no batch is refused, unless its key was answered before.
pub async fn ingest_batch(
    state: &State,
    application: &Application,
    key: Option<String>,
    body: Result<Vec<Result<NewEvent<'_>, Rejection>>, Fault>,
    render: impl FnOnce(&Verdicts<'_>) -> Result<Vec<u8>, serde_json::Error>,
) -> Result<Answer, WriteError> {
    let (events, refusal) = match body {
        Ok(events) => (events, None),
        Err(fault) if key.is_none() => return Err(fault.into()),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    once(state, application, key, async |connection, now| {
        if let Some(fault) = refusal {
            return Err(fault.into());
        }
        write(state, connection, application, &events, now, render).await
    })
    .await
}

async fn write(
    state: &State,
    connection: &mut PgConnection,
    application: &Application,
    events: &[Result<NewEvent<'_>, Rejection>],
    now: DateTime<Utc>,
    render: impl FnOnce(&Verdicts<'_>) -> Result<Vec<u8>, serde_json::Error>,
) -> Result<Written, WriteError> {
    let judged: Vec<Result<&NewEvent<'_>, Rejection>> =
        events.iter().map(|event| permitted(application, event)).collect();
    let forbidden = |verdict: &Result<&NewEvent<'_>, Rejection>| matches!(verdict, Err(rejection) if rejection.code == RejectionCode::ForbiddenEventType);
    if judged.iter().all(forbidden) {
        let message = "the application may send none of these event types";
        return Err(Fault::new(FaultCode::EventTypeForbidden, message).into());
    }
    let actors: Vec<&Actor> = judged.iter().flatten().map(|event| &event.actor).collect();
    let mut announced = Vec::new();
    let mut workers = Vec::new();
    if !actors.is_empty() {
        let found = find_workers(state, connection, application, &actors, now).await?;
        announced.extend(workers_created(state, application, now, &found.roster)?);
        workers = found.workers;
    }
    let (accepted, verdicts) = settle(state, &judged, workers, now);
    if !accepted.is_empty() {
        check_quota(connection, application, now, accepted.len()).await?;
        store(connection, application, &accepted, now).await?;
        announced.extend(announce(state, application, &accepted, now)?);
    }
    let status = if verdicts.rejected.is_empty() { 202 } else { 207 };
    Ok(Written { status, body: render(&verdicts)?, events: accepted.len(), announced })
}

/// Whether the application may send an event of this type.
fn permitted<'b>(
    application: &Application,
    event: &'b Result<NewEvent<'b>, Rejection>,
) -> Result<&'b NewEvent<'b>, Rejection> {
    let event = event.as_ref().map_err(Clone::clone)?;
    let allowed = application.facts.app.allowed_event_types.as_deref();
    if allowed.is_none_or(|types| types.iter().any(|allowed| *allowed == event.event_type)) {
        return Ok(event);
    }
    let message = format!("the application may not send events of type {}", event.event_type);
    Err(Rejection::new(RejectionCode::ForbiddenEventType, message))
}

/// Brings verdicts and workers together. Ids ascend in the order of the batch, and so does its timeline.
fn settle<'b>(
    state: &State,
    judged: &[Result<&'b NewEvent<'b>, Rejection>],
    workers: Vec<Result<WorkerId, Rejection>>,
    now: DateTime<Utc>,
) -> (Vec<Accepted<'b>>, Verdicts<'b>) {
    let mut workers = workers.into_iter();
    let mut ids: Vec<EventId> = judged.iter().map(|_| EventId::new(state.ids.at(now))).collect();
    ids.sort_unstable();
    let mut accepted = Vec::with_capacity(judged.len());
    let mut verdicts = Verdicts::default();
    for (index, (verdict, id)) in judged.iter().zip(ids).enumerate() {
        let worker = match verdict {
            // One for each event that was judged fit.
            Ok(event) => workers.next().map(|worker| worker.map(|worker| (*event, worker))),
            Err(rejection) => Some(Err(rejection.clone())),
        };
        match worker {
            Some(Ok((event, worker))) => {
                let timestamp = event.timestamp.unwrap_or(now);
                verdicts.accepted.push((&event.event_type, timestamp));
                accepted.push(Accepted { event, worker, id, timestamp });
            }
            Some(Err(rejection)) => verdicts.rejected.push((index, rejection)),
            None => {}
        }
    }
    (accepted, verdicts)
}

async fn store(
    connection: &mut PgConnection,
    application: &Application,
    accepted: &[Accepted<'_>],
    now: DateTime<Utc>,
) -> Result<(), WriteError> {
    let rows: Vec<StoredEvent<'_>> = accepted
        .iter()
        .map(|accepted| StoredEvent {
            worker: accepted.worker,
            occurred_at: accepted.timestamp,
            id: accepted.id,
            event_type: &accepted.event.event_type,
            category: accepted.event.category.as_str(),
            duration: accepted.event.duration,
            metadata: accepted.event.metadata,
        })
        .collect();
    let organization = application.principal.organization.id;
    Ok(events::insert(connection, organization, &application.facts.app.slug, now, &rows).await?)
}

fn announce(
    state: &State,
    application: &Application,
    accepted: &[Accepted<'_>],
    now: DateTime<Utc>,
) -> Result<Option<PendingEvent>, serde_json::Error> {
    let integration = application.integration();
    let events: Vec<_> = accepted
        .iter()
        .map(|Accepted { event, worker, id, timestamp }| {
            let data = EventAccepted {
                source: Cow::Borrowed(&integration),
                event_type: Cow::Borrowed(&event.event_type),
                category: Cow::Borrowed(event.category.as_str()),
                timestamp: *timestamp,
                duration: event.duration,
                worker: event.actor.facts(*worker),
                metadata: event.metadata.map(Cow::Borrowed),
            };
            // Subscribers filter on what the application calls it.
            about(*worker, *id, &event.event_type, data)
        })
        .collect();
    batch(state, application, now, &events)
}
