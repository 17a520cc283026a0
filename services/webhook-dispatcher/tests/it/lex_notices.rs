//! What the sender of a LEX message is told at its notification webhook.

use crate::harness::Harness;
use crate::lex::{SECRET, SUBSCRIPTIONS, lead, lex_id, routed, token};
use chrono::{SecondsFormat, TimeDelta};
use contracts::control::{OrganizationChanged, OrganizationFacts};
use contracts::identity::LexTier;
use contracts::lex::{LexMessage, OnExpiry};
use reqwest::Method;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use signing::{Family, Secret};
use testkit::callers;
use testkit::eventually;
use testkit::receiver::{Receiver, Reply};

/// Says where globex wants to be told, as the control plane does.
async fn tell_at(harness: &Harness, url: Option<String>, version: i64) {
    let globex = callers::organization_id("globex");
    let organization = OrganizationFacts {
        id: globex,
        slug: "globex".to_owned(),
        name: "Globex".to_owned(),
        lex_organization_id: Some(lex_id("globex")),
        lex_aliases: Vec::new(),
        lex_level: None,
        lex_tier: LexTier::Standard,
        lex_notification_webhook: url.clone(),
    };
    let mut event = harness.control(globex, OrganizationChanged { organization });
    event.aggregateversion = version;
    harness.publish(&event).await;
    eventually("the change", async || {
        let known: Option<String> =
            sqlx::query_scalar("select url from subscriptions where notices and state <> 'deleted'")
                .fetch_optional(&harness.pool)
                .await
                .unwrap();
        (known == url).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_sender_is_told_of_a_dead_letter_and_can_verify_it() {
    let mut harness = Harness::start().await;
    let (told, failing) = (Receiver::start().await, Receiver::start().await);
    failing.always(Reply::with_body(422, "no such dealer: Sarah"));
    tell_at(&harness, Some(told.url("/notices")), 1).await;
    harness
        .lex_subscribe(
            "globex",
            json!({"deliveryEndpoint": told.url("/own"), "eventTypes": ["MESSAGE_FAILED"]}),
        )
        .await;
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": failing.url("/")})).await;
    let message = lead();
    let event = harness.route_through(routed(&message)).await;
    harness.deliver().await;
    harness.deliver().await;
    let [request] = &told.received()[..] else { panic!("not one notice") };
    assert_eq!(request.path, "/notices");
    let header = request.header("x-lex-signature").unwrap();
    Family::Lex.verify(header, &request.body, &Secret::new(SECRET), 0).unwrap();
    let dlq = &request.json()["dlq"];
    assert_eq!(
        dlq["dlqId"],
        format!("DLQ-{}-{}", harness.clock.now().format("%Y"), event.id.as_uuid().simple())
    );
    assert_eq!(
        (&dlq["failureCategory"], &dlq["failureReason"]),
        (&json!("PERMANENT_SCHEMA_ERROR"), &json!("HTTP_422"))
    );
    assert_eq!((&dlq["attemptCount"], &dlq["originalMessage"]), (&json!(1), &message));
    assert!(!request.json().to_string().contains("no such dealer"), "an answer is not passed on");
    // No list shows where it went, and it leads to nothing more.
    let (_, listed) = harness.ask(&token("globex"), Method::GET, SUBSCRIPTIONS, &Value::Null).await;
    assert_eq!(listed["subscriptions"].as_array().unwrap().len(), 1);
    harness.calm().await;
    harness.deliver_after(100_000).await;
    assert_eq!(told.received().len(), 1);
}

#[tokio::test]
async fn the_sender_gets_back_what_it_wants_back_and_hears_nothing_of_what_it_wants_dropped() {
    let mut harness = Harness::start().await;
    let told = Receiver::start().await;
    tell_at(&harness, Some(told.url("/")), 1).await;
    let end = harness.clock.now() + TimeDelta::hours(1);
    let mut messages = Vec::new();
    for then in [OnExpiry::Return, OnExpiry::Dlq, OnExpiry::Discard] {
        let mut message = lead();
        let end_text = end.to_rfc3339_opts(SecondsFormat::Millis, true);
        message["lex"]["header"]["ttl"] = json!({"expiresAt": end_text, "onExpiry": then});
        let data = LexMessage { expires_at: Some(end), on_expiry: then, hold: true, ..routed(&message) };
        harness.route_through(data).await;
        messages.push(message);
    }
    harness.clock.advance(TimeDelta::hours(1));
    harness.lex_outcomes(6).await;
    harness.deliver().await;
    let mut bodies: Vec<Value> = told.received().iter().map(testkit::receiver::Received::json).collect();
    bodies.sort_by_key(|body| body.get("dlq").is_some());
    let [returned, dead] = &bodies[..] else { panic!("{bodies:?}") };
    assert_eq!(returned, &messages[0]);
    assert_eq!(dead["dlq"]["failureCategory"], "TTL_EXPIRED");
    assert_eq!(dead["dlq"]["originalMessage"], messages[1]);
    // It has no subscription whose secret it knows, so nothing is signed in a way that it could not verify.
    assert!(told.received().iter().all(|request| request.header("x-lex-signature").is_none()));
}

#[tokio::test]
async fn a_notice_that_came_with_a_message_is_sent_where_the_organisation_says_last() {
    let mut harness = Harness::start().await;
    let (first, second) = (Receiver::start().await, Receiver::start().await);
    second.next([Reply::Status(503)]);
    tell_at(&harness, Some(first.url("/")), 1).await;
    tell_at(&harness, Some(second.url("/")), 3).await;
    let with_notice = || LexMessage {
        notice: Some(to_raw_value(&json!({"dlq": {"dlqId": "DLQ-2026-1"}})).unwrap()),
        ..routed(&lead())
    };
    let event = harness.route_through(with_notice()).await;
    harness.publish(&event).await;
    harness.deliver().await;
    harness.deliver_after(34).await;
    let received = second.received();
    assert_eq!((first.received().len(), received.len()), (0, 2));
    assert_eq!(received[1].json(), json!({"dlq": {"dlqId": "DLQ-2026-1"}}));
    // What is older than what is known is passed over.
    let before: i64 =
        sqlx::query_scalar("select version from organizations").fetch_one(&harness.pool).await.unwrap();
    assert_eq!(before, 3);
    tell_at(&harness, None, 4).await;
    harness.route_through(with_notice()).await;
    harness.deliver().await;
    assert_eq!(second.received().len(), 2);
}
