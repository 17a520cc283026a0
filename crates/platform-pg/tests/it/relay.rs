//! Relay and sweeper: every committed event reaches the queue, whatever happens to broker and relay.

use crate::ledger::Ledger;
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use platform_pg::relay::Relay;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::proxy::Proxy;
use testkit::{eventually, eventually_within};

/// A publisher whose process dies before it learns what became of the window.
struct Killed<P>(P);

impl<P: Publish> Publish for Killed<P> {
    async fn publish(&self, window: &[OutboundMessage]) -> Vec<PublishOutcome> {
        self.0.publish(window).await;
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_is_handed_over_arrives_at_once_and_leaves_the_outbox() {
    let ledger = Ledger::start().await;
    let broker = ledger.connect(&ledger.broker.settings());
    let relay =
        Relay::start(&ledger.pool, broker.publisher(), &ledger.process.tasks, &ledger.process.shutdown);
    let entries = ledger.commit(1_000).await;
    let committed: BTreeSet<_> = entries.iter().map(|entry| entry.event.event_id).collect();
    relay.hand_over(entries);
    eventually("all events", async || (ledger.arrivals.ids() == committed).then_some(())).await;
    eventually("an empty outbox", async || (ledger.in_outbox().await == 0).then_some(())).await;
}

/// A publisher that counts the windows.
struct Counted<P>(P, Arc<AtomicUsize>);

impl<P: Publish> Publish for Counted<P> {
    async fn publish(&self, window: &[OutboundMessage]) -> Vec<PublishOutcome> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.publish(window).await
    }
}

#[tokio::test]
async fn what_is_not_urgent_leaves_in_company() {
    let ledger = Ledger::start().await;
    let broker = ledger.connect(&ledger.broker.settings());
    let windows = Arc::new(AtomicUsize::new(0));
    let publisher = Counted(broker.publisher(), Arc::clone(&windows));
    let relay = Relay::lingering(&ledger.pool, publisher, &ledger.process.tasks, &ledger.process.shutdown);
    for entry in ledger.commit(5).await {
        relay.hand_over([entry]);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    eventually("all events", async || (ledger.arrivals.ids().len() == 5).then_some(())).await;
    assert_eq!(windows.load(Ordering::Relaxed), 1);
    eventually("an empty outbox", async || (ledger.in_outbox().await == 0).then_some(())).await;
}

#[tokio::test]
async fn ten_thousand_writes_across_a_broker_outage_all_arrive_and_nothing_else_does() {
    let ledger = Ledger::start().await;
    let proxy = Proxy::start(ledger.broker.address().await).await;
    let mut settings = ledger.broker.settings();
    settings.url = testkit::redirected(&settings.url, proxy.address());
    let broker = ledger.connect(&settings);
    let relay =
        Relay::start(&ledger.pool, broker.publisher(), &ledger.process.tasks, &ledger.process.shutdown);
    let mut committed = BTreeSet::new();
    for round in 0..100 {
        match round {
            20 | 60 => proxy.cut(),
            40 | 80 => proxy.pass(),
            _ => {}
        }
        let entries = ledger.commit(100).await;
        committed.extend(entries.iter().map(|entry| entry.event.event_id));
        relay.hand_over(entries);
    }
    assert_eq!(committed.len(), 10_000);
    eventually_within(Duration::from_mins(1), "an empty outbox", async || {
        (ledger.in_outbox().await == 0).then_some(())
    })
    .await;
    eventually("all events", async || (ledger.arrivals.ids().len() >= 10_000).then_some(())).await;
    assert_eq!(ledger.arrivals.ids(), committed);
}

#[tokio::test]
async fn a_relay_that_dies_within_its_window_leaves_the_rows_to_the_sweeper_of_another_replica() {
    let ledger = Ledger::start().await;
    let first = ledger.connect(&ledger.broker.settings());
    let dying = Killed(first.publisher());
    let relay = Relay::start(&ledger.pool, dying, &ledger.process.tasks, &ledger.process.shutdown);
    let entries = ledger.commit(1_200).await;
    let committed: BTreeSet<_> = entries.iter().map(|entry| entry.event.event_id).collect();
    relay.hand_over(entries);
    eventually("the first window on the queue", async || {
        (ledger.arrivals.ids().len() == 1_024).then_some(())
    })
    .await;
    assert_eq!(ledger.in_outbox().await, 1_200, "nothing is deleted that was not confirmed");
    let second = ledger.connect(&ledger.broker.settings());
    Relay::start(&ledger.pool, second.publisher(), &ledger.process.tasks, &ledger.process.shutdown);
    eventually_within(Duration::from_mins(1), "an empty outbox", async || {
        (ledger.in_outbox().await == 0).then_some(())
    })
    .await;
    eventually("all events", async || (ledger.arrivals.ids() == committed).then_some(())).await;
}

#[tokio::test]
async fn two_replicas_sweep_side_by_side_and_publish_every_event_once() {
    let ledger = Ledger::start().await;
    let committed: BTreeSet<_> =
        ledger.commit(2_000).await.into_iter().map(|entry| entry.event.event_id).collect();
    // The relays were never told: everything is left to the two sweepers.
    for _ in 0..2 {
        let broker = ledger.connect(&ledger.broker.settings());
        Relay::start(&ledger.pool, broker.publisher(), &ledger.process.tasks, &ledger.process.shutdown);
    }
    eventually_within(Duration::from_secs(30), "an empty outbox", async || {
        (ledger.in_outbox().await == 0).then_some(())
    })
    .await;
    eventually("all events", async || (ledger.arrivals.ids() == committed).then_some(())).await;
    assert_eq!(ledger.arrivals.repeated(), 0);
}
