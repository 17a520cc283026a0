//! Fan-out: which deliveries an event leads to.

use crate::harness::{Harness, lead_created};
use chrono::TimeDelta;
use testkit::eventually;
use testkit::receiver::Receiver;

#[tokio::test]
async fn an_event_that_comes_twice_is_delivered_once() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    let event = harness.lead_created();
    harness.publish(&event).await;
    harness.publish(&event).await;
    harness.wait_for_deliveries(1).await;
    harness.deliver().await;
    harness.publish(&event).await;
    // A later event has overtaken nothing: the queue is in order.
    harness.fan_out(2).await;
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn each_subscription_that_wants_it_gets_it_once() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    for (path, filters) in
        [("/a", vec!["lead.created", "lead.*", "*"]), ("/b", vec!["lead.*"]), ("/c", vec!["lead.completed"])]
    {
        harness.subscribe(&receiver.url(path), &filters).await;
    }
    harness.fan_out(2).await;
    harness.deliver().await;
    let mut paths: Vec<_> = receiver.received().into_iter().map(|request| request.path).collect();
    paths.sort();
    assert_eq!(paths, ["/a", "/b"]);
}

#[tokio::test]
async fn events_of_others_and_from_elsewhere_are_not_matched() {
    let harness = Harness::start().await;
    harness.subscribe("https://93.184.216.34/", &["*"]).await;
    let mut of_globex = harness.lead_created();
    of_globex.tenantid = testkit::callers::organization_id("globex");
    harness.publish(&of_globex).await;
    let mut of_crm = harness.lead_created();
    of_crm.source = "/leadwire/crm-resources".to_owned();
    harness.publish(&of_crm).await;
    harness.fan_out(1).await;
    // They are accounted for, and what they carry is not kept.
    let kept: Vec<bool> = sqlx::query_scalar("select payload <> '' as kept from events order by kept")
        .fetch_all(&harness.pool)
        .await
        .unwrap();
    assert_eq!(kept, [false, false, true]);
}

#[tokio::test]
async fn an_event_that_was_held_up_for_weeks_is_delivered() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.publish(&lead_created(harness.clock.now() - TimeDelta::weeks(4))).await;
    harness.wait_for_deliveries(1).await;
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_event_that_can_never_be_stored_is_a_dead_letter_and_holds_nobody_up() {
    let harness = Harness::start().await;
    harness.subscribe("https://93.184.216.34/", &["*"]).await;
    let ancient = lead_created(harness.clock.now() - TimeDelta::weeks(60));
    harness.publish(&ancient).await;
    harness.fan_out(1).await;
    let letters = eventually("the dead letter", async || {
        let letters = harness.broker.peek("webhook-dispatcher.events.dlq").await;
        (!letters.is_empty()).then_some(letters)
    })
    .await;
    assert_eq!(letters[0].message_id(), ancient.id.to_string());
    assert_eq!(letters[0].header("x-error-kind"), "permanent");
}

#[tokio::test]
async fn a_missing_partition_is_made_when_it_is_needed() {
    let harness = Harness::start().await;
    harness.subscribe("https://93.184.216.34/", &["*"]).await;
    let partitions: Vec<String> = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'deliveries'::regclass",
    )
    .fetch_all(&harness.pool)
    .await
    .unwrap();
    for partition in partitions {
        let drop_it = format!("drop table {partition}");
        sqlx::query(sqlx::AssertSqlSafe(drop_it)).execute(&harness.pool).await.unwrap();
    }
    harness.fan_out(1).await;
}

#[tokio::test]
async fn a_new_subscription_gets_the_next_event_whichever_replica_fans_it_out() {
    let harness = Harness::start().await;
    let _other = harness.replica().await;
    for count in 1..=15 {
        // Each gets every event from its own creation on.
        harness.subscribe("https://93.184.216.34/", &["*"]).await;
        harness.fan_out(count * (count + 1) / 2).await;
    }
}

#[tokio::test]
async fn a_batch_of_events_is_fanned_out_one_by_one_and_a_hopeless_one_alone_is_lost() {
    let harness = Harness::start().await;
    harness.subscribe("https://93.184.216.34/", &["*"]).await;
    let mut batch: Vec<_> = (0..3).map(|_| harness.lead_created()).collect();
    batch.push(lead_created(harness.clock.now() - TimeDelta::weeks(60)));
    let properties = serde_json::json!({"message_id": testkit::unique_id(), "delivery_mode": 2});
    let payload = serde_json::to_string(&batch).unwrap();
    harness.broker.publish("events", "ingest.event.accepted.v1", properties, &payload).await;
    harness.wait_for_deliveries(3).await;
    let letters = eventually("the dead letter", async || {
        let letters = harness.broker.take("webhook-dispatcher.events.dlq").await;
        (letters.len() == 1).then_some(letters)
    })
    .await;
    // Replayed as it is, it leads to nothing more.
    let replayed = letters[0].payload.as_str();
    let properties = serde_json::json!({"message_id": testkit::unique_id(), "delivery_mode": 2});
    harness.broker.publish("", "webhook-dispatcher.events", properties, replayed).await;
    harness.fan_out(4).await;
    assert_eq!(harness.deliveries("true").await, 4);
    let ids: Vec<uuid::Uuid> = batch.iter().map(|event| event.id.as_uuid()).collect();
    let kept: i64 = sqlx::query_scalar("select count(*) from events where event_id = any($1)")
        .bind(ids)
        .fetch_one(&harness.pool)
        .await
        .unwrap();
    assert_eq!(kept, 3);
}
