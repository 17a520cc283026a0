//! Dependencies that are down: honest answers, nothing lost, recovery without a restart.

use crate::harness::{Harness, events, read};
use platform_broker::topology;
use reqwest::Method;
use serde_json::json;
use testkit::broker::TestBroker;
use testkit::eventually;
use testkit::proxy::Proxy;

#[tokio::test]
async fn without_its_database_it_refuses_and_is_not_ready_and_then_heals() {
    let admin = testkit::required("LEADWIRE_TEST_DATABASE_URL");
    let proxy = Proxy::start(testkit::address_of(&admin).await).await;
    let through = proxy.address();
    let crm = Harness::start_with(|settings| {
        settings.database.url = testkit::redirected(&settings.database.url, through);
    })
    .await;
    crm.make("/leads", json!({"name": "before"})).await;
    proxy.cut();
    for (method, path) in [(Method::POST, "/leads"), (Method::GET, "/leads")] {
        let response = crm.request(method, path).json(&json!({"data": {"name": "x"}})).send().await.unwrap();
        assert!(response.headers().contains_key("retry-after"));
        let (status, body) = read(response).await;
        assert_eq!((status, &body["error"]), (503, &json!("unavailable")));
    }
    assert_eq!(crm.service.ops("/readyz").await.0, 503);
    proxy.pass();
    eventually("ready again", async || (crm.service.ops("/readyz").await.0 == 200).then_some(())).await;
    crm.make("/leads", json!({"name": "after"})).await;
}

#[tokio::test]
async fn without_the_broker_it_accepts_and_publishes_when_the_broker_is_back() {
    let broker = TestBroker::start().await;
    broker.apply(topology::PLATFORM).await;
    let proxy = Proxy::start(broker.address().await).await;
    proxy.cut();
    let crm = Harness::start_with(|settings| {
        settings.broker = platform_broker::BrokerSettings::new(broker.url_through(proxy.address()));
    })
    .await;
    crm.make("/leads", json!({"name": "G"})).await;
    assert_eq!(crm.service.ops("/readyz").await.0, 200, "the outbox covers for the broker");
    proxy.pass();
    testkit::eventually_within(std::time::Duration::from_secs(30), "the outbox to be empty", async || {
        (crm.count("outbox").await == 0).then_some(())
    })
    .await;
    assert_eq!(events(&broker, 1).await[0]["type"], "lead.created");
}
