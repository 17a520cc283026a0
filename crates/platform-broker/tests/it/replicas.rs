//! Control events: each replica sees all of them, and starts afresh whenever it may have missed some.

use crate::harness::{Process, TOPOLOGY, order, publish, running};
use platform::messaging::OutboundMessage;
use platform_broker::ReplicaHandler;
use serde_json::Value;
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::eventually_within;
use tokio::sync::mpsc;

#[derive(Debug, PartialEq)]
enum Seen {
    Reset,
    Event(i64),
}

struct Caches(mpsc::UnboundedSender<Seen>);

impl ReplicaHandler for Caches {
    const BINDINGS: &'static [&'static str] = &["gateway.client.*.*"];
    type Message = Value;

    async fn reset(&self) {
        self.0.send(Seen::Reset).expect("the test listens");
    }

    async fn handle(&self, message: Value) {
        self.0.send(Seen::Event(message["number"].as_i64().expect("number"))).expect("the test listens");
    }
}

fn replica(process: &Process) -> mpsc::UnboundedReceiver<Seen> {
    let (sender, seen) = mpsc::unbounded_channel();
    process.broker.consume_replica(Caches(sender));
    seen
}

async fn next(seen: &mut mpsc::UnboundedReceiver<Seen>) -> Seen {
    tokio::time::timeout(Duration::from_secs(10), seen.recv())
        .await
        .expect("within 10 s")
        .expect("the replica lives")
}

fn changed(number: u32) -> OutboundMessage {
    OutboundMessage { routing_key: "gateway.client.changed.v1".to_owned(), ..order(number, "succeed") }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_sees_every_event() {
    let (vhost, first) = running().await;
    let second = Process::start(&vhost.settings());
    let (mut seen_first, mut seen_second) = (replica(&first), replica(&second));
    first.ready().await;
    second.ready().await;
    publish(&first.broker, &[changed(1), changed(2)]).await;
    for seen in [&mut seen_first, &mut seen_second] {
        assert_eq!(
            [next(seen).await, next(seen).await, next(seen).await],
            [Seen::Reset, Seen::Event(1), Seen::Event(2)]
        );
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_are_emptied_after_a_lost_connection_and_after_an_event_that_cannot_be_read() {
    let (vhost, process) = running().await;
    let mut seen = replica(&process);
    process.ready().await;
    assert_eq!(next(&mut seen).await, Seen::Reset);
    vhost.publish("events", "gateway.client.changed.v1", serde_json::json!({}), "not json").await;
    assert_eq!(next(&mut seen).await, Seen::Reset);
    eventually_within(Duration::from_secs(30), "the connection is listed and closed", async || {
        (vhost.close_connections("crm-resources consume").await > 0).then_some(())
    })
    .await;
    assert_eq!(next(&mut seen).await, Seen::Reset);
    process.ready().await;
    publish(&process.broker, &[changed(3)]).await;
    assert_eq!(next(&mut seen).await, Seen::Event(3));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_replica_is_left_behind() {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let process = Process::start(&vhost.settings());
    let mut seen = replica(&process);
    process.ready().await;
    assert_eq!(next(&mut seen).await, Seen::Reset);
    process.stop().await;
    let other = Process::start(&vhost.settings());
    other.ready().await;
    // Nobody is bound any more, so the event goes where unrouted events go.
    publish(&other.broker, &[changed(1)]).await;
    crate::harness::lying(&vhost, "events.unrouted", 1).await;
    other.stop().await;
}
