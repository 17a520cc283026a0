//! Writing down what is published of a write: one message for all its events.

use crate::domain::roster::Roster;
use crate::state::State;
use crate::usecases::once::Application;
use chrono::{DateTime, Utc};
use contracts::event::{CloudEvent, Envelope, EventData, EventFacts};
use contracts::ids::{EventId, WorkerId};
use contracts::ingest::{WorkerCreated, WorkerFacts};
use platform::content_coding;
use platform_pg::outbox::PendingEvent;
use serde_json::json;
use std::borrow::Cow;

/// Bytes of an event as it is published, roughly: what most batches have room in.
const EVENT: usize = 1_280;

/// What the envelope of an event about a worker says.
pub fn facts(application: &Application, worker: WorkerId, id: EventId, now: DateTime<Utc>) -> EventFacts {
    EventFacts {
        id,
        time: now,
        tenant: application.principal.organization.id,
        aggregate: worker.to_string(),
        aggregate_version: 1,
        traceparent: platform::telemetry::current_traceparent(),
        request_id: platform::request_id::current(),
        track_delivery: false,
    }
}

/// Several events as one message. `None` when there is none.
pub fn batch<D: EventData>(
    state: &State,
    application: &Application,
    now: DateTime<Utc>,
    events: &[Envelope<'_, D>],
) -> Result<Option<PendingEvent>, serde_json::Error> {
    if events.is_empty() {
        return Ok(None);
    }
    let mut headers = json!({"tenant-id": application.principal.organization.id});
    if let Some(traceparent) = platform::telemetry::current_traceparent() {
        headers["traceparent"] = traceparent.into();
    }
    let mut payload = Vec::with_capacity(events.len() * EVENT);
    serde_json::to_writer(&mut payload, events)?;
    Ok(Some(PendingEvent {
        event_id: state.ids.at(now),
        routing_key: D::ROUTING_KEY.to_owned(),
        kind: D::TYPE.to_owned(),
        headers,
        payload: content_coding::encoded(payload),
    }))
}

/// The workers that the write has made, as one message.
pub fn workers_created(
    state: &State,
    application: &Application,
    now: DateTime<Utc>,
    roster: &Roster,
) -> Result<Option<PendingEvent>, serde_json::Error> {
    let created: Vec<CloudEvent<WorkerCreated<'_>>> = roster
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
            let event_id = EventId::new(state.ids.at(now));
            Some(CloudEvent::new(facts(application, id, event_id, now), data))
        })
        .collect();
    let enveloped: Vec<_> = created.iter().map(|event| event.around(&event.data)).collect();
    batch(state, application, now, &enveloped)
}
