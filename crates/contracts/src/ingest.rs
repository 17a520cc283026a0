//! Events of ingest: what applications tell about the workers of an organisation.
//!
//! An accepted event is published under the application's own type, its data says which application it was:
//! `source: "custom:<app>"`. Those of one request leave as one message, a batch of CloudEvents.

use crate::event::EventData;
use crate::ids::WorkerId;
use crate::moment;
use crate::service::Service;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Whom an event is about, as far as the application said it, with the worker that it was found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerFacts<'e> {
    pub id: WorkerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Cow<'e, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Cow<'e, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Cow<'e, str>>,
}

/// An accepted event. Its CloudEvents `type` is its own `eventType`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventAccepted<'e> {
    /// `custom:<app>`.
    pub source: Cow<'e, str>,
    pub event_type: Cow<'e, str>,
    pub category: Cow<'e, str>,
    /// When it happened, as the application says; when it was received, if that says nothing.
    #[serde(serialize_with = "moment::serialize")]
    #[schemars(with = "DateTime<Utc>")]
    pub timestamp: DateTime<Utc>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<i32>,
    pub worker: WorkerFacts<'e>,
    /// As it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "object"))]
    pub metadata: Option<Cow<'e, RawValue>>,
}

/// An accepted snapshot of a worker's metrics.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotAccepted<'e> {
    /// `custom:<app>`.
    pub source: String,
    pub snapshot_type: String,
    pub timestamp: DateTime<Utc>,
    pub worker: WorkerFacts<'e>,
    /// As they were sent.
    #[schemars(extend("type" = "object"))]
    pub metrics: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "object"))]
    pub metadata: Option<Box<RawValue>>,
}

/// A worker that nobody had named before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerCreated<'e> {
    /// `custom:<app>`: the connection that the worker is linked to.
    pub source: String,
    pub worker: WorkerFacts<'e>,
}

impl EventData for EventAccepted<'_> {
    const SOURCE: Service = Service::Ingest;
    const ROUTING_KEY: &'static str = "ingest.event.accepted.v1";
    const TYPE: &'static str = "event.accepted";
}

impl EventData for SnapshotAccepted<'_> {
    const SOURCE: Service = Service::Ingest;
    const ROUTING_KEY: &'static str = "ingest.snapshot.accepted.v1";
    const TYPE: &'static str = "snapshot.accepted";
}

impl EventData for WorkerCreated<'_> {
    const SOURCE: Service = Service::Ingest;
    const ROUTING_KEY: &'static str = "ingest.worker.created.v1";
    const TYPE: &'static str = "worker.created";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{BatchFacts, CloudEvent, Events, Member, write_batch};
    use serde_json::Value;

    fn holds<D: EventData>(text: &str) {
        let events: Events<D> = serde_json::from_str(text).unwrap();
        let written = serde_json::to_value(events.as_slice()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
        assert!(events.as_slice().iter().all(|event| event.source == D::SOURCE.event_source()));
    }

    #[test]
    fn the_first_versions_of_the_batches_decode_for_ever_and_are_written_alike() {
        holds::<EventAccepted>(include_str!("../../../proto/fixtures/ingest.event.accepted.v1.json"));
        holds::<SnapshotAccepted>(include_str!("../../../proto/fixtures/ingest.snapshot.accepted.v1.json"));
        holds::<WorkerCreated>(include_str!("../../../proto/fixtures/ingest.worker.created.v1.json"));
    }

    #[test]
    fn a_batch_is_written_as_its_events_are() {
        let text = include_str!("../../../proto/fixtures/ingest.event.accepted.v1.json");
        let Events::Batch(events) = serde_json::from_str::<Events<EventAccepted<'_>>>(text).unwrap() else {
            panic!("one event");
        };
        for requestid in [None, Some("one".to_owned())] {
            let mut events = events.clone();
            let CloudEvent { time, tenantid: tenant, traceparent, .. } = events[0].clone();
            for event in &mut events {
                (event.time, event.traceparent, event.requestid) =
                    (time, traceparent.clone(), requestid.clone());
            }
            let members: Vec<_> = events.iter().map(member).collect();
            let common = BatchFacts { time, tenant, traceparent, request_id: requestid };
            let written: Value = serde_json::from_slice(&write_batch(common, &members).unwrap()).unwrap();
            assert_eq!(written, serde_json::to_value(&events).unwrap());
        }
    }

    fn member<'e>(event: &'e CloudEvent<EventAccepted<'static>>) -> Member<'e, EventAccepted<'static>> {
        Member {
            id: event.id,
            kind: &event.kind,
            aggregate: event.partitionkey.clone(),
            aggregate_version: event.aggregateversion,
            data: event.data.clone(),
        }
    }

    #[test]
    fn a_message_is_one_event_or_a_batch_and_its_data_stays_as_it_came() {
        let batch = include_str!("../../../proto/fixtures/ingest.event.accepted.v1.json");
        let raw: Events<Box<RawValue>> = serde_json::from_str(batch).unwrap();
        assert_eq!(raw.as_slice().len(), 2);
        let first: CloudEvent<Box<RawValue>> = raw.as_slice()[0].clone();
        assert!(batch.contains(first.data.get()));
        let alone: Events<Box<RawValue>> =
            serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        assert_eq!(alone.as_slice()[0].data.get(), first.data.get());
        assert!(serde_json::from_str::<Events<Value>>("7").is_err());
    }
}
