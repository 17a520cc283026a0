//! What operators see and do across organisations.

use crate::harness::{Harness, platform, platform_key};
use chrono::TimeDelta;
use contracts::identity::Principal;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::receiver::{Receiver, Reply};

const DELIVERIES: &str = "/api/v1/admin/deliveries";

fn operator() -> Principal {
    platform_key("platform", None, &["platform:admin"])
}

async fn found(harness: &Harness, path: &str) -> Value {
    let (status, body) = harness.ask(&operator(), Method::GET, path, &Value::Null).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// One event with three deliveries: one that arrived, one that was refused, one that used up its tries.
struct Scene {
    harness: Harness,
    fails: Receiver,
    webhooks: [Value; 3],
    event: String,
}

async fn scene() -> Scene {
    let mut harness = Harness::start().await;
    let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    let mut webhooks = Vec::new();
    for (receiver, status) in receivers.iter().zip([200, 404, 500]) {
        receiver.always(Reply::Status(status));
        let retry = json!({"maxRetries": 0});
        let body = json!({"url": receiver.url("/in?token=t"), "events": ["lead.*"], "retryConfig": retry});
        webhooks.push(harness.webhook(&body).await);
    }
    let event = harness.fan_out(3).await;
    harness.deliver().await;
    let event = format!("evt_{}", event.id.as_uuid().simple());
    let [_, _, fails] = receivers;
    Scene { harness, fails, webhooks: webhooks.try_into().unwrap(), event }
}

#[tokio::test]
async fn only_an_operator_gets_in() {
    let harness = Harness::start().await;
    let id = testkit::unique_id();
    for (method, path) in [
        (Method::GET, DELIVERIES.to_owned()),
        (Method::GET, format!("{DELIVERIES}/stats")),
        (Method::GET, format!("{DELIVERIES}/{id}")),
        (Method::POST, format!("{DELIVERIES}/{id}/retry")),
        (Method::POST, format!("/api/v1/admin/subscriptions/{id}/recover")),
        (Method::GET, "/api/v1/admin/events".to_owned()),
        (Method::GET, format!("/api/v1/admin/events/{id}")),
    ] {
        let (status, body) = harness.ask(&platform(), method, &path, &json!({})).await;
        assert_eq!((status, &body["error"]), (403, &json!("FORBIDDEN")), "{path}");
    }
}

#[tokio::test]
async fn deliveries_are_found_by_what_they_have_in_common_page_by_page() {
    let Scene { harness, webhooks, event, .. } = scene().await;
    let organization = found(&harness, DELIVERIES).await["data"][0]["organizationId"].clone();
    let (organization, other) = (organization.as_str().unwrap(), testkit::unique_id());
    let refused = webhooks[1]["id"].as_str().unwrap();
    let now = harness.clock.now().format("%Y-%m-%dT%H:%M:%SZ");
    let later = (harness.clock.now() + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ");
    for (query, count) in [
        (String::new(), 3),
        ("status=dead_letter".to_owned(), 2),
        ("status=delivered".to_owned(), 1),
        ("reason=rejected".to_owned(), 1),
        ("reason=exhausted".to_owned(), 1),
        (format!("subscription={refused}"), 1),
        (format!("organization={organization}&type=lead.created"), 3),
        (format!("organization={other}"), 0),
        ("type=lead.updated".to_owned(), 0),
        (format!("since={later}"), 0),
        (format!("until={later}"), 3),
    ] {
        let page = found(&harness, &format!("{DELIVERIES}?{query}")).await;
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{query} at {now}: {page}");
    }
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = found(&harness, &format!("{DELIVERIES}?limit=1{cursor}")).await;
        ids.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].to_string()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each once");

    let shown = found(&harness, &format!("/api/v1/admin/events/{event}")).await;
    assert_eq!(
        (shown["deliveries"].as_array().unwrap().len(), &shown["eventType"]),
        (3, &json!("lead.created"))
    );
    assert!(!shown.to_string().contains("token"), "what may be secret in a URL is not shown");
    let listed =
        found(&harness, &format!("/api/v1/admin/events?organization={organization}&type=lead.created")).await;
    assert_eq!(listed["data"][0]["id"], json!(event));

    let bad = "limit=0&status=lost&cursor=x&since=soon&organization=acme&subscription=1";
    let (status, body) =
        harness.ask(&operator(), Method::GET, &format!("{DELIVERIES}?{bad}"), &Value::Null).await;
    assert_eq!(status, 400);
    for name in ["limit", "status", "cursor", "since", "organization", "subscription"] {
        assert!(body.to_string().contains(name), "{name} is not named in {body}");
    }
}

#[tokio::test]
async fn dead_letters_are_counted_by_each_of_their_traits() {
    let Scene { harness, webhooks, .. } = scene().await;
    for (by, keys) in [
        ("reason", vec!["exhausted", "rejected"]),
        ("type", vec!["lead.created"]),
        ("subscription", vec![webhooks[1]["id"].as_str().unwrap(), webhooks[2]["id"].as_str().unwrap()]),
    ] {
        let stats = found(&harness, &format!("{DELIVERIES}/stats?by={by}")).await;
        let mut seen: Vec<_> =
            stats["data"].as_array().unwrap().iter().map(|group| group["key"].as_str().unwrap()).collect();
        seen.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!((seen, &stats["total"], &stats["lastHour"]), (keys, &json!(2), &json!(2)), "{by}");
    }
    for by in ["error", "endpoint"] {
        let stats = found(&harness, &format!("{DELIVERIES}/stats?by={by}")).await;
        assert_eq!(stats["data"].as_array().unwrap().len(), 2, "{by}: {stats}");
    }
    let tenants = found(&harness, &format!("{DELIVERIES}/stats?by=tenant&status=delivered")).await;
    assert_eq!((tenants["data"].as_array().unwrap().len(), &tenants["total"]), (1, &json!(1)));
    let path = format!("{DELIVERIES}/stats?by=colour");
    assert_eq!(harness.ask(&operator(), Method::GET, &path, &Value::Null).await.0, 400);
}

#[tokio::test]
async fn a_dead_letter_is_shown_with_its_requests_and_brought_back_alone_or_by_its_reason() {
    let Scene { mut harness, fails, webhooks, .. } = scene().await;
    let dead = found(&harness, &format!("{DELIVERIES}?reason=exhausted")).await["data"][0].clone();
    let path = format!("{DELIVERIES}/{}", dead["id"].as_str().unwrap());
    let shown = found(&harness, &path).await;
    assert_eq!((&shown["status"], &shown["family"]), (&json!("DEAD_LETTER"), &json!("platform")));
    assert_eq!(
        (shown["attempts"].as_array().unwrap().len(), &shown["attempts"][0]["responseCode"]),
        (1, &json!(500))
    );

    fails.always(Reply::Status(200));
    let (status, again) =
        harness.ask(&operator(), Method::POST, &format!("{path}/retry"), &Value::Null).await;
    assert_eq!((status, &again["status"]), (202, &json!("PENDING")), "{again}");
    harness.deliver().await;
    let shown = found(&harness, &path).await;
    assert_eq!((&shown["status"], shown["attempts"].as_array().unwrap().len()), (&json!("DELIVERED"), 2));
    let ids: Vec<_> =
        fails.received().iter().map(|one| one.header("webhook-id").unwrap().to_owned()).collect();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]), "under the id that it had");

    let recover =
        |webhook: &Value| format!("/api/v1/admin/subscriptions/{}/recover", webhook["id"].as_str().unwrap());
    let since = harness.clock.now() - TimeDelta::hours(1);
    for (reason, count) in [("exhausted", 0), ("rejected", 1)] {
        let wish = json!({"since": since, "reason": reason});
        let (status, begun) = harness.ask(&operator(), Method::POST, &recover(&webhooks[1]), &wish).await;
        assert_eq!((status, &begun["recovered"]), (202, &json!(count)), "{reason}: {begun}");
    }
    let nowhere = format!("{DELIVERIES}/{}", webhooks[0]["id"].as_str().unwrap());
    assert_eq!(harness.ask(&operator(), Method::GET, &nowhere, &Value::Null).await.0, 404);
    let unknown = json!({"id": testkit::unique_id()});
    let wish = json!({"since": since});
    assert_eq!(harness.ask(&operator(), Method::POST, &recover(&unknown), &wish).await.0, 404);
}
