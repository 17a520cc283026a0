//! What was published arrives, also when somebody takes it out of the queue.

use crate::harness::{Harness, lead_created, webhook_ids};
use chrono::TimeDelta;
use contracts::event::CloudEvent;
use contracts::lead::LeadCreated;
use platform::clock::Clock;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::eventually;
use testkit::receiver::Receiver;
use webhook_dispatcher::Settings;

const QUEUE: &str = "webhook-dispatcher.events";
const TAPE: &str = "webhook-dispatcher.tape";

fn often(settings: &mut Settings) {
    settings.accounting.interval = Duration::from_millis(100);
}

/// Publishes events as one message, which says when.
async fn publish(
    broker: &TestBroker,
    clock: &Clock,
    exchange: &str,
    key: &str,
    events: &[CloudEvent<LeadCreated>],
) {
    let properties = json!({
        "message_id": events[0].id, "timestamp": clock.now().timestamp(), "delivery_mode": 2,
    });
    let payload = match events {
        [event] => serde_json::to_string(event).unwrap(),
        _ => serde_json::to_string(events).unwrap(),
    };
    broker.publish(exchange, key, properties, &payload).await;
}

fn figure(rendered: &str, name: &str) -> Option<f64> {
    let line = rendered.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn events_that_were_deleted_from_the_queue_by_hand_are_brought_back_and_delivered_once() {
    let figures = platform::telemetry::metrics_recorder().unwrap().install_recorder().unwrap();
    let mut published = Vec::new();
    let mut harness = Harness::start_after(often, async |broker, clock| {
        published.extend((0..8).map(|_| lead_created(clock.now())));
        for event in &published[..5] {
            publish(broker, clock, "events", "intake.lead.created.v1", std::slice::from_ref(event)).await;
        }
        publish(broker, clock, "events", "ingest.event.accepted.v1", &published[5..]).await;
        let mut taken = 0;
        eventually("all messages, deleted", async || {
            taken += broker.take(QUEUE).await.len();
            (taken == 6).then_some(())
        })
        .await;
    })
    .await;
    let receiver = Receiver::start().await;
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    // What is in the queue is as usual, and what is young is not looked for.
    published.push(harness.fan_out(1).await);
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 1);

    harness.clock.advance(TimeDelta::seconds(31));
    eventually("eight events missing", async || {
        (figure(&figures.render(), "leadwire_unaccounted_events") == Some(8.0)).then_some(())
    })
    .await;
    harness.wait_for_deliveries(9).await;
    eventually("no event missing", async || {
        (figure(&figures.render(), "leadwire_unaccounted_events") == Some(0.0)).then_some(())
    })
    .await;
    assert_eq!(figure(&figures.render(), "leadwire_restored_events_total"), Some(8.0));

    // However else they come back: it is too late.
    publish(&harness.broker, &harness.clock, "events", "intake.lead.created.v1", &published[..1]).await;
    harness.calm().await;
    harness.deliver().await;
    let received = receiver.received();
    let ids: BTreeSet<_> = received.iter().map(|request| request.json()["id"].to_string()).collect();
    let expected: BTreeSet<_> = published.iter().map(|event| json!(event.id).to_string()).collect();
    assert_eq!((received.len(), ids), (9, expected));
    assert_eq!(webhook_ids(&received).into_iter().collect::<BTreeSet<_>>().len(), 9);
}

#[tokio::test]
async fn a_tape_that_was_declared_anew_is_read_from_its_beginning() {
    let harness = Harness::start_with(often).await;
    harness.subscribe("https://93.184.216.34/", &["*"]).await;
    for count in 1..=2 {
        // Nothing but the tape has it.
        let event = harness.lead_created();
        publish(&harness.broker, &harness.clock, "", TAPE, &[event]).await;
        harness.clock.advance(TimeDelta::seconds(31));
        harness.wait_for_deliveries(count).await;
        harness.broker.delete_queue(TAPE).await;
        harness.broker.apply(platform_broker::topology::PLATFORM).await;
    }
}

#[tokio::test]
async fn what_can_never_arrive_is_not_missed() {
    let figures = platform::telemetry::metrics_recorder().unwrap().install_recorder().unwrap();
    let harness = Harness::start_with(often).await;
    harness.subscribe("https://93.184.216.34/", &["*"]).await;
    let organization = testkit::callers::organization_id("globex");
    sqlx::query("insert into gone (what, id, gone_at) values ('organization', $1, now())")
        .bind(organization.as_uuid())
        .execute(&harness.pool)
        .await
        .unwrap();
    let mut of_the_gone = harness.lead_created();
    of_the_gone.tenantid = organization;
    let ancient = lead_created(harness.clock.now() - TimeDelta::weeks(60));
    for event in [of_the_gone, ancient, harness.lead_created()] {
        publish(&harness.broker, &harness.clock, "", TAPE, &[event]).await;
    }
    harness.broker.publish("", TAPE, json!({}), "not json").await;
    harness.clock.advance(TimeDelta::seconds(31));
    harness.wait_for_deliveries(1).await;
    eventually("everything accounted for", async || {
        let offset: Option<i64> =
            sqlx::query_scalar("select last_offset from tape").fetch_one(&harness.pool).await.unwrap();
        (offset == Some(3)).then_some(())
    })
    .await;
    assert_eq!(figure(&figures.render(), "leadwire_restored_events_total"), Some(1.0));
    eventually("no event missing", async || {
        (figure(&figures.render(), "leadwire_unaccounted_events") == Some(0.0)).then_some(())
    })
    .await;
}
