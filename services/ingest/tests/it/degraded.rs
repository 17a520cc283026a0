//! Dependencies that are down: honest answers, nothing lost, recovery without a restart.

use crate::harness::{EVENTS, Harness, caller, event};
use contracts::topology::WEBHOOK_DISPATCHER_EVENTS;
use serde_json::json;
use std::time::Duration;
use testkit::proxy::Proxy;
use testkit::{eventually, eventually_within, read};

#[tokio::test]
async fn without_its_database_it_refuses_and_is_not_ready_and_then_heals() {
    let admin = testkit::required("LEADWIRE_TEST_DATABASE_URL");
    let proxy = Proxy::start(testkit::address_of(&admin).await).await;
    let through = proxy.address();
    let ingest = Harness::start_with(|settings| {
        settings.database.url = testkit::redirected(&settings.database.url, through);
    })
    .await;
    let acme = caller("acme");
    assert_eq!(ingest.events(&acme, &json!([event("a@example.com")])).await.0, 202);
    proxy.cut();
    let response = ingest.send(&acme, EVENTS, &json!({"events": [event("a@example.com")]})).await;
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("unavailable")));
    assert_eq!(ingest.service.ops("/readyz").await.0, 503);
    proxy.pass();
    eventually("ready again", async || (ingest.service.ops("/readyz").await.0 == 200).then_some(())).await;
    assert_eq!(ingest.events(&acme, &json!([event("a@example.com")])).await.0, 202);
}

#[tokio::test]
async fn without_the_broker_it_accepts_and_publishes_when_the_broker_is_back() {
    let proxy = Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_AMQP_URL")).await).await;
    let through = proxy.address();
    proxy.cut();
    let ingest = Harness::start_with(|settings| {
        settings.broker.url = testkit::redirected(&settings.broker.url, through);
    })
    .await;
    assert_eq!(ingest.events(&caller("acme"), &json!([event("a@example.com")])).await.0, 202);
    assert_eq!(ingest.service.ops("/readyz").await.0, 200, "the outbox covers for the broker");
    proxy.pass();
    eventually_within(Duration::from_secs(30), "the events on the queue", async || {
        (ingest.broker.peek(WEBHOOK_DISPATCHER_EVENTS.name).await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_older_than_they_are_kept_go_a_month_at_a_time() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    assert_eq!(ingest.events(&acme, &json!([event("a@example.com")])).await.0, 202);
    let months = platform_pg::partitions::PartitionedTable {
        name: "events",
        cut: platform_pg::partitions::Cut::Monthly,
        behind: 0,
        ahead: 2,
    };
    let retention = [platform_pg::retention::Retention { table: months, keep_days: 400 }];
    let pool = ingest.database.pool();
    for (days, left) in [(390, 1), (440, 0)] {
        let then = ingest.service.process.clock.now() + chrono::TimeDelta::days(days);
        platform_pg::retention::expire(&pool, &retention, then, &platform_pg::retention::NothingOpen)
            .await
            .unwrap();
        assert_eq!(ingest.count("select count(*) from events").await, left, "after {days} days");
    }
}
