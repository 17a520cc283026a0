//! What an organisation sees and does of its own deliveries, as operators do of all.

use crate::harness::{Harness, platform_key};
use contracts::identity::Principal;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;
use testkit::receiver::{Receiver, Reply};

/// A key of an organisation, asking about that organisation.
fn key(slug: &str, scope: &str) -> Principal {
    platform_key(slug, None, &[scope])
}

fn below(slug: &str, path: &str) -> String {
    format!("/api/v1/organizations/{}/{path}", callers::organization_id(slug))
}

#[tokio::test]
async fn an_organisation_finds_its_dead_letters_looks_inside_and_sends_them_again() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::with_body(404, "no such hook"));
    let webhook = harness.webhook(&json!({"url": receiver.url("/in?token=t"), "events": ["lead.*"]})).await;
    let event = harness.fan_out(1).await;
    harness.deliver().await;
    let (reader, writer) = (key("acme", "webhooks:read"), key("acme", "webhooks:write"));

    let (status, page) = harness
        .ask(&reader, Method::GET, &below("acme", "deliveries?status=dead_letter"), &Value::Null)
        .await;
    assert_eq!((status, page["data"].as_array().unwrap().len()), (200, 1), "{page}");
    let id = page["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(page["data"][0]["subscriptionId"], webhook["id"]);
    for (by, group) in
        [("reason", "rejected".to_owned()), ("hour", event.time.format("%Y-%m-%dT%H:00:00Z").to_string())]
    {
        let path = below("acme", &format!("deliveries/stats?by={by}"));
        let (_, stats) = harness.ask(&reader, Method::GET, &path, &Value::Null).await;
        assert_eq!((&stats["data"][0]["key"], &stats["total"]), (&json!(group), &json!(1)), "{by}: {stats}");
    }
    let (_, one) =
        harness.ask(&reader, Method::GET, &below("acme", &format!("deliveries/{id}")), &Value::Null).await;
    assert_eq!((&one["attempts"][0]["responseCode"], &one["reason"]), (&json!(404), &json!("rejected")));
    assert!(!one.to_string().contains("token"), "what may be secret in a URL is not shown");
    let path = below("acme", &format!("events/{}", event.id));
    let (_, story) = harness.ask(&reader, Method::GET, &path, &Value::Null).await;
    assert_eq!((&story["deliveries"][0]["id"], &story["eventType"]), (&json!(id), &json!("lead.created")));

    let retry = below("acme", &format!("deliveries/{id}/retry"));
    assert_eq!(harness.ask(&reader, Method::POST, &retry, &Value::Null).await.0, 403);
    receiver.always(Reply::Status(200));
    let (status, due) = harness.ask(&writer, Method::POST, &retry, &Value::Null).await;
    assert_eq!((status, &due["status"]), (202, &json!("PENDING")));
    harness.deliver().await;
    let (_, one) =
        harness.ask(&reader, Method::GET, &below("acme", &format!("deliveries/{id}")), &Value::Null).await;
    assert_eq!((&one["status"], one["attempts"].as_array().unwrap().len()), (&json!("DELIVERED"), 2));
    let recover = below("acme", &format!("subscriptions/{}/recover", webhook["id"].as_str().unwrap()));
    let (status, begun) = harness.ask(&writer, Method::POST, &recover, &json!({"since": event.time})).await;
    assert_eq!((status, &begun["recovered"]), (202, &json!(0)), "{begun}");
}

#[tokio::test]
async fn another_organisations_deliveries_are_not_there() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(404));
    let webhook = harness.webhook(&json!({"url": receiver.url("/in"), "events": ["lead.*"]})).await;
    let event = harness.fan_out(1).await;
    harness.deliver().await;
    let own = key("acme", "webhooks:read");
    let (_, page) = harness.ask(&own, Method::GET, &below("acme", "deliveries"), &Value::Null).await;
    let id = page["data"][0]["id"].as_str().unwrap();

    let other = key("globex", "webhooks:write");
    let organization = callers::organization_id("acme");
    for list in ["deliveries".to_owned(), format!("deliveries?organization={organization}")] {
        let (status, page) = harness.ask(&other, Method::GET, &below("globex", &list), &Value::Null).await;
        assert_eq!((status, &page["data"]), (200, &json!([])), "{list}");
    }
    let (_, stats) =
        harness.ask(&other, Method::GET, &below("globex", "deliveries/stats"), &Value::Null).await;
    assert_eq!(stats["total"], 0);
    let recover = format!("subscriptions/{}/recover", webhook["id"].as_str().unwrap());
    for (method, path) in [
        (Method::GET, format!("deliveries/{id}")),
        (Method::POST, format!("deliveries/{id}/retry")),
        (Method::GET, format!("events/{}", event.id)),
        (Method::POST, recover),
    ] {
        for slug in ["globex", "acme"] {
            let body = json!({"since": event.time});
            let (status, refused) = harness.ask(&other, method.clone(), &below(slug, &path), &body).await;
            assert_eq!((status, &refused["error"]), (404, &json!("NOT_FOUND")), "{slug} {path}: {refused}");
        }
    }
    assert_eq!(receiver.received().len(), 1);
}
