//! What is published, and how.

use crate::harness::{Harness, SNAPSHOTS, caller, event, with};
use contracts::event::{BATCH_CONTENT_TYPE, Events};
use contracts::ingest::{EventAccepted, SnapshotAccepted, WorkerCreated};
use contracts::topology::WEBHOOK_DISPATCHER_EVENTS;
use serde_json::json;
use std::collections::HashSet;
use testkit::broker::QueuedMessage;
use testkit::eventually;

async fn messages(ingest: &Harness, count: usize) -> Vec<QueuedMessage> {
    eventually("the messages on the queue", async || {
        let messages = ingest.broker.peek(WEBHOOK_DISPATCHER_EVENTS.name).await;
        (messages.len() >= count).then_some(messages)
    })
    .await
}

#[tokio::test]
async fn a_batch_is_one_message_of_events_under_the_application_s_own_types() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let sent = json!([
        with(event("a@example.com"), &json!({"eventType": "policy.created", "metadata": {"n": 1}})),
        7,
        with(event("a@example.com"), &json!({"timestamp": "2026-04-19T12:30:00Z", "duration": 5})),
    ]);
    let (status, answer) = ingest.events(&acme, &sent).await;
    assert_eq!(status, 207);
    let messages = messages(&ingest, 2).await;
    assert_eq!(messages.len(), 2);
    let of = |key: &str| messages.iter().find(|message| message.routing_key == key).unwrap();
    let batch = of("ingest.event.accepted.v1");
    assert_eq!(batch.properties["content_type"], BATCH_CONTENT_TYPE);
    let events: Events<EventAccepted> = serde_json::from_str(&batch.payload).unwrap();
    let events = events.as_slice();
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["policy.created", "ticket.resolved"]);
    assert!(events.iter().all(|event| json!(event.requestid) == answer["requestId"]));
    assert!(
        events.iter().all(|event| event.source == "/leadwire/ingest" && event.data.source == "custom:dialer")
    );
    assert_eq!(events[0].data.metadata.as_ref().unwrap().get(), r#"{"n":1}"#);
    assert_eq!(
        (events[1].data.duration, events[1].data.worker.email.as_deref()),
        (Some(5), Some("a@example.com"))
    );
    // Each is known by the id that its timeline shows.
    let shown: HashSet<_> =
        ingest.timelines(&acme).await.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(shown, events.iter().map(|event| event.id.to_string()).collect());
    let created: Events<WorkerCreated> =
        serde_json::from_str(&of("ingest.worker.created.v1").payload).unwrap();
    assert_eq!(created.as_slice()[0].data.worker.id, events[0].data.worker.id);
    eventually("an empty outbox", async || {
        (ingest.count("select count(*) from outbox").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_large_batch_travels_compressed_and_a_small_one_does_not() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let numbered = |number| with(event("a@example.com"), &json!({"metadata": {"n": number}}));
    let sent: Vec<_> = (0..200).map(numbered).collect();
    assert_eq!(ingest.events(&acme, &json!(sent)).await.0, 202);
    let messages = messages(&ingest, 2).await;
    let of = |key: &str| messages.iter().find(|message| message.routing_key == key).unwrap();
    let batch = of("ingest.event.accepted.v1");
    assert_eq!(batch.properties["content_encoding"], "zstd");
    assert_eq!(batch.properties["content_type"], BATCH_CONTENT_TYPE);
    let events: Events<EventAccepted<'_>> = serde_json::from_str(&batch.payload).unwrap();
    let numbers = events.as_slice().iter().map(|event| event.data.metadata.as_ref().unwrap().get());
    assert!(numbers.eq((0..200).map(|number| json!({"n": number}).to_string())));
    assert_eq!(of("ingest.worker.created.v1").properties["content_encoding"], json!(null));
}

#[tokio::test]
async fn a_snapshot_is_published_and_nothing_refused_is() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    assert_eq!(ingest.events(&acme, &json!([7])).await.0, 207);
    let snapshot =
        json!({"snapshotType": "open", "actor": {"email": "a@example.com"}, "metrics": {"open": 1}});
    assert_eq!(ingest.send(&acme, SNAPSHOTS, &snapshot).await.status().as_u16(), 202);
    let messages = messages(&ingest, 2).await;
    assert_eq!(messages.len(), 2);
    let snapshot =
        messages.iter().find(|message| message.routing_key == "ingest.snapshot.accepted.v1").unwrap();
    let events: Events<SnapshotAccepted> = serde_json::from_str(&snapshot.payload).unwrap();
    assert_eq!(events.as_slice()[0].kind, "snapshot.accepted");
    assert_eq!(events.as_slice()[0].data.metrics.get(), r#"{"open":1}"#);
}
