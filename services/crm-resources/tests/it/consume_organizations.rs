//! `crm-resources.organizations`: organisations that are gone.

use crate::harness::{Harness, RESOURCES, key, read};
use contracts::control::OrganizationDeleted;
use contracts::event::{CloudEvent, EventData, EventFacts};
use contracts::ids::EventId;
use reqwest::Method;
use serde_json::json;
use testkit::{callers, eventually};

#[tokio::test]
async fn everything_of_a_deleted_organisation_goes_and_nothing_else() {
    let (crm, broker) = Harness::with_broker().await;
    for organization in ["acme", "globex"] {
        for resource in ["products", "customers", "leads"] {
            let request =
                crm.service.request(&key(organization), Method::POST, &format!("/api/v1/{resource}"));
            let request = request.header("idempotency-key", resource).json(&json!({"data": {"name": "x"}}));
            assert_eq!(read(request.send().await.unwrap()).await.0, 201);
        }
        crm.automation(organization, "a").await;
    }
    let acme = callers::organization_id("acme");
    let facts = EventFacts {
        id: EventId::new(testkit::unique_id()),
        time: crm.service.process.clock.now(),
        tenant: acme,
        aggregate: acme.to_string(),
        aggregate_version: 1,
        traceparent: None,
        request_id: None,
        track_delivery: false,
    };
    let event = CloudEvent::new(facts, OrganizationDeleted { organization_id: acme });
    let properties = json!({"message_id": event.id, "type": event.kind, "delivery_mode": 2});
    let payload = serde_json::to_string(&event).unwrap();
    broker.publish("events", OrganizationDeleted::ROUTING_KEY, properties, &payload).await;
    eventually("acme to be gone", async || {
        let mut left = 0;
        for table in RESOURCES {
            left += crm.count(table).await;
        }
        (left == 4 && crm.count("idempotency").await == 3).then_some(())
    })
    .await;
    // A request that was let in before the deletion.
    crm.make("/leads", json!({"name": "late"})).await;
    assert_eq!(crm.count("leads").await, 2);
    crm.service.process.clock.advance(chrono::TimeDelta::minutes(5));
    eventually("a second look", async || (crm.count("gone_organizations").await == 0).then_some(())).await;
    for resource in RESOURCES {
        let request = crm.service.request(&key("globex"), Method::GET, &format!("/api/v1/{resource}"));
        assert_eq!(read(request.send().await.unwrap()).await.1["meta"]["total"], 1);
        assert_eq!(crm.count(resource).await, 1);
    }
}
