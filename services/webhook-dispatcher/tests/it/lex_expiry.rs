//! LEX messages whose time is over before they are delivered.

use crate::harness::Harness;
use crate::lex::{lead, matched, one, participant, routed, settled, token};
use chrono::{SecondsFormat, TimeDelta};
use contracts::lex::{LexEvent, LexMessage, OnExpiry};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;
use testkit::receiver::{Receiver, Reply};

/// A message that ends after so many seconds from now on.
fn ending(harness: &Harness, seconds: i64, then: OnExpiry) -> LexMessage {
    let end = harness.clock.now() + TimeDelta::seconds(seconds);
    let mut message = lead();
    let end_text = end.to_rfc3339_opts(SecondsFormat::Millis, true);
    message["lex"]["header"]["ttl"] = json!({"expiresAt": end_text, "onExpiry": then});
    LexMessage { expires_at: Some(end), on_expiry: then, hold: true, ..routed(&message) }
}

#[tokio::test]
async fn what_is_too_late_is_not_attempted_and_ends_as_its_sender_wished() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(503));
    let mut all = Vec::new();
    for (then, state, counts) in [
        (OnExpiry::Dlq, "DEAD_LETTER", [0, 1, 0, 1]),
        (OnExpiry::Return, "DEAD_LETTER", [0, 1, 0, 1]),
        (OnExpiry::Discard, "CANCELLED", [0, 0, 1, 0]),
    ] {
        let body = json!({"deliveryEndpoint": receiver.url("/"), "filters": {"senderIds": [then.name()]}});
        let made = harness.lex_subscribe("acme", body).await;
        let mut data = ending(&harness, 60, then);
        data.facts.sender_id = then.name().to_owned();
        all.push((harness.route_through(data).await, made, state, counts));
    }
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 3);
    // The second attempt is due after half a minute; the third would come after the end.
    harness.deliver_after(34).await;
    harness.deliver_after(25).await;
    assert_eq!(
        (receiver.received().len(), harness.deliveries("state = 0").await),
        (6, 3),
        "a second is left"
    );
    harness.deliver_after(1).await;
    let told = harness.lex_outcomes(6).await;
    for (event, made, state, counts) in &all {
        let [row] = &harness.lex_log("acme", made).await[..] else { panic!("not one delivery") };
        let ended = (&row["status"], &row["error"], &row["attemptCount"]);
        assert_eq!(ended, (&json!(state), &json!("expired"), &json!(2)));
        assert!(told.contains(&matched(event, 1)) && told.contains(&settled(event, *counts)), "{told:?}");
    }
    let left = async |table: &str| -> i64 {
        let query = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(query).fetch_one(&harness.pool).await.unwrap()
    };
    assert_eq!((left("attempts").await, left("open_messages").await), (6, 0));
    // Nobody can bring it back: it ends again.
    let row = &harness.lex_log("acme", &all[0].1).await[0];
    let retry = format!("{}/deliveries/{}/retry", one(&all[0].1), row["id"].as_str().unwrap());
    assert_eq!(harness.ask(&token("acme"), Method::POST, &retry, &Value::Null).await.0, 202);
    harness.deliver().await;
    assert_eq!((harness.deliveries("state = 2").await, receiver.received().len()), (2, 6));
}

#[tokio::test]
async fn what_a_paused_subscription_holds_ends_with_its_time() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/")})).await;
    harness.ask(&token("acme"), Method::PATCH, &one(&made), &json!({"status": "PAUSED"})).await;
    let event = harness.route_through(ending(&harness, 60, OnExpiry::Dlq)).await;
    harness.route_through(routed(&lead())).await;
    harness.deliver_after(125).await;
    eventually("its end", async || (harness.deliveries("state = 2").await == 1).then_some(())).await;
    assert!(harness.lex_outcomes(3).await.contains(&settled(&event, [0, 1, 0, 1])));
    harness.ask(&token("acme"), Method::PATCH, &one(&made), &json!({"status": "ACTIVE"})).await;
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn the_window_of_the_exchange_does_not_cut_the_retries_short() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(503)]);
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/")})).await;
    let window = Some(harness.clock.now() + TimeDelta::seconds(10));
    harness.route_through(LexMessage { expires_at: window, hold: true, ..routed(&lead()) }).await;
    harness.deliver().await;
    harness.deliver_after(34).await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 1").await), (2, 1));
}

#[tokio::test]
async fn that_a_message_came_too_late_is_told_in_time() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    harness.lex_subscribe("globex", json!({"deliveryEndpoint": receiver.url("/")})).await;
    let failed = LexMessage {
        events: vec![LexEvent::MessageFailed],
        participants: vec![participant("globex", true)],
        expires_at: None,
        hold: false,
        ..ending(&harness, -60, OnExpiry::Dlq)
    };
    harness.route_through(failed).await;
    harness.deliver().await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 1").await), (1, 1));
}
