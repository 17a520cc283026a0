//! What the publisher of a tracked event is told: once that it was matched, once that it is settled.

use crate::harness::{Harness, webhook_ids};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use testkit::receiver::{Receiver, Reply};
use testkit::{callers, eventually_within};
use tokio::task::JoinSet;

fn matched(event: impl serde::Serialize, count: u32) -> (String, Value) {
    let data = json!({"event_id": event, "source": "lead-intake", "count": count});
    ("webhook.event.matched".to_owned(), data)
}

fn settled(
    event: impl serde::Serialize,
    delivered: u32,
    dead_letter: u32,
    cancelled: u32,
) -> (String, Value) {
    let data = json!({
        "event_id": event, "source": "lead-intake", "delivered": delivered, "dead_letter": dead_letter,
        "cancelled": cancelled, "expired": 0,
    });
    ("webhook.event.settled".to_owned(), data)
}

#[tokio::test]
async fn what_comes_anew_among_events_that_came_before_is_stored_and_said_once() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    let before = harness.fan_out(1).await;
    assert_eq!(harness.outcomes(1).await, [matched(before.id, 1)]);
    let (one, other) = (harness.lead_created(), harness.lead_created());
    let mut of_globex = harness.lead_created();
    of_globex.tenantid = callers::organization_id("globex");
    sqlx::query("insert into gone (what, id, gone_at) values ('organization', $1, now())")
        .bind(of_globex.tenantid.as_uuid())
        .execute(&harness.pool)
        .await
        .unwrap();
    harness.publish_together(&[one.clone(), before.clone()]).await;
    harness.publish_together(&[of_globex, other.clone()]).await;
    harness.wait_for_deliveries(3).await;
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 3);
    harness.calm().await;
    let said = harness.outcomes(6).await;
    let times = |what: &(String, Value)| said.iter().filter(|said| *said == what).count();
    for event in [before.id, one.id, other.id] {
        assert_eq!(times(&matched(event, 1)), 1, "{said:?}");
        assert_eq!(times(&settled(event, 1, 0, 0)), 1, "{said:?}");
    }
    assert_eq!(said.len(), 6);
}

#[tokio::test]
async fn an_event_is_matched_once_and_settled_when_its_last_delivery_ends() {
    let mut harness = Harness::start().await;
    let (good, bad) = (Receiver::start().await, Receiver::start().await);
    bad.next([Reply::Status(500), Reply::Status(410)]);
    harness.subscribe(&good.url("/"), &["lead.*"]).await;
    let failing = harness.subscribe(&bad.url("/"), &["*"]).await;
    let event = harness.fan_out(2).await;
    // The broker may bring it twice.
    harness.publish(&event).await;
    assert_eq!(harness.outcomes(1).await, [matched(event.id, 2)]);
    harness.deliver().await;
    assert_eq!((good.received().len(), bad.received().len()), (1, 1));
    harness.calm().await;
    assert_eq!(harness.outcomes(1).await.len(), 1);
    harness.deliver_after(10).await;
    let expected = [matched(event.id, 2), settled(event.id, 1, 1, 0)];
    assert_eq!(harness.outcomes(2).await, expected);

    // What is tried again was settled before.
    let acme = callers::partner("acme", &["webhooks:write"]);
    let one = format!("{}/{}", crate::harness::SUBSCRIPTIONS, failing.id);
    let (status, _) = harness.ask(&acme, Method::PATCH, &one, &json!({"active": true})).await;
    assert_eq!(status, 200);
    let log = harness.log(&failing).await;
    let dead = log.iter().find(|row| row["event_id"] == json!(event.id)).unwrap();
    let retry = format!("{one}/deliveries/{}/retry", dead["id"].as_str().unwrap());
    assert_eq!(harness.ask(&acme, Method::POST, &retry, &Value::Null).await.0, 202);
    harness.deliver().await;
    assert_eq!(harness.log(&failing).await[0]["status"], "delivered");
    harness.calm().await;
    assert_eq!(harness.outcomes(2).await, expected);
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_matched_and_settled_at_once() {
    let harness = Harness::start().await;
    let made = harness.subscribe("https://93.184.216.34/", &["lead.created"]).await;
    let mut unwanted = harness.lead_created();
    unwanted.kind = "lead.updated".to_owned();
    harness.publish(&unwanted).await;
    harness.publish(&unwanted).await;
    assert_eq!(harness.outcomes(2).await, [matched(unwanted.id, 0), settled(unwanted.id, 0, 0, 0)]);
    // A disabled subscription wants it, and gets nothing.
    harness.set_state(&made, "disabled").await;
    let skipped = harness.fan_out(1).await;
    let told = harness.outcomes(4).await;
    assert_eq!(told[2..], [matched(skipped.id, 1), settled(skipped.id, 0, 0, 1)]);
    harness.calm().await;
    assert_eq!(harness.outcomes(4).await.len(), 4);
}

#[tokio::test]
async fn events_about_webhooks_reach_who_names_them_and_lead_to_no_others() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    harness.subscribe(&receiver.url("/all"), &["*", "webhook.*"]).await;
    harness.subscribe(&receiver.url("/named"), &["webhook.event.settled"]).await;
    let event = harness.fan_out(1).await;
    harness.deliver().await;
    harness.wait_for_deliveries(2).await;
    harness.deliver().await;
    let received = receiver.received();
    let paths: Vec<_> = received.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/all", "/named"]);
    let body = received[1].json();
    assert_eq!(body["event"], "webhook.event.settled");
    assert_eq!(body["data"]["event_id"], json!(event.id));
    harness.calm().await;
    assert_eq!(harness.outcomes(2).await.len(), 2);
    // Of what nobody named there is no trace.
    let kinds: Vec<String> = sqlx::query_scalar("select distinct kind from events order by kind")
        .fetch_all(&harness.pool)
        .await
        .unwrap();
    assert_eq!(kinds, ["lead.created", "webhook.event.settled"]);
}

#[tokio::test]
async fn replicas_that_race_settle_each_event_once() {
    const EVENTS: usize = 15;
    let mut harness = Harness::start_with(|settings| {
        settings.delivery.lease_renewal = std::time::Duration::from_millis(100);
    })
    .await;
    let receiver = Receiver::start().await;
    for number in 0..8 {
        harness.subscribe(&receiver.url(&format!("/{number}")), &["*"]).await;
    }
    harness.start_engine();
    let (other_service, other) = harness.replica().await;
    let mut engines = JoinSet::new();
    engines.spawn(other.run(other_service.process.shutdown.clone()));
    let mut ids = Vec::new();
    for _ in 0..EVENTS {
        let event = harness.lead_created();
        harness.publish(&event).await;
        harness.publish(&event).await;
        ids.push(event.id.to_string());
    }
    let limit = std::time::Duration::from_secs(20);
    eventually_within(limit, "all settled", async || {
        (harness.deliveries("state = 1").await == i64::try_from(EVENTS).unwrap() * 8).then_some(())
    })
    .await;
    harness.outcomes(2 * EVENTS).await;
    harness.calm().await;
    let told = harness.outcomes(2 * EVENTS).await;
    let mut by_event: HashMap<&str, Vec<&(String, Value)>> = HashMap::new();
    for outcome in &told {
        by_event.entry(outcome.1["event_id"].as_str().unwrap()).or_default().push(outcome);
    }
    assert_eq!((told.len(), by_event.len()), (2 * EVENTS, EVENTS));
    for id in &ids {
        let of_event = &by_event[id.as_str()];
        assert!(of_event.contains(&&matched(id, 8)) && of_event.contains(&&settled(id, 8, 0, 0)), "{id}");
    }
    let received = receiver.received();
    assert!(webhook_ids(&received).len() >= EVENTS * 8);
}
