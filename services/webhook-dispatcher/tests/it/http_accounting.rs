//! What happened to the events of an organisation.

use crate::harness::{Harness, client, platform_key};
use contracts::ids::OrganizationId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;
use testkit::receiver::{Receiver, Reply};

fn events(organization: OrganizationId) -> String {
    format!("/api/v1/organizations/{organization}/events")
}

#[tokio::test]
async fn every_event_is_accounted_for_delivery_by_delivery() {
    let mut harness = Harness::start().await;
    let (good, bad) = (Receiver::start().await, Receiver::start().await);
    bad.always(Reply::Status(404));
    harness.subscribe(&good.url("/"), &["lead.created"]).await;
    let refusing = harness.webhook(&json!({"url": bad.url("/"), "events": ["*"]})).await;
    let event = harness.fan_out(2).await;
    let mut unwanted = harness.lead_created();
    unwanted.tenantid = callers::organization_id("globex");
    harness.publish(&unwanted).await;
    harness.calm().await;
    harness.deliver().await;

    let acme = callers::organization_id("acme");
    let key = platform_key("acme", None, &["webhooks:read"]);
    let (status, listed) = harness.ask(&key, Method::GET, &events(acme), &Value::Null).await;
    assert_eq!(status, 200);
    let id = format!("evt_{}", event.id.as_uuid().simple());
    let row = json!({
        "id": id, "eventType": "lead.created", "source": "intake", "subject": event.subject,
        "occurredAt": event.time,
        "deliveries": {
            "pending": 0, "delivered": 1, "dead_letter": 1, "skipped_disabled": 0, "cancelled": 0,
        },
    });
    assert_eq!(listed["data"], json!([row]));
    let pagination = json!({"page": 1, "limit": 20, "total": 1, "totalPages": 1, "nextCursor": null});
    assert_eq!(listed["pagination"], pagination);

    for id in [id, event.id.to_string()] {
        let path = format!("{}/{id}/deliveries", events(acme));
        let (status, found) = harness.ask(&key, Method::GET, &path, &Value::Null).await;
        assert_eq!((status, found["data"].as_array().unwrap().len()), (200, 2));
        let dead =
            found["data"].as_array().unwrap().iter().find(|row| row["status"] == "DEAD_LETTER").unwrap();
        let key = dead["id"].as_str().unwrap();
        assert_eq!(
            dead,
            &json!({
                "id": key, "subscriptionId": refusing["id"], "eventType": "lead.created",
                "status": "DEAD_LETTER", "attemptCount": 1, "responseCode": 404, "error": "answered 404",
                "scheduledFor": harness.clock.now(), "deliveredAt": null, "createdAt": harness.clock.now(),
            })
        );
    }
    // An event that nobody wanted is there as well, for its own organisation.
    let globex = callers::organization_id("globex");
    let key = platform_key("globex", None, &["webhooks:read"]);
    let (_, listed) = harness.ask(&key, Method::GET, &events(globex), &Value::Null).await;
    assert_eq!(listed["data"][0]["deliveries"]["delivered"], 0);
    let foreign = format!("{}/{}/deliveries", events(globex), event.id);
    let (status, refused) = harness.ask(&key, Method::GET, &foreign, &Value::Null).await;
    assert_eq!((status, &refused["error"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn events_are_filtered_and_paged_in_both_ways() {
    let harness = Harness::start().await;
    let acme = callers::organization_id("acme");
    let key = platform_key("acme", Some(client()), &["webhooks:read"]);
    let mut ids = Vec::new();
    let start = harness.clock.now();
    for source in ["lead-intake", "ingest", "crm-resources", "ingest", "lead-intake"] {
        let mut event = harness.lead_created();
        event.source = format!("/leadwire/{source}");
        event.trackdelivery = false;
        if ids.len() == 1 {
            event.kind = "lead.updated".to_owned();
        }
        harness.publish(&event).await;
        ids.push(format!("evt_{}", event.id.as_uuid().simple()));
        harness.clock.advance(chrono::TimeDelta::seconds(10));
    }
    harness.calm().await;
    let list = async |query: &str| {
        let path = format!("{}?{query}", events(acme));
        harness.ask(&key, Method::GET, &path, &Value::Null).await
    };
    let found = async |query: &str| -> Vec<String> {
        let (status, listed) = list(query).await;
        assert_eq!(status, 200, "{listed}");
        let rows = listed["data"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let expected = |numbers: &[usize]| numbers.iter().map(|&number| ids[number].clone()).collect::<Vec<_>>();
    assert_eq!(found("").await, expected(&[4, 3, 2, 1, 0]));
    assert_eq!(found("source=ingest").await, expected(&[3, 1]));
    assert_eq!(found("source=crm&type=lead.created").await, expected(&[2]));
    assert_eq!(found("type=lead.updated").await, expected(&[1]));
    let time = |seconds| {
        let time = start + chrono::TimeDelta::seconds(seconds);
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    assert_eq!(found(&format!("dateFrom={}&dateTo={}", time(10), time(20))).await, expected(&[2, 1]));
    assert_eq!(found("limit=2&page=3").await, expected(&[0]));

    let (_, first) = list("limit=2&type=lead.created").await;
    assert_eq!((&first["pagination"]["total"], &first["pagination"]["totalPages"]), (&json!(4), &json!(2)));
    let cursor = first["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let (_, second) = list(&format!("limit=2&type=lead.created&cursor={cursor}")).await;
    assert_eq!((&second["data"][0]["id"], &second["data"][1]["id"]), (&json!(ids[2]), &json!(ids[0])));
    assert_eq!(second["pagination"]["nextCursor"], Value::Null);
    // A cursor is good for its own list alone.
    let (status, refused) = list(&format!("cursor={cursor}&limit=1000&page=0&dateFrom=yesterday")).await;
    assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")));
    assert_eq!(refused["details"]["fields"].as_array().unwrap().len(), 4);
    let globex = platform_key("globex", None, &["webhooks:read"]);
    let stolen = format!("{}?type=lead.created&cursor={cursor}", events(callers::organization_id("globex")));
    assert_eq!(harness.ask(&globex, Method::GET, &stolen, &Value::Null).await.0, 400);
}
