//! Two replicas: they divide the work, and one takes over from the other.

use crate::harness::{Harness, webhook_ids};
use std::collections::HashSet;
use std::time::Duration;
use testkit::eventually;
use testkit::receiver::Receiver;
use tokio::task::JoinSet;

/// Waits until the living replicas hold these numbers of shards.
async fn holdings(harness: &Harness, expected: &[i64]) {
    let query = "select count(*) from shard_leases where expires_at > now() group by owner order by owner";
    eventually("the leases", async || {
        let held: Vec<i64> = sqlx::query_scalar(query).fetch_all(&harness.pool).await.unwrap();
        (held == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn replicas_divide_the_shards_and_nothing_is_sent_twice() {
    let mut harness = Harness::start_with(|settings| {
        settings.delivery.lease_renewal = Duration::from_millis(100);
    })
    .await;
    let receiver = Receiver::start().await;
    for number in 0..8 {
        harness.subscribe(&receiver.url(&format!("/{number}")), &["*"]).await;
    }
    harness.start_engine();
    let (other_service, other) = harness.replica().await;
    let mut engines = JoinSet::new();
    let mut other = Some(other);
    for count in 1..=20 {
        if count == 5 {
            // The first one held everything so far.
            holdings(&harness, &[64]).await;
            engines.spawn(other.take().unwrap().run(other_service.process.shutdown.clone()));
        }
        harness.fan_out(count * 8).await;
    }
    holdings(&harness, &[32, 32]).await;
    eventually("all settled", async || (harness.deliveries("state = 1").await == 160).then_some(())).await;
    let received = receiver.received();
    let ids = webhook_ids(&received);
    assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (160, 160));
}

#[tokio::test]
async fn a_replica_that_was_killed_is_replaced_when_its_leases_run_out() {
    let mut harness = Harness::start_with(|settings| {
        settings.delivery.lease_ttl = Duration::from_secs(1);
        settings.delivery.lease_renewal = Duration::from_millis(300);
    })
    .await;
    let receiver = Receiver::start().await;
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    let (other_service, other) = harness.replica().await;
    let mut killed = JoinSet::new();
    killed.spawn(other.run(other_service.process.shutdown.clone()));
    harness.fan_out(1).await;
    receiver.wait_for(1).await;
    killed.shutdown().await;
    harness.start_engine();
    harness.fan_out(2).await;
    receiver.wait_for(2).await;
}

#[tokio::test]
async fn a_replica_that_stops_hands_over_at_once() {
    let mut harness = Harness::start_with(|settings| {
        settings.delivery.lease_ttl = Duration::from_mins(10);
        settings.delivery.lease_renewal = Duration::from_mins(3);
    })
    .await;
    let receiver = Receiver::start().await;
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    let (other_service, other) = harness.replica().await;
    let mut stopping = JoinSet::new();
    stopping.spawn(other.run(other_service.process.shutdown.clone()));
    holdings(&harness, &[64]).await;
    harness.start_engine();
    other_service.process.shutdown.begin();
    stopping.join_next().await.unwrap().unwrap();
    let query = "select count(*) from shard_leases where owner in (select id from replicas)";
    eventually("the shards of the other", async || {
        let held: i64 = sqlx::query_scalar(query).fetch_one(&harness.pool).await.unwrap();
        (held == 64).then_some(())
    })
    .await;
    harness.fan_out(1).await;
    receiver.wait_for(1).await;
}
