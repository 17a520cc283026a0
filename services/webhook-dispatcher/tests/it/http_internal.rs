//! What other services ask.

use crate::harness::{Harness, client};
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER};
use contracts::internal::{Deliveries, EVENTS, SUBSCRIPTIONS, Subscriptions};
use reqwest::Method;
use serde_json::json;
use testkit::callers;
use testkit::receiver::Receiver;

#[tokio::test]
async fn the_gateway_learns_of_a_clients_subscriptions_of_all_families() {
    let harness = Harness::start().await;
    let partner = harness.subscribe("https://93.184.216.34/a", &["lead.*"]).await;
    harness.clock.advance(chrono::TimeDelta::seconds(1));
    let platform = harness.webhook(&json!({"url": "https://93.184.216.34/b", "events": ["*"]})).await;
    harness.set_state(&partner, "paused").await;
    let ask = async |query: &str, caller: Caller| {
        let token = callers::token(Service::WebhookDispatcher, &harness.clock, caller);
        let request = harness.service.bare(Method::GET, &format!("{SUBSCRIPTIONS}?{query}"));
        testkit::answer(request.header(IDENTITY_HEADER, token)).await
    };
    let gateway = || Caller::Service { name: "gateway".to_owned() };
    let acme = callers::organization_id("acme");
    let (status, found) = ask(&format!("organization={acme}&client={}", client()), gateway()).await;
    assert_eq!(status, 200);
    let found: Subscriptions = serde_json::from_value(found).unwrap();
    assert_eq!((found.active, found.total), (1, 2));
    assert_eq!((&found.data[0]["id"], &found.data[1]["id"]), (&platform["id"], &json!(partner.id)));
    assert_eq!((&found.data[0]["status"], &found.data[1]["status"]), (&json!("ACTIVE"), &json!("PAUSED")));
    assert_eq!(found.data[1]["_count"], json!({"deliveries": 0}));

    // A client of another organisation is not found under this one, and nobody else may ask.
    let globex = callers::organization_id("globex");
    let (_, none) = ask(&format!("organization={globex}&client={}", client()), gateway()).await;
    assert_eq!(none, json!({"data": [], "active": 0, "total": 0}));
    assert_eq!(ask("organization=5", gateway()).await.0, 400);
    let partner = Caller::Principal(Box::new(callers::partner("acme", &["webhooks:read"])));
    assert_eq!(ask(&format!("organization={acme}&client={}", client()), partner).await.0, 404);
}

#[tokio::test]
async fn services_learn_where_an_event_went() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    let event = harness.fan_out(1).await;
    harness.deliver().await;
    let ask = async |path: &str, caller: Caller| {
        let token = callers::token(Service::WebhookDispatcher, &harness.clock, caller);
        let request = harness.service.bare(Method::GET, &format!("{EVENTS}/{path}"));
        testkit::answer(request.header(IDENTITY_HEADER, token)).await
    };
    let intake = || Caller::Service { name: "lead-intake".to_owned() };
    let of = |slug: &str| format!("{}/deliveries?organization={}", event.id, callers::organization_id(slug));
    let (status, found) = ask(&of("acme"), intake()).await;
    assert_eq!(status, 200, "{found}");
    let found: Deliveries = serde_json::from_value(found).unwrap();
    assert_eq!(found.data.len(), 1);
    assert_eq!(
        (&found.data[0]["subscriptionId"], &found.data[0]["status"]),
        (&json!(made.id), &json!("DELIVERED"))
    );
    assert_eq!(ask(&of("globex"), intake()).await.0, 404);
    assert_eq!(ask(&format!("{}/deliveries", event.id), intake()).await.0, 400);
    let partner = Caller::Principal(Box::new(callers::partner("acme", &["webhooks:read"])));
    assert_eq!(ask(&of("acme"), partner).await.0, 404);
}
