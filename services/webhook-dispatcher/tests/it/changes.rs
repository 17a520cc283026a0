//! Changes of subscriptions: told to whoever names them, and to every replica.

use crate::harness::{Harness, facts, platform, webhooks};
use contracts::Surface;
use contracts::event::CloudEvent;
use contracts::ids::SubscriptionId;
use contracts::webhook::{SubscriptionFacts, SubscriptionUpdated};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::callers;
use testkit::receiver::Receiver;

#[tokio::test]
async fn whoever_names_them_hears_of_the_changes_of_other_subscriptions() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let named = ["created", "updated", "deleted"].map(|verb| format!("webhook.subscription.{verb}"));
    harness.webhook(&json!({"url": receiver.url("/told"), "events": named})).await;
    let made = harness.webhook(&json!({"url": receiver.url("/"), "events": ["lead.*"]})).await;
    let one = format!("{}/{}", webhooks(), made["id"].as_str().unwrap());
    let change = json!({"url": receiver.url("/new"), "status": "PAUSED"});
    // The second time nothing is different.
    for _ in 0..2 {
        assert_eq!(harness.ask(&platform(), Method::PUT, &one, &change).await.0, 200);
    }
    let rotate = format!("{one}/rotate-secret");
    assert_eq!(harness.ask(&platform(), Method::POST, &rotate, &json!({})).await.0, 200);
    assert_eq!(harness.ask(&platform(), Method::DELETE, &one, &Value::Null).await.0, 204);
    harness.calm().await;
    harness.deliver().await;

    let mut told: Vec<Value> = receiver.received().iter().map(testkit::receiver::Received::json).collect();
    told.sort_by_key(|body| (body["eventType"].to_string(), body["data"]["changed"].to_string()));
    let now = harness.clock.now();
    let facts = |url: &str, status: &str| {
        json!({
            "subscription_id": made["id"], "family": "platform", "url": receiver.url(url),
            "events": ["lead.*"], "status": status,
        })
    };
    let with = |mut facts: Value, more: Value| {
        facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        facts
    };
    let expected = [
        ("created", with(facts("/", "active"), json!({"created_at": now}))),
        ("deleted", json!({"subscription_id": made["id"], "deleted_at": now})),
        ("updated", with(facts("/new", "paused"), json!({"changed": ["secret"], "updated_at": now}))),
        ("updated", with(facts("/new", "paused"), json!({"changed": ["url", "status"], "updated_at": now}))),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (body, (verb, data)) in told.iter().zip(&expected) {
        assert_eq!(body["eventType"], json!(format!("webhook.subscription.{verb}")));
        assert_eq!(&body["data"], data);
    }
    // Who subscribes to everything else hears nothing of it.
    assert_eq!(harness.deliveries("true").await, 4);
}

#[tokio::test]
async fn a_change_event_is_enough_for_a_replica_to_know_better() {
    let mut harness = Harness::start_with(|settings| {
        settings.delivery.poll_interval = Duration::from_hours(1);
    })
    .await;
    let receiver = Receiver::start().await;
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.set_state(&made, "paused").await;
    harness.fan_out(1).await;
    harness.start_engine();
    // Written behind the back of everybody.
    harness.set_state(&made, "active").await;
    let data = SubscriptionUpdated {
        facts: SubscriptionFacts {
            subscription_id: made.id.parse::<SubscriptionId>().unwrap(),
            family: Surface::Partner,
            url: receiver.url("/"),
            events: vec!["*".to_owned()],
            status: "active".to_owned(),
        },
        changed: vec!["status".to_owned()],
        updated_at: harness.clock.now(),
    };
    let acme = callers::organization_id("acme");
    testkit::eventually("the delivery", async || {
        harness.publish(&CloudEvent::new(facts(harness.clock.now(), acme, &made.id), data.clone())).await;
        (receiver.received().len() == 1).then_some(())
    })
    .await;
}
