//! Publishing: what is confirmed lies on a queue, what is not is said to be unknown, and nothing hangs.

use crate::harness::{Process, QUEUE, TOPOLOGY, TRACEPARENT, lying, order, publish, running};
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use testkit::broker::TestBroker;
use testkit::eventually;
use testkit::proxy::Proxy;

const UNKNOWN: PublishOutcome = PublishOutcome::Unknown;
const CONFIRMED: PublishOutcome = PublishOutcome::Confirmed;

/// A message on the default exchange, where a key without a queue is returned.
fn direct(number: u32, routing_key: &str) -> OutboundMessage {
    OutboundMessage { exchange: "", routing_key: routing_key.to_owned(), ..order(number, "succeed") }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_unroutable_messages_of_a_window_are_unknown() {
    let (vhost, process) = running().await;
    let publisher = process.broker.publisher();
    let mut routed = HashSet::new();
    for round in 0..12 {
        let unroutable = |number: u32| number % 7 == round % 7;
        let window: Vec<_> = (0..256)
            .map(|number| direct(number, if unroutable(number) { "nowhere" } else { QUEUE.name }))
            .collect();
        let expected: Vec<_> =
            (0..256).map(|number| if unroutable(number) { UNKNOWN } else { CONFIRMED }).collect();
        assert_eq!(publisher.publish(&window).await, expected, "round {round}");
        let ids = window.iter().zip(&expected).filter(|(_, outcome)| **outcome == CONFIRMED);
        routed.extend(ids.map(|(message, _)| message.message_id.to_string()));
    }
    let mut lying = HashSet::new();
    loop {
        let taken = vhost.take(QUEUE.name).await;
        if taken.is_empty() {
            break;
        }
        lying.extend(taken.iter().map(|message| message.message_id().to_owned()));
    }
    assert_eq!(lying, routed);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_message_carries_what_consumers_rely_on() {
    let (vhost, process) = running().await;
    let message = order(1, "succeed");
    publish(&process.broker, std::slice::from_ref(&message)).await;
    let lying = lying(&vhost, QUEUE.name, 1).await;
    let properties = &lying[0].properties;
    assert_eq!(lying[0].payload.as_bytes(), message.payload);
    assert_eq!(properties["message_id"], message.message_id.to_string());
    assert_eq!(properties["type"], "order.placed");
    assert_eq!(properties["app_id"], "crm-resources");
    assert_eq!(properties["content_type"], "application/json");
    assert_eq!(properties["delivery_mode"], 2);
    assert!(properties["timestamp"].as_u64().expect("timestamp") > 1_700_000_000);
    assert_eq!(lying[0].header("traceparent"), TRACEPARENT);
    assert_eq!(lying[0].header("tenant"), "acme");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_binds_is_kept_and_confirmed() {
    let (vhost, process) = running().await;
    let message =
        OutboundMessage { routing_key: "intake.nobody.listens.v1".to_owned(), ..order(1, "succeed") };
    publish(&process.broker, &[message]).await;
    lying(&vhost, "events.unrouted", 1).await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_window_is_published_in_several() {
    let (vhost, process) = running().await;
    let messages: Vec<_> = (0..600).map(|number| order(number, "succeed")).collect();
    publish(&process.broker, &messages).await;
    assert_eq!(vhost.peek(QUEUE.name).await.len(), 600);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_the_broker_closes_costs_one_window() {
    let (_vhost, process) = running().await;
    let publisher = process.broker.publisher();
    let stray = OutboundMessage { exchange: "no-such-exchange", ..order(1, "succeed") };
    assert_eq!(publisher.publish(&[stray]).await, [UNKNOWN]);
    assert_eq!(publisher.publish(&[order(2, "succeed")]).await, [CONFIRMED]);
    assert!(process.problems().is_empty(), "the connection lives on");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_names_do_not_fit_is_unknown_and_harms_no_other() {
    let (_vhost, process) = running().await;
    let long = OutboundMessage { kind: "k".repeat(256), ..order(2, "succeed") };
    let outcomes =
        process.broker.publisher().publish(&[order(1, "succeed"), long, order(3, "succeed")]).await;
    assert_eq!(outcomes, [CONFIRMED, UNKNOWN, CONFIRMED]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_is_dropped_half_way_does_not_confuse_the_next_window() {
    let (_vhost, process) = running().await;
    let publisher = process.broker.publisher();
    publish(&process.broker, &[order(0, "succeed")]).await;
    for _ in 0..20 {
        let abandoned: Vec<_> = (0..256).map(|number| direct(number, "nowhere")).collect();
        let a_moment = async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = publisher.publish(&abandoned) => {}
            () = a_moment => {}
        }
        let window = [direct(1, QUEUE.name), direct(2, "nowhere"), direct(3, QUEUE.name)];
        assert_eq!(publisher.publish(&window).await, [CONFIRMED, UNKNOWN, CONFIRMED]);
    }
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_a_window_is_unknown_within_about_a_second() {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let proxy = Proxy::start(vhost.address().await).await;
    proxy.cut();
    let mut settings = vhost.settings();
    settings.url = vhost.url_through(proxy.address()).into();
    let process = Process::start(&settings);
    let publisher = process.broker.publisher();
    let start = Instant::now();
    assert_eq!(publisher.publish(&[order(1, "succeed")]).await, [UNKNOWN]);
    assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
    assert!(!process.problems().is_empty());
    proxy.pass();
    process.ready().await;
    assert_eq!(publisher.publish(&[order(2, "succeed")]).await, [CONFIRMED]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_costs_the_confirm_timeout_and_heals_by_itself() {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let proxy = Proxy::start(vhost.address().await).await;
    let mut settings = vhost.settings();
    settings.url = vhost.url_through(proxy.address()).into();
    settings.connect_timeout = Duration::from_millis(500);
    settings.confirm_timeout = Duration::from_millis(500);
    settings.request_timeout = Duration::from_millis(500);
    let process = Process::start(&settings);
    process.ready().await;
    let publisher = process.broker.publisher();
    assert_eq!(publisher.publish(&[order(1, "succeed")]).await, [CONFIRMED]);
    proxy.freeze();
    // The first window waits for its confirm; the second finds that no channel opens and gives the
    // connection up; from then on there is none.
    for number in 2..5 {
        let start = Instant::now();
        assert_eq!(publisher.publish(&[order(number, "succeed")]).await, [UNKNOWN]);
        assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
    }
    eventually("the health is red", async || (!process.problems().is_empty()).then_some(())).await;
    proxy.pass();
    process.ready().await;
    assert_eq!(publisher.publish(&[order(5, "succeed")]).await, [CONFIRMED]);
    process.stop().await;
}
