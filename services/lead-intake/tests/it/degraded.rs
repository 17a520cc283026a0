//! Dependencies that are down: honest answers, nothing lost, recovery without a restart.

use crate::harness::{Harness, lead};
use serde_json::json;
use testkit::proxy::Proxy;
use testkit::{eventually, read};

const QUEUE: &str = contracts::topology::WEBHOOK_DISPATCHER_EVENTS.name;

#[tokio::test]
async fn without_its_database_it_refuses_and_is_not_ready_and_then_heals() {
    let admin = testkit::required("LEADWIRE_TEST_DATABASE_URL");
    let target = testkit::address_of(&admin).await;
    let proxy = Proxy::start(target).await;
    let through = proxy.address();
    let intake = Harness::start_with(|settings| {
        settings.database.url = testkit::redirected(&settings.database.url, through);
    })
    .await;
    assert_eq!(intake.submit(&lead()).await.status().as_u16(), 201);
    proxy.cut();
    let submitted = lead();
    let response = intake.submit(&submitted).await;
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("INTERNAL")));
    assert_eq!(intake.service.ops("/readyz").await.0, 503);
    proxy.pass();
    eventually("ready again", async || (intake.service.ops("/readyz").await.0 == 200).then_some(())).await;
    assert_eq!(intake.submit(&submitted).await.status().as_u16(), 201);
}

#[tokio::test]
async fn without_the_broker_it_accepts_and_publishes_when_the_broker_is_back() {
    let proxy = Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_AMQP_URL")).await).await;
    let through = proxy.address();
    proxy.cut();
    let intake = Harness::start_with(|settings| {
        settings.broker.url = testkit::redirected(&settings.broker.url, through);
    })
    .await;
    assert_eq!(intake.submit(&lead()).await.status().as_u16(), 201);
    assert_eq!(intake.service.ops("/readyz").await.0, 200, "the outbox covers for the broker");
    proxy.pass();
    testkit::eventually_within(std::time::Duration::from_secs(30), "the event on the queue", async || {
        (intake.broker.peek(QUEUE).await.len() == 1).then_some(())
    })
    .await;
}
