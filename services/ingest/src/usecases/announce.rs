//! Writing down what is published of a write: one message for all its events.

use crate::domain::roster::Roster;
use crate::state::State;
use crate::usecases::once::Application;
use chrono::{DateTime, Utc};
use contracts::event::{BatchFacts, EventData, Member, write_batch};
use contracts::ids::{EventId, WorkerId};
use contracts::ingest::{WorkerCreated, WorkerFacts};
use platform::content_coding;
use platform_pg::outbox::PendingEvent;
use serde_json::json;
use std::borrow::Cow;

/// Several events as one message. `None` when there is none.
pub fn batch<D: EventData>(
    state: &State,
    application: &Application,
    now: DateTime<Utc>,
    events: &[Member<'_, D>],
) -> Result<Option<PendingEvent>, serde_json::Error> {
    if events.is_empty() {
        return Ok(None);
    }
    let tenant = application.principal.organization.id;
    let traceparent = platform::telemetry::current_traceparent();
    let mut headers = json!({"tenant-id": tenant});
    if let Some(traceparent) = &traceparent {
        headers["traceparent"] = traceparent.as_str().into();
    }
    let request_id = platform::request_id::current();
    let payload = write_batch(BatchFacts { time: now, tenant, traceparent, request_id }, events)?;
    Ok(Some(PendingEvent {
        event_id: state.ids.at(now),
        routing_key: D::ROUTING_KEY.to_owned(),
        kind: D::TYPE.to_owned(),
        headers,
        payload: content_coding::encoded(payload),
    }))
}

/// An event about a worker, of which nothing before matters.
pub fn about<D>(worker: WorkerId, id: EventId, kind: &str, data: D) -> Member<'_, D> {
    Member { id, kind, aggregate: worker.to_string(), aggregate_version: 1, data }
}

/// The workers that the write has made, as one message.
pub fn workers_created(
    state: &State,
    application: &Application,
    now: DateTime<Utc>,
    roster: &Roster,
) -> Result<Option<PendingEvent>, serde_json::Error> {
    let created: Vec<Member<'_, WorkerCreated<'_>>> = roster
        .changes()
        .created
        .iter()
        .filter_map(|&id| {
            let worker = roster.worker(id)?;
            let worker = WorkerFacts {
                id,
                external_id: worker.external_id.as_deref().map(Cow::Borrowed),
                email: worker.email.as_deref().map(Cow::Borrowed),
                display_name: worker.display_name.as_deref().map(Cow::Borrowed),
            };
            let data = WorkerCreated { source: application.integration(), worker };
            Some(about(id, EventId::new(state.ids.at(now)), WorkerCreated::TYPE, data))
        })
        .collect();
    batch(state, application, now, &created)
}
