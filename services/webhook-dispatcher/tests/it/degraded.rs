//! Without PostgreSQL for a while: nothing is lost, nothing is sent again, nothing becomes a dead letter.

use crate::harness::Harness;
use secrecy::SecretString;
use std::time::Duration;
use testkit::proxy::Proxy;
use testkit::receiver::{Receiver, Reply};
use testkit::{address_of, eventually, redirected, required};

#[tokio::test]
async fn an_outage_of_the_database_costs_time_alone() {
    let proxy = Proxy::start(address_of(&required("LEADWIRE_TEST_DATABASE_URL")).await).await;
    let mut harness = Harness::start_with(|settings| {
        let url: &SecretString = &settings.database.url;
        settings.database.url = redirected(url, proxy.address());
        settings.database.acquire_timeout = Duration::from_millis(500);
    })
    .await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::After(Duration::from_millis(500), 200)]);
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.start_engine();
    harness.fan_out(1).await;
    receiver.wait_for(1).await;

    // The answer to the first comes during the outage, and so does the second event.
    proxy.cut();
    harness.publish(&harness.lead_created()).await;
    eventually("unreadiness", async || (harness.service.ops("/readyz").await.0 == 503).then_some(())).await;
    assert_eq!(harness.deliveries("true").await, 1);
    proxy.pass();

    eventually("both settled", async || (harness.deliveries("state = 1").await == 2).then_some(())).await;
    assert_eq!(receiver.received().len(), 2);
    assert!(harness.broker.peek("webhook-dispatcher.events.dlq").await.is_empty());
}
