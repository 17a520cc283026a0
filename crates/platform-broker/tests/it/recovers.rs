//! Recovering: a lost queue, channel, connection or broker is noticed, shown and healed.

use crate::harness::{Orders, Process, QUEUE, TOPOLOGY, order, publish, running};
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::proxy::Proxy;
use testkit::{eventually, eventually_within};

async fn red(process: &Process) -> Vec<String> {
    eventually("the health is red", async || {
        let problems = process.problems();
        (!problems.is_empty()).then_some(problems)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_noticed_and_consumed_again_when_it_is_back() {
    let (vhost, process) = running().await;
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    process.ready().await;
    vhost.delete_queue(QUEUE.name).await;
    let problems = eventually("the reason is shown", async || {
        process.problems().into_iter().find(|problem| problem.contains("no queue"))
    })
    .await;
    assert!(problems.starts_with("consumer of crm-resources.orders: not working for"), "{problems}");
    vhost.apply(TOPOLOGY).await;
    process.ready().await;
    publish(&process.broker, &[order(1, "succeed")]).await;
    assert_eq!(calls.next_numbers().await, [1]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_broker_closes_are_opened_anew() {
    let (vhost, process) = running().await;
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    process.ready().await;
    for name in ["crm-resources consume", "crm-resources publish"] {
        eventually_within(Duration::from_secs(30), "the connection is listed and closed", async || {
            (vhost.close_connections(name).await > 0).then_some(())
        })
        .await;
        red(&process).await;
        process.ready().await;
    }
    publish(&process.broker, &[order(1, "succeed")]).await;
    assert_eq!(calls.next_numbers().await, [1]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_hand_when_the_connection_is_lost_comes_again() {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let proxy = Proxy::start(vhost.address().await).await;
    let mut settings = vhost.settings();
    settings.url = vhost.url_through(proxy.address()).into();
    let process = Process::start(&settings);
    process.ready().await;
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    publish(&process.broker, &[order(1, "wait")]).await;
    assert_eq!(calls.next_numbers().await, [1]);
    proxy.cut();
    red(&process).await;
    calls.permits.add_permits(10);
    proxy.pass();
    let again = calls.next().await;
    assert_eq!(again[0].message.number, 1);
    assert_eq!(again[0].attempt, 1, "a redelivery is not an attempt");
    assert!(again[0].redelivered);
    process.ready().await;
    process.stop().await;
    assert!(vhost.peek(QUEUE.name).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_starts_without_a_broker_and_heals_by_itself() {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let proxy = Proxy::start(vhost.address().await).await;
    proxy.cut();
    let mut settings = vhost.settings();
    settings.url = vhost.url_through(proxy.address()).into();
    let process = Process::start(&settings);
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    let problems = process.problems();
    assert_eq!(problems.len(), 3, "{problems:?}");
    proxy.pass();
    process.ready().await;
    publish(&process.broker, &[order(1, "succeed")]).await;
    assert_eq!(calls.next_numbers().await, [1]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_is_given_up_by_its_silence() {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let proxy = Proxy::start(vhost.address().await).await;
    let mut settings = vhost.settings();
    settings.url = vhost.url_through(proxy.address()).into();
    settings.heartbeat = Duration::from_secs(1);
    settings.connect_timeout = Duration::from_millis(500);
    let process = Process::start(&settings);
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    process.ready().await;
    proxy.freeze();
    red(&process).await;
    proxy.pass();
    process.ready().await;
    publish(&process.broker, &[order(1, "succeed")]).await;
    assert_eq!(calls.next_numbers().await, [1]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_without_a_broker_is_quick() {
    let vhost = TestBroker::start().await;
    let proxy = Proxy::start(vhost.address().await).await;
    proxy.freeze();
    let mut settings = vhost.settings();
    settings.url = vhost.url_through(proxy.address()).into();
    let process = Process::start(&settings);
    let (handler, _calls) = Orders::<1>::new();
    process.broker.consume(handler);
    let stopping = tokio::time::timeout(Duration::from_secs(1), process.stop());
    assert!(stopping.await.is_ok(), "the connect under way held the shutdown up");
}
