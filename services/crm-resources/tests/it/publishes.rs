//! An event for every change.

use crate::harness::{Harness, events, read};
use contracts::crm::{Customer, Lead};
use contracts::crm_events::{Created, Deleted, LeadConverted, LeadQualified, Updated};
use contracts::event::CloudEvent;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{callers, eventually};

fn kinds(events: &[Value]) -> Vec<String> {
    let mut kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    kinds.sort_unstable();
    kinds
}

fn of<'e>(events: &'e [Value], kind: &str) -> &'e Value {
    events.iter().find(|event| event["type"] == kind).unwrap()
}

#[tokio::test]
async fn every_change_of_a_resource_is_an_event_with_what_changed() {
    let (crm, broker) = Harness::with_broker().await;
    let made = crm.make("/customers", json!({"name": "Grace"})).await;
    let path = format!("/customers/{}", made["id"].as_str().unwrap());
    crm.patch(&path, json!({"name": "Grace", "phone": "1"})).await;
    crm.patch(&path, json!({"phone": "1"})).await;
    crm.post("/customers", json!({"name": ""})).await;
    crm.delete(&path).await;
    let events = events(&broker, 3).await;
    assert_eq!(kinds(&events), ["customer.created", "customer.deleted", "customer.updated"]);
    for event in &events {
        assert_eq!(
            (&event["source"], &event["subject"], &event["partitionkey"], &event["tenantid"]),
            (
                &json!("/leadwire/crm-resources"),
                &made["id"],
                &made["id"],
                &json!(callers::organization_id("acme"))
            )
        );
    }
    let created: CloudEvent<Created<Customer>> =
        serde_json::from_value(of(&events, "customer.created").clone()).unwrap();
    assert_eq!((created.aggregateversion, json!(created.data.record)), (1, made));
    let updated: CloudEvent<Updated<Customer>> =
        serde_json::from_value(of(&events, "customer.updated").clone()).unwrap();
    assert_eq!(updated.aggregateversion, 2);
    assert_eq!(json!(updated.data.changes), json!({"before": {"phone": null}, "after": {"phone": "1"}}));
    let deleted: CloudEvent<Deleted<Customer>> =
        serde_json::from_value(of(&events, "customer.deleted").clone()).unwrap();
    assert_eq!((deleted.aggregateversion, deleted.data.record.fields.phone), (3, Some("1".to_owned())));
    let pool = crm.database.pool();
    eventually("an empty outbox", async || {
        let left: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&pool).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lead_that_reaches_a_status_says_so_beside_its_update() {
    let (crm, broker) = Harness::with_broker().await;
    let made = crm.make("/leads", json!({"name": "G", "email": "g@example.com", "status": "rejected"})).await;
    let path = format!("/leads/{}", made["id"].as_str().unwrap());
    crm.patch(&path, json!({"status": "qualified"})).await;
    crm.patch(&path, json!({"status": "qualified", "notes": "still"})).await;
    for _ in 0..2 {
        let (status, _) =
            read(crm.request(Method::POST, &format!("{path}/convert")).send().await.unwrap()).await;
        assert_eq!(status, 200);
    }
    let events = events(&broker, 7).await;
    assert_eq!(
        kinds(&events),
        [
            "customer.created",
            "lead.converted",
            "lead.created",
            "lead.qualified",
            "lead.updated",
            "lead.updated",
            "lead.updated"
        ]
    );
    let qualified: CloudEvent<LeadQualified> =
        serde_json::from_value(of(&events, "lead.qualified").clone()).unwrap();
    assert_eq!(
        (qualified.aggregateversion, json!(qualified.data.0.changes)),
        (2, json!({"before": {"status": "rejected"}, "after": {"status": "qualified"}}))
    );
    let converted: CloudEvent<LeadConverted> =
        serde_json::from_value(of(&events, "lead.converted").clone()).unwrap();
    let lead: &Lead = &converted.data.0.record.fields;
    assert!(lead.converted && converted.aggregateversion == 4);
    assert_eq!(json!(lead.customer_id), of(&events, "customer.created")["subject"]);
}

#[tokio::test]
async fn a_repetition_publishes_nothing() {
    let (crm, broker) = Harness::with_broker().await;
    for _ in 0..3 {
        let request = crm.request(Method::POST, "/products").header("idempotency-key", "k");
        request.json(&json!({"data": {"name": "x"}})).send().await.unwrap();
    }
    let id = crm.automation("acme", "Greet").await;
    crm.patch(&format!("/automations/{id}"), json!({"active": false})).await;
    let events = events(&broker, 2).await;
    assert_eq!(kinds(&events), ["automation.updated", "product.created"]);
}
