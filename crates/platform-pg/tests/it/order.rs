//! The order in which relay and sweeper publish, and what must not hold them up.

use crate::ledger::{Ledger, version_of};
use contracts::Service;
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use platform_pg::relay::Relay;
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{eventually, eventually_within};
use uuid::Uuid;

#[tokio::test]
async fn the_events_of_an_aggregate_leave_in_the_order_of_their_versions() {
    let ledger = Ledger::start().await;
    let broker = ledger.connect(&ledger.broker.settings());
    let relay =
        Relay::start(&ledger.pool, broker.publisher(), &ledger.process.tasks, &ledger.process.shutdown);
    // 500 events of 20 aggregates: 25 rounds, each a transaction with the next version of every aggregate.
    for version in 1..=25 {
        let events =
            (0..20).map(|aggregate| version_of(&format!("aggregate-{aggregate}"), version)).collect();
        let mut entries = ledger.commit_all(events).await;
        // However the hand-over mixes one commit's events.
        entries.reverse();
        relay.hand_over(entries);
    }
    eventually("all events", async || (ledger.arrivals.ids().len() == 500).then_some(())).await;
    let mut versions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for message in ledger.arrivals.messages() {
        let aggregate = message["partitionkey"].as_str().unwrap().to_owned();
        versions.entry(aggregate).or_default().push(message["aggregateversion"].as_i64().unwrap());
    }
    assert_eq!(versions.len(), 20);
    assert!(versions.values().all(|versions| versions.iter().copied().eq(1..=25)), "{versions:?}");
}

/// Takes everything but some messages, which no broker would ever take.
#[derive(Clone, Default)]
struct Picky {
    hopeless: Arc<Mutex<BTreeSet<Uuid>>>,
    published: Arc<Mutex<Vec<Uuid>>>,
}

impl Publish for Picky {
    async fn publish(&self, window: &[OutboundMessage]) -> Vec<PublishOutcome> {
        let hopeless = self.hopeless.lock().unwrap();
        let mut published = self.published.lock().unwrap();
        window
            .iter()
            .map(|message| {
                if hopeless.contains(&message.message_id) {
                    return PublishOutcome::Unknown;
                }
                let events = match serde_json::from_slice(&message.payload).unwrap() {
                    Value::Array(events) => events,
                    event => vec![event],
                };
                published.extend(
                    events.iter().map(|event| event["id"].as_str().unwrap().parse::<Uuid>().unwrap()),
                );
                PublishOutcome::Confirmed
            })
            .collect()
    }
}

#[tokio::test]
async fn messages_that_are_never_confirmed_hold_up_nothing_else_and_are_tried_again() {
    let ledger = Ledger::start().await;
    let picky = Picky::default();
    let entries = ledger.commit(Picky::WINDOW + 50).await;
    let ids: Vec<_> = entries.iter().map(|entry| entry.event.event_id).collect();
    picky.hopeless.lock().unwrap().extend(&ids[..Picky::WINDOW]);
    Relay::start(&ledger.pool, picky.clone(), &ledger.process.tasks, &ledger.process.shutdown);
    eventually_within(Duration::from_secs(30), "the others", async || {
        (picky.published.lock().unwrap().len() == 50).then_some(())
    })
    .await;
    picky.hopeless.lock().unwrap().clear();
    eventually_within(Duration::from_secs(30), "an empty outbox", async || {
        (ledger.in_outbox().await == 0).then_some(())
    })
    .await;
    assert_eq!(picky.published.lock().unwrap().len(), ids.len(), "each once");
}

#[tokio::test]
async fn an_abandoned_snapshot_keeps_neither_relay_nor_sweeper_from_their_work() {
    let ledger = Ledger::start().await;
    let broker = ledger.connect(&ledger.broker.settings());
    let mut abandoned = PgConnection::connect(&ledger.database.url(Service::Ingest.role())).await.unwrap();
    abandoned.execute("begin isolation level repeatable read; select 1").await.unwrap();
    let relay =
        Relay::start(&ledger.pool, broker.publisher(), &ledger.process.tasks, &ledger.process.shutdown);
    let mut committed = BTreeSet::new();
    for round in 0..20 {
        let entries = ledger.commit(200).await;
        committed.extend(entries.iter().map(|entry| entry.event.event_id));
        // Every tenth is left to the sweeper, among the dead rows of the others.
        if round % 10 != 5 {
            relay.hand_over(entries);
        }
    }
    eventually_within(Duration::from_secs(30), "an empty outbox", async || {
        (ledger.in_outbox().await == 0).then_some(())
    })
    .await;
    eventually("all events", async || (ledger.arrivals.ids() == committed).then_some(())).await;
    assert_eq!(ledger.arrivals.repeated(), 0);
    let dead: i64 = sqlx::query_scalar("select pg_stat_get_dead_tuples('outbox'::regclass)")
        .fetch_one(&ledger.pool)
        .await
        .unwrap();
    assert!(dead > 0, "the snapshot keeps the dead");
    abandoned.execute("rollback").await.unwrap();
}
