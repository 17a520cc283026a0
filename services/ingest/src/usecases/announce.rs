//! Writing down what is published of a write: one message for all its events.

use crate::domain::roster::Roster;
use crate::state::State;
use crate::usecases::once::Application;
use chrono::{DateTime, Utc};
use contracts::event::{CloudEvent, EventData, EventFacts};
use contracts::ids::{EventId, WorkerId};
use contracts::ingest::{WorkerCreated, WorkerFacts};
use platform_pg::outbox::PendingEvent;
use serde_json::json;

/// The envelope of an event about a worker.
pub fn enveloped<D: EventData>(
    application: &Application,
    worker: WorkerId,
    id: EventId,
    now: DateTime<Utc>,
    traceparent: Option<String>,
    data: D,
) -> CloudEvent<D> {
    let facts = EventFacts {
        id,
        time: now,
        tenant: application.principal.organization.id,
        aggregate: worker.to_string(),
        aggregate_version: 1,
        traceparent,
        request_id: platform::request_id::current(),
        track_delivery: false,
    };
    CloudEvent::new(facts, data)
}

/// Several events as one message. `None` when there is none.
pub fn batch<D: EventData>(
    state: &State,
    application: &Application,
    now: DateTime<Utc>,
    events: &[CloudEvent<D>],
) -> Result<Option<PendingEvent>, serde_json::Error> {
    if events.is_empty() {
        return Ok(None);
    }
    let mut headers = json!({"tenant-id": application.principal.organization.id});
    if let Some(traceparent) = platform::telemetry::current_traceparent() {
        headers["traceparent"] = traceparent.into();
    }
    Ok(Some(PendingEvent {
        event_id: state.ids.at(now),
        routing_key: D::ROUTING_KEY.to_owned(),
        kind: D::TYPE.to_owned(),
        headers,
        payload: serde_json::to_vec(events)?,
    }))
}

/// The workers that the write has made, as one message.
pub fn workers_created(
    state: &State,
    application: &Application,
    now: DateTime<Utc>,
    roster: &Roster,
) -> Result<Option<PendingEvent>, serde_json::Error> {
    let traceparent = platform::telemetry::current_traceparent();
    let created: Vec<CloudEvent<WorkerCreated>> = roster
        .changes()
        .created
        .iter()
        .filter_map(|&id| {
            let worker = roster.worker(id)?;
            let facts = WorkerFacts {
                id,
                external_id: worker.external_id.clone(),
                email: worker.email.clone(),
                display_name: worker.display_name.clone(),
            };
            let data = WorkerCreated { source: application.integration(), worker: facts };
            let event_id = EventId::new(state.ids.at(now));
            Some(enveloped(application, id, event_id, now, traceparent.clone(), data))
        })
        .collect();
    batch(state, application, now, &created)
}
