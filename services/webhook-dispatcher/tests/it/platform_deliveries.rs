//! Deliveries of the platform family: how they look, how they are signed, when they are tried again.

use crate::harness::{Harness, platform, webhooks};
use reqwest::Method;
use serde_json::{Value, json};
use signing::{Family, Secret, standard};
use testkit::receiver::{Receiver, Reply};

fn one(webhook: &Value) -> String {
    format!("{}/{}", webhooks(), webhook["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_event_arrives_as_documented_with_both_signatures() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.webhook(&json!({"url": receiver.url("/"), "events": ["lead.created"]})).await;
    let event = harness.fan_out(1).await;
    harness.deliver().await;
    let [request] = &receiver.received()[..] else { panic!("not one request") };
    let body = json!({
        "id": format!("evt_{}", event.id.as_uuid().simple()), "eventType": "lead.created",
        "timestamp": event.time, "source": "intake", "data": event.data, "version": "1.0",
    });
    assert_eq!(request.json(), body);
    let secret = Secret::new(made["secret"].as_str().unwrap());
    let now = harness.clock.now().timestamp().unsigned_abs();
    let header = |name| request.header(name).unwrap();
    assert!(header("x-webhook-signature").starts_with(&format!("t={now},v1=")));
    Family::Platform.verify(header("x-webhook-signature"), &request.body, &secret, now).unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    standard::verify(id, time, header("webhook-signature"), &request.body, &secret, now).unwrap();
    assert_eq!(request.header("x-fulfillment-signature"), None);

    let row = json!({
        "id": id, "subscriptionId": made["id"], "eventType": "lead.created", "payload": body,
        "responseCode": 200, "attemptCount": 1, "status": "DELIVERED", "error": null,
        "scheduledFor": harness.clock.now(), "deliveredAt": harness.clock.now(),
        "createdAt": harness.clock.now(),
    });
    assert_eq!(harness.webhook_log(&made).await, [row]);
    let (status, refused) = harness
        .ask(&platform(), Method::GET, &format!("{}/deliveries?limit=0", one(&made)), &Value::Null)
        .await;
    assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")));
}

#[tokio::test]
async fn sources_are_named_and_lex_is_not_seen() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"]})).await;
    for (source, count) in [("crm-resources", 1), ("ingest", 2), ("lex-router", 2)] {
        let mut event = harness.lead_created();
        event.source = format!("/leadwire/{source}");
        event.trackdelivery = false;
        harness.publish(&event).await;
        harness.wait_for_deliveries(count).await;
    }
    harness.calm().await;
    harness.deliver().await;
    let sources: Vec<_> =
        receiver.received().iter().map(|request| request.json()["source"].clone()).collect();
    assert_eq!(sources, ["crm", "ingest"]);
}

#[tokio::test]
async fn retries_follow_the_configuration_and_a_refusal_ends_them() {
    let mut harness = Harness::start().await;
    let (failing, refusing) = (Receiver::start().await, Receiver::start().await);
    failing.always(Reply::Status(500));
    refusing.next([Reply::Status(429), Reply::Status(404)]);
    let retry = json!({"maxRetries": 2, "retryDelay": 10, "backoffMultiplier": 3});
    let made =
        harness.webhook(&json!({"url": failing.url("/"), "events": ["*"], "retryConfig": retry})).await;
    let refused = harness.webhook(&json!({"url": refusing.url("/"), "events": ["*"]})).await;
    harness.fan_out(2).await;
    harness.deliver().await;
    harness.deliver_after(9).await;
    assert_eq!(failing.received().len(), 1);
    harness.deliver_after(2).await;
    assert_eq!(failing.received().len(), 2);
    harness.deliver_after(29).await;
    assert_eq!(failing.received().len(), 2);
    harness.deliver_after(5).await;
    let row = &harness.webhook_log(&made).await[0];
    assert_eq!((failing.received().len(), &row["status"]), (3, &json!("DEAD_LETTER")));
    assert_eq!((&row["attemptCount"], &row["responseCode"]), (&json!(3), &json!(500)));
    harness.deliver_after(100_000).await;
    let row = &harness.webhook_log(&refused).await[0];
    assert_eq!((refusing.received().len(), &row["status"]), (2, &json!("DEAD_LETTER")));
    assert_eq!(failing.received().len(), 3);
}

#[tokio::test]
async fn the_time_that_an_answer_may_take_is_the_subscriptions_own() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Hang);
    let retry = json!({"timeout": 1});
    let made =
        harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"], "retryConfig": retry})).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    assert_eq!(harness.webhook_log(&made).await[0]["error"], "no answer within 1000 ms");
}

#[tokio::test]
async fn gone_disables_and_says_so_to_others() {
    let mut harness = Harness::start().await;
    let (gone, told) = (Receiver::start().await, Receiver::start().await);
    gone.always(Reply::Status(410));
    let made = harness
        .webhook(&json!({"url": gone.url("/"), "events": ["lead.*", "webhook.subscription.disabled"]}))
        .await;
    let named = ["webhook.subscription.disabled", "webhook.delivery.dead_lettered"];
    harness.webhook(&json!({"url": told.url("/"), "events": named})).await;
    let event = harness.fan_out(1).await;
    harness.deliver().await;
    // Both events go to the other one, neither to the one that they speak about.
    harness.wait_for_deliveries(3).await;
    harness.calm().await;
    harness.deliver().await;
    let mut bodies: Vec<Value> = told.received().iter().map(testkit::receiver::Received::json).collect();
    bodies.sort_by_key(|body| body["eventType"].to_string());
    assert_eq!((gone.received().len(), bodies.len()), (1, 2));
    let delivery = gone.received()[0].header("webhook-id").unwrap().to_owned();
    assert_eq!(
        bodies[0]["data"],
        json!({
            "delivery_id": delivery, "subscription_id": made["id"], "event_id": event.id,
            "event_type": "lead.created", "attempts": 1, "response_code": 410, "reason": "rejected",
        })
    );
    assert_eq!(
        bodies[1]["data"],
        json!({
            "subscription_id": made["id"], "url": gone.url("/"), "reason": "gone",
            "disabled_at": harness.clock.now(),
        })
    );
    assert_eq!(bodies[1]["source"], "webhook");
    let (_, found) = harness.ask(&platform(), Method::GET, &one(&made), &Value::Null).await;
    assert_eq!(found["status"], "DISABLED");
}

#[tokio::test]
async fn a_subscription_that_only_fails_is_disabled_after_a_hundred_deliveries_and_a_day() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(500));
    let retry = json!({"maxRetries": 0});
    let made =
        harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"], "retryConfig": retry})).await;
    let status = async |harness: &Harness| {
        let (_, found) = harness.ask(&platform(), Method::GET, &one(&made), &Value::Null).await;
        found["status"].as_str().unwrap().to_owned()
    };
    // As after 99 deliveries that were given up.
    harness.fan_out(1).await;
    harness.deliver().await;
    sqlx::query("update subscription_health set consecutive_exhausted = 99")
        .execute(&harness.pool)
        .await
        .unwrap();
    harness.fan_out(2).await;
    harness.deliver().await;
    assert_eq!(status(&harness).await, "ACTIVE", "a hundred in less than a day disable nothing");
    harness.clock.advance(chrono::TimeDelta::hours(24) + chrono::TimeDelta::seconds(1));
    harness.fan_out(3).await;
    harness.deliver().await;
    assert_eq!(status(&harness).await, "DISABLED");
    // Enabled again, it starts afresh.
    let (_, found) = harness.ask(&platform(), Method::PUT, &one(&made), &json!({"status": "ACTIVE"})).await;
    assert_eq!(found["status"], "ACTIVE");
    harness.fan_out(4).await;
    harness.deliver().await;
    assert_eq!((harness.deliveries("state = 2").await, status(&harness).await.as_str()), (4, "ACTIVE"));
}

#[tokio::test]
async fn a_paused_webhook_keeps_what_comes_and_sends_it_after_the_resume() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"]})).await;
    let set = async |harness: &Harness, status: &str| {
        harness.ask(&platform(), Method::PUT, &one(&made), &json!({"status": status})).await.0
    };
    assert_eq!(set(&harness, "PAUSED").await, 200);
    harness.fan_out(1).await;
    harness.fan_out(2).await;
    harness.deliver_after(100_000).await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 0").await), (0, 2));
    assert_eq!(set(&harness, "ACTIVE").await, 200);
    harness.deliver().await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 1").await), (2, 2));
}

#[tokio::test]
async fn a_test_event_goes_to_one_webhook_whatever_it_filters() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.webhook(&json!({"url": receiver.url("/a"), "events": ["policy.created"]})).await;
    harness.webhook(&json!({"url": receiver.url("/b"), "events": ["*"]})).await;
    let test = format!("{}/test", one(&made));
    let (status, row) = harness.ask(&platform(), Method::POST, &test, &Value::Null).await;
    assert_eq!((status, &row["status"], &row["eventType"]), (202, &json!("PENDING"), &json!("webhook.test")));
    harness.deliver().await;
    let [request] = &receiver.received()[..] else { panic!("not one request") };
    assert_eq!((request.path.as_str(), &request.json()["eventType"]), ("/a", &json!("webhook.test")));
    assert_eq!(request.header("webhook-id"), row["id"].as_str());
    assert_eq!(harness.webhook_log(&made).await[0]["status"], "DELIVERED");
    harness.ask(&platform(), Method::PUT, &one(&made), &json!({"status": "PAUSED"})).await;
    let (status, refused) = harness.ask(&platform(), Method::POST, &test, &Value::Null).await;
    assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")));
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_new_one_until_its_time_is_over() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"]})).await;
    let rotate = format!("{}/rotate-secret", one(&made));
    let (status, rotated) = harness.ask(&platform(), Method::POST, &rotate, &Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(rotated["previousSecretUntil"], json!(harness.clock.now() + chrono::TimeDelta::hours(24)));
    let old = Secret::new(made["secret"].as_str().unwrap());
    let new = Secret::new(rotated["secret"].as_str().unwrap());
    assert_ne!(made["secret"], rotated["secret"]);
    harness.fan_out(1).await;
    harness.deliver().await;
    let now = harness.clock.now().timestamp().unsigned_abs();
    let request = &receiver.received()[0];
    let header = |name| request.header(name).unwrap();
    let verify = |name, secret| Family::Platform.verify(header(name), &request.body, secret, now);
    verify("x-webhook-signature", &new).unwrap();
    verify("x-webhook-signature-previous", &old).unwrap();
    for secret in [&old, &new] {
        let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
        standard::verify(id, time, header("webhook-signature"), &request.body, secret, now).unwrap();
    }
    harness.clock.advance(chrono::TimeDelta::hours(24));
    harness.fan_out(2).await;
    harness.deliver().await;
    let later = &receiver.received()[1];
    assert_eq!(later.header("x-webhook-signature-previous"), None);
    assert_eq!(later.header("webhook-signature").unwrap().split(' ').count(), 1);

    // No overlap at all, for a secret that has leaked.
    let body = json!({"overlapSeconds": 0});
    let (_, third) = harness.ask(&platform(), Method::POST, &rotate, &body).await;
    assert_eq!(third.get("previousSecretUntil"), None);
    let (status, _) =
        harness.ask(&platform(), Method::POST, &rotate, &json!({"overlapSeconds": 604_801})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_delivery_is_tried_again_when_its_owner_says_so() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(404)]);
    let made = harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"]})).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    let dead = harness.webhook_log(&made).await[0].clone();
    assert_eq!(dead["status"], "DEAD_LETTER");
    let retry = format!("{}/deliveries/{}/retry", one(&made), dead["id"].as_str().unwrap());
    for attempt in 1..=2 {
        let (status, row) = harness.ask(&platform(), Method::POST, &retry, &Value::Null).await;
        assert_eq!((status, &row["status"], &row["attemptCount"]), (202, &json!("PENDING"), &json!(0)));
        harness.deliver().await;
        assert_eq!(receiver.received().len(), 1 + attempt);
    }
    let received = receiver.received();
    assert!(crate::harness::webhook_ids(&received).iter().all(|id| dead["id"] == json!(id)));
    let (_, all) = harness.ask(&platform(), Method::GET, &webhooks(), &Value::Null).await;
    assert_eq!(all["data"][0]["_count"]["deliveries"], 1);
}

#[tokio::test]
async fn a_webhook_is_sent_to_at_its_own_rate() {
    let mut harness = Harness::start().await;
    let (limited, other) = (Receiver::start().await, Receiver::start().await);
    let slow = json!({"url": limited.url("/"), "events": ["*"], "rateLimit": 2});
    harness.webhook(&slow).await;
    harness.webhook(&json!({"url": other.url("/"), "events": ["*"]})).await;
    for count in 1..=3 {
        harness.fan_out(2 * count).await;
    }
    harness.deliver().await;
    assert_eq!((limited.received().len(), other.received().len()), (1, 3));
    harness.clock.advance(chrono::TimeDelta::milliseconds(500));
    harness.deliver().await;
    assert_eq!(limited.received().len(), 2);
    harness.deliver_after(1).await;
    assert_eq!(limited.received().len(), 3);
}

#[tokio::test]
async fn a_receiver_that_only_fails_is_probed_and_loses_no_tries_by_it() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(503));
    let retry = json!({"maxRetries": 10, "retryDelay": 1, "backoffMultiplier": 1});
    let made =
        harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"], "retryConfig": retry})).await;
    for count in 1..=12 {
        harness.fan_out(count).await;
    }
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 12);
    // Every one of them is due again; the receiver is left alone for ten seconds, and then asked by one.
    harness.deliver_after(9).await;
    assert_eq!(receiver.received().len(), 12);
    harness.deliver_after(1).await;
    assert_eq!(receiver.received().len(), 13);
    harness.deliver_after(19).await;
    assert_eq!(receiver.received().len(), 13);
    receiver.always(Reply::Status(200));
    harness.deliver_after(1).await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 1").await), (25, 12));
    let (_, found) = harness.ask(&platform(), Method::GET, &one(&made), &Value::Null).await;
    assert_eq!(found["status"], "ACTIVE");
}

#[tokio::test]
async fn the_log_is_walked_with_a_cursor_of_its_own() {
    let harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let wanted = json!({"url": receiver.url("/"), "events": ["lead.created"]});
    let (made, other) = (harness.webhook(&wanted).await, harness.webhook(&wanted).await);
    let mut events = Vec::new();
    for count in 1..=3 {
        events.push(harness.fan_out(2 * count).await.id);
        harness.clock.advance(chrono::TimeDelta::seconds(1));
    }
    let walk = async |webhook: &Value, query: &str| {
        let path = format!("{}/deliveries?limit=2{query}", one(webhook));
        harness.ask(&platform(), Method::GET, &path, &Value::Null).await
    };
    let (_, first) = walk(&made, "").await;
    let cursor = format!("&cursor={}", first["nextCursor"].as_str().unwrap());
    let (_, second) = walk(&made, &cursor).await;
    let of = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["payload"]["id"].as_str().unwrap().to_owned()).collect()
    };
    let newest_first: Vec<_> =
        events.iter().rev().map(|id| format!("evt_{}", id.as_uuid().simple())).collect();
    assert_eq!([of(&first), of(&second)].concat(), newest_first);
    assert_eq!(second["nextCursor"], Value::Null);
    let (status, refused) = walk(&other, &cursor).await;
    assert_eq!((status, &refused["details"]["fields"][0]["path"]), (400, &json!("cursor")));
}
