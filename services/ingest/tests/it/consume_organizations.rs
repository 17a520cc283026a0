//! `ingest.organizations`: an organisation that is gone takes everything along.

use crate::harness::{Harness, SNAPSHOTS, caller, event};
use contracts::control::OrganizationDeleted;
use contracts::event::{CloudEvent, EventFacts};
use contracts::ids::EventId;
use contracts::topology::EVENTS;
use serde_json::json;
use testkit::{callers, eventually};

#[tokio::test]
async fn a_deleted_organisation_leaves_nothing_and_others_stay() {
    let ingest = Harness::start().await;
    let snapshot =
        json!({"snapshotType": "open", "actor": {"email": "a@example.com"}, "metrics": {"open": 1}});
    for slug in ["acme", "globex"] {
        let caller = caller(slug);
        let events = vec![event("a@example.com"); 300];
        assert_eq!(ingest.events(&caller, &json!(events)).await.0, 202);
        assert_eq!(ingest.send(&caller, SNAPSHOTS, &snapshot).await.status().as_u16(), 202);
    }
    let organization_id = callers::organization_id("acme");
    let facts = EventFacts {
        id: EventId::new(testkit::unique_id()),
        time: ingest.service.process.clock.now(),
        tenant: organization_id,
        aggregate: organization_id.to_string(),
        aggregate_version: 1,
        traceparent: None,
        track_delivery: false,
    };
    let event = CloudEvent::new(facts, OrganizationDeleted { organization_id });
    let properties = json!({"message_id": event.id, "type": event.kind});
    let payload = serde_json::to_string(&event).unwrap();
    ingest.broker.publish(EVENTS, "gateway.organization.deleted.v1", properties, &payload).await;
    eventually("an organisation less", async || {
        (ingest.count("select count(*) from accounts").await == 1).then_some(())
    })
    .await;
    for (table, left) in [
        ("select count(*) from events", 301),
        ("select count(*) from workers", 1),
        ("select count(*) from worker_identities", 1),
        ("select count(*) from snapshots", 1),
        ("select count(*) from event_usage", 1),
    ] {
        assert_eq!(ingest.count(table).await, left, "{table}");
    }
    assert_eq!(ingest.timelines(&caller("globex")).await.len(), 301);
}
