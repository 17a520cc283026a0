//! Dependencies that are down: honest answers, nothing lost, recovery without a restart.

use crate::harness::{Harness, MESSAGES, organization};
use serde_json::json;
use std::time::Duration;
use testkit::proxy::Proxy;
use testkit::receiver::Reply;
use testkit::{eventually, eventually_within, read};

#[tokio::test]
async fn without_its_database_it_refuses_and_is_not_ready_and_then_heals() {
    let admin = testkit::required("LEADWIRE_TEST_DATABASE_URL");
    let proxy = Proxy::start(testkit::address_of(&admin).await).await;
    let through = proxy.address();
    let lex = Harness::start_with(|settings| {
        settings.database.url = testkit::redirected(&settings.database.url, through);
    })
    .await;
    let portal = organization("PORTAL-001");
    let lead = |id: &str| lex.lead(id, "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    lex.accept(&portal, &lead("M-1")).await;
    proxy.cut();
    let response = lex.send(&portal, MESSAGES, &lead("M-2")).await;
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]), (503, &json!("UNAVAILABLE")));
    assert_eq!(lex.service.ops("/readyz").await.0, 503);
    proxy.pass();
    eventually("ready again", async || (lex.service.ops("/readyz").await.0 == 200).then_some(())).await;
    lex.accept(&portal, &lead("M-2")).await;
}

#[tokio::test]
async fn without_the_broker_it_accepts_and_publishes_when_the_broker_is_back() {
    let proxy = Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_AMQP_URL")).await).await;
    let through = proxy.address();
    proxy.cut();
    let lex = Harness::start_with(|settings| {
        settings.broker.url = testkit::redirected(&settings.broker.url, through);
    })
    .await;
    lex.accept(&organization("PORTAL-001"), &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM"))
        .await;
    proxy.pass();
    eventually_within(Duration::from_secs(30), "the event on the queue", async || {
        (lex.broker.peek(contracts::topology::WEBHOOK_DISPATCHER_EVENTS.name).await.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_the_gateway_a_receiver_is_not_known_and_the_message_waits_for_it() {
    let lex = Harness::start().await;
    lex.gateway.always(Reply::Reset);
    let portal = organization("PORTAL-001");
    for id in ["M-1", "M-2"] {
        let body = lex.accept(&portal, &lex.lead(id, "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
        assert_eq!(body["warnings"][0]["code"], "RECEIVER_NOT_REGISTERED");
    }
    assert_eq!(lex.gateway.received().len(), 1, "it is left alone for a moment");
    assert!(lex.announced(2).await.iter().all(|event| event.data.hold));
}
