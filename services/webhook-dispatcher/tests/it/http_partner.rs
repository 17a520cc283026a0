//! What partners may do with one subscription: see, change, delete it, rotate its secret, test and recover.

use crate::harness::{Harness, SUBSCRIPTIONS, Subscribed};
use contracts::identity::Principal;
use reqwest::Method;
use serde_json::{Value, json};
use signing::{Family, Secret};
use testkit::callers;
use testkit::receiver::{Receiver, Reply};

fn acme() -> Principal {
    callers::partner("acme", &["webhooks:write"])
}

fn path(made: &Subscribed, rest: &str) -> String {
    format!("{SUBSCRIPTIONS}/{}{rest}", made.id)
}

#[tokio::test]
async fn one_subscription_is_shown_as_in_the_list() {
    let harness = Harness::start().await;
    let made = harness.subscribe("https://93.184.216.34/hook", &["lead.*"]).await;
    let (status, found) = harness.ask(&acme(), Method::GET, &path(&made, ""), &Value::Null).await;
    assert_eq!((status, &found), (200, &json!({"ok": true, "data": harness.list().await[0]})));
}

#[tokio::test]
async fn a_change_names_what_becomes_different() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.subscribe(&receiver.url("/old"), &["lead.created"]).await;
    let change = async |harness: &Harness, body: Value| {
        harness.ask(&acme(), Method::PATCH, &path(&made, ""), &body).await
    };
    let body = json!({"url": receiver.url("/new"), "description": "all", "rate_limit": 100, "active": false});
    let (status, changed) = change(&harness, body).await;
    let data = &changed["data"];
    assert_eq!((status, &data["active"], &data["description"]), (200, &json!(false), &json!("all")));
    assert_eq!((&data["rate_limit"], &data["events"]), (&json!(100), &json!(["lead.created"])));
    harness.fan_out(1).await;
    harness.deliver_after(100).await;
    assert_eq!(receiver.received().len(), 0);
    let (_, changed) = change(&harness, json!({"active": true, "description": null})).await;
    assert_eq!((changed["data"].get("description"), &changed["data"]["active"]), (None, &json!(true)));
    harness.deliver().await;
    assert_eq!(receiver.received()[0].path, "/new");
    let (status, refused) =
        change(&harness, json!({"url": 5, "events": ["lead created"], "active": "yes"})).await;
    assert_eq!((status, &refused["error"]["code"]), (422, &json!("VALIDATION_FAILED")));
    assert_eq!(refused["error"]["details"]["fields"].as_array().unwrap().len(), 3);
    let reader = callers::partner("acme", &["webhooks:read"]);
    assert_eq!(harness.ask(&reader, Method::PATCH, &path(&made, ""), &json!({})).await.0, 403);
}

#[tokio::test]
async fn a_deleted_subscription_is_gone_and_gets_nothing_more() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(500));
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    assert_eq!(harness.ask(&acme(), Method::DELETE, &path(&made, ""), &Value::Null).await.0, 204);
    assert_eq!(harness.ask(&acme(), Method::DELETE, &path(&made, ""), &Value::Null).await.0, 404);
    assert_eq!(harness.list().await, Vec::<Value>::new());
    // Before its next try is due.
    harness.deliver().await;
    assert_eq!(harness.deliveries("state = 4").await, 1);
    harness.calm().await;
    harness.publish(&harness.lead_created()).await;
    harness.calm().await;
    harness.deliver_after(1_000).await;
    assert_eq!((harness.deliveries("true").await, receiver.received().len()), (1, 1));
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_new_one() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    let body = json!({"overlap_seconds": 60});
    let (status, rotated) = harness.ask(&acme(), Method::POST, &path(&made, "/rotate-secret"), &body).await;
    assert_eq!((status, &rotated["ok"]), (200, &json!(true)));
    let secret = rotated["data"]["hmac_secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret != made.secret);
    harness.fan_out(1).await;
    harness.deliver().await;
    harness.clock.advance(chrono::TimeDelta::seconds(60));
    harness.fan_out(2).await;
    harness.deliver().await;
    let received = receiver.received();
    let verify = |request: usize, name: &str, secret: &str| {
        let request = &received[request];
        Family::Partner.verify(request.header(name).unwrap(), &request.body, &Secret::new(secret), 0)
    };
    verify(0, "x-fulfillment-signature", secret).unwrap();
    verify(0, "x-fulfillment-signature-previous", &made.secret).unwrap();
    assert_eq!(received[0].header("webhook-signature").unwrap().split(' ').count(), 2);
    verify(1, "x-fulfillment-signature", secret).unwrap();
    assert_eq!(received[1].header("x-fulfillment-signature-previous"), None);
    let refused = json!({"overlap_seconds": -1});
    assert_eq!(harness.ask(&acme(), Method::POST, &path(&made, "/rotate-secret"), &refused).await.0, 422);
}

#[tokio::test]
async fn test_retry_and_recover_speak_the_partners_dialect() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(410)]);
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    harness.fan_out(2).await;
    let ask = async |harness: &Harness, rest: &str, body: Value| {
        harness.ask(&acme(), Method::POST, &path(&made, rest), &body).await
    };
    let since = json!({"since": harness.clock.now() - chrono::TimeDelta::hours(1)});
    // 410 has disabled it.
    for rest in ["/test", "/recover"] {
        let (status, refused) = ask(&harness, rest, since.clone()).await;
        assert_eq!((status, &refused["error"]["code"]), (409, &json!("CONFLICT")), "{rest}");
    }
    harness.ask(&acme(), Method::PATCH, &path(&made, ""), &json!({"active": true})).await;
    let (status, begun) = ask(&harness, "/recover", since).await;
    assert_eq!((status, &begun["data"]["recovered"], &begun["data"]["done"]), (202, &json!(2), &json!(true)));
    assert_eq!(begun["data"]["status"], json!(["dead_letter", "skipped_disabled"]));
    harness.deliver_after(1).await;
    let log = harness.log(&made).await;
    assert!(log.iter().all(|row| row["status"] == "delivered"), "{log:?}");
    let (status, test) = ask(&harness, "/test", Value::Null).await;
    assert_eq!((status, &test["data"]["event_type"]), (202, &json!("webhook.test")));
    harness.deliver().await;
    let retry = format!("/deliveries/{}/retry", test["data"]["id"].as_str().unwrap());
    let (status, again) = ask(&harness, &retry, Value::Null).await;
    assert_eq!((status, &again["data"]["status"]), (202, &json!("pending")));
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 5);
}
