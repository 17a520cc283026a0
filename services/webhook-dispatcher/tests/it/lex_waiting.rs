//! LEX messages that wait for somebody to send them to.

use crate::harness::Harness;
use crate::lex::{lead, lex_id, matched, one, participant, routed, settled, token};
use chrono::TimeDelta;
use contracts::Service;
use contracts::control::{OrganizationChanged, OrganizationDeleted, OrganizationFacts};
use contracts::identity::LexTier;
use contracts::lex::{LexFilters, LexFormat, LexMessage, LexSubscription, OnExpiry};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;
use testkit::eventually;
use testkit::receiver::{Receiver, Reply};

fn waiting(harness: &Harness, then: OnExpiry) -> LexMessage {
    let end = harness.clock.now() + TimeDelta::hours(1);
    LexMessage { expires_at: Some(end), on_expiry: then, hold: true, ..routed(&lead()) }
}

async fn left(harness: &Harness) -> i64 {
    sqlx::query_scalar("select count(*) from open_messages where held_version is not null")
        .fetch_one(&harness.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_message_waits_for_the_first_subscription_of_its_receiver_that_matches() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    // The sender's own gets it at once, and is not what it waits for.
    harness.lex_subscribe("globex", json!({"deliveryEndpoint": receiver.url("/sender")})).await;
    let event = harness.route_through(waiting(&harness, OnExpiry::Dlq)).await;
    harness.deliver().await;
    assert_eq!(harness.lex_outcomes(1).await, [matched(&event, 0)]);
    let elsewhere = json!({"deliveryEndpoint": receiver.url("/no"), "filters": {"regions": ["CA"]}});
    let made = harness.lex_subscribe("acme", elsewhere).await;
    harness.lex_subscribe("initech", json!({"deliveryEndpoint": receiver.url("/initech")})).await;
    harness.clock.advance(TimeDelta::minutes(59));
    let change = json!({"filters": null, "deliveryEndpoint": receiver.url("/yes")});
    assert_eq!(harness.ask(&token("acme"), Method::PATCH, &one(&made), &change).await.0, 200);
    harness.wait_for_deliveries(2).await;
    harness.deliver().await;
    let paths: Vec<_> = receiver.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/sender", "/yes"]);
    assert_eq!(harness.lex_outcomes(2).await, [matched(&event, 0), settled(&event, [1, 0, 0, 0])]);
    // It waits no longer: whoever comes now comes too late.
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/late")})).await;
    harness.route_through(routed(&lead())).await;
    harness.wait_for_deliveries(5).await;
    assert_eq!(left(&harness).await, 0);
}

#[tokio::test]
async fn a_receiver_that_registers_later_gets_what_waited_for_it() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let unknown =
        LexMessage { participants: vec![participant("globex", false)], ..waiting(&harness, OnExpiry::Dlq) };
    let first = harness.route_through(unknown.clone()).await;
    // By the name in its token.
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/acme")})).await;
    harness.wait_for_deliveries(1).await;
    harness.deliver().await;
    assert_eq!(harness.lex_outcomes(2).await[1], settled(&first, [1, 0, 0, 0]));
    // By the name that it is given while it has a subscription.
    let mut message = lead();
    message["lex"]["header"]["receiverId"] = json!("RETAILER-NEW-01");
    let renamed = LexMessage {
        receiver: "RETAILER-NEW-01".to_owned(),
        participants: vec![participant("globex", false)],
        hold: true,
        ..routed(&message)
    };
    harness.route_through(renamed).await;
    assert_eq!(left(&harness).await, 1);
    let acme = callers::organization_id("acme");
    let organization = OrganizationFacts {
        id: acme,
        slug: "acme".to_owned(),
        name: "Acme".to_owned(),
        lex_organization_id: Some(lex_id("acme")),
        lex_aliases: vec!["RETAILER-NEW-01".to_owned()],
        lex_level: None,
        lex_tier: LexTier::Standard,
        lex_notification_webhook: None,
    };
    harness.publish(&harness.control(acme, OrganizationChanged { organization })).await;
    harness.wait_for_deliveries(2).await;
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn what_waited_in_vain_ends_as_its_sender_wished() {
    let harness = Harness::start().await;
    let mut events = Vec::new();
    for then in [OnExpiry::Dlq, OnExpiry::Return, OnExpiry::Discard] {
        events.push(harness.route_through(waiting(&harness, then)).await);
    }
    let for_ever = LexMessage { expires_at: None, ..waiting(&harness, OnExpiry::Dlq) };
    harness.route_through(for_ever).await;
    assert_eq!(harness.lex_outcomes(4).await.len(), 4);
    harness.clock.advance(TimeDelta::minutes(60));
    let told = harness.lex_outcomes(7).await;
    for (event, counts) in events.iter().zip([[0, 1, 0, 1], [0, 1, 0, 1], [0, 0, 1, 0]]) {
        assert!(told.contains(&settled(event, counts)), "{told:?}");
    }
    assert_eq!(left(&harness).await, 1);
    // A subscription that comes now comes too late for them.
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": "https://93.184.216.34/"})).await;
    harness.wait_for_deliveries(1).await;
}

#[tokio::test]
async fn a_message_that_is_refused_to_a_receiver_waits_in_vain() {
    let harness = Harness::start().await;
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": "https://93.184.216.34/"})).await;
    let mut message = lead();
    message["lex"]["dataGovernance"] =
        json!({"forwardingPolicy": "OPEN", "blockedRecipients": [lex_id("acme")]});
    let end = Some(harness.clock.now() + TimeDelta::hours(1));
    let event = harness.route_through(LexMessage { expires_at: end, hold: true, ..routed(&message) }).await;
    harness.clock.advance(TimeDelta::minutes(60));
    let expected = [matched(&event, 0), settled(&event, [0, 1, 0, 1])];
    assert_eq!(harness.lex_outcomes(2).await, expected);
    assert_eq!(harness.deliveries("true").await, 0);
}

#[tokio::test]
async fn a_message_waits_for_a_subscription_that_is_enabled_again() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(410)]);
    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/")})).await;
    harness.route_through(waiting(&harness, OnExpiry::Dlq)).await;
    harness.deliver().await;
    let event = harness.route_through(waiting(&harness, OnExpiry::Dlq)).await;
    assert_eq!((left(&harness).await, harness.lex_outcomes(3).await.len()), (1, 3));
    harness.ask(&token("acme"), Method::PATCH, &one(&made), &json!({"status": "ACTIVE"})).await;
    harness.wait_for_deliveries(2).await;
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 2);
    assert!(harness.lex_outcomes(4).await.contains(&settled(&event, [1, 0, 0, 0])));
}

#[tokio::test]
async fn what_waits_goes_with_its_sender() {
    let harness = Harness::start().await;
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": "https://93.184.216.34/"})).await;
    harness
        .route_through(LexMessage {
            participants: vec![participant("initech", true)],
            receiver: lex_id("initech"),
            ..waiting(&harness, OnExpiry::Dlq)
        })
        .await;
    harness.route_through(routed(&lead())).await;
    assert_eq!((left(&harness).await, harness.deliveries("state = 0").await), (1, 1));
    let globex = callers::organization_id("globex");
    harness.publish(&harness.control(globex, OrganizationDeleted { organization_id: globex })).await;
    eventually("the end of its data", async || {
        let left: i64 =
            sqlx::query_scalar("select count(*) from events").fetch_one(&harness.pool).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
    assert_eq!((left(&harness).await, harness.deliveries("true").await), (0, 0));
    let (_, listed) = harness.ask(&token("acme"), Method::GET, crate::lex::SUBSCRIPTIONS, &Value::Null).await;
    assert_eq!(listed["subscriptions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn no_message_misses_a_subscription_that_is_made_while_it_arrives() {
    const MESSAGES: i64 = 40;
    let harness = Harness::start().await;
    let (_other, _engine) = harness.replica().await;
    let publish = async {
        for _ in 0..MESSAGES {
            harness.route(waiting(&harness, OnExpiry::Dlq)).await;
        }
    };
    let subscribe = harness.lex_subscribe("acme", json!({"deliveryEndpoint": "https://93.184.216.34/"}));
    tokio::join!(publish, subscribe);
    harness.wait_for_deliveries(MESSAGES).await;
    assert_eq!(left(&harness).await, 0);
}

#[tokio::test]
async fn a_subscription_that_a_message_asked_for_gets_what_waits_and_what_comes() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    harness.route_through(waiting(&harness, OnExpiry::Dlq)).await;
    let wanted = LexSubscription {
        organization_id: callers::organization_id("acme"),
        client_id: None,
        id: "0192f0c1-2345-5abc-8def-0123456789ab".parse().unwrap(),
        event_types: vec!["LEAD_CREATED".to_owned()],
        filters: LexFilters::default(),
        delivery_endpoint: receiver.url("/"),
        delivery_format: Some(LexFormat::XmlEdi),
        active: true,
    };
    let path = format!("{}/{}", contracts::internal::LEX_SUBSCRIPTIONS, wanted.id);
    let put = harness.service.from_service(Service::LexRouter, Method::PUT, &path).json(&wanted);
    assert_eq!(put.send().await.unwrap().status(), 204);
    harness.route(routed(&lead())).await;
    harness.wait_for_deliveries(2).await;
    harness.deliver().await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|request| request.header("content-type") == Some("application/xml")));
}
