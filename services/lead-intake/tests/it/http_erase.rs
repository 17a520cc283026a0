//! `POST /internal/erase`: a person is forgotten, ids remain.

use crate::harness::{Harness, lead};
use contracts::Service;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::proxy::Proxy;
use testkit::{callers, eventually, read};

async fn erase(intake: &Harness, body: &Value) -> (u16, Value) {
    let request = intake.service.from_service(Service::Gateway, Method::POST, "/internal/erase");
    testkit::answer(request.json(body)).await
}

/// Everything that the schema holds, as text.
async fn everything(intake: &Harness) -> String {
    let rows: Vec<String> = sqlx::query_scalar(
        "select to_jsonb(leads)::text from leads
         union all select to_jsonb(orchestrations)::text from orchestrations
         union all select headers::text || convert_from(payload, 'UTF8') from outbox
         union all select key || convert_from(response, 'UTF8') from idempotency",
    )
    .fetch_all(&intake.database.pool())
    .await
    .unwrap();
    rows.join("\n")
}

#[tokio::test]
async fn a_persons_data_goes_from_leads_answers_and_events_that_have_not_left() {
    let proxy = Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_AMQP_URL")).await).await;
    let through = proxy.address();
    proxy.cut();
    let intake = Harness::start_with(|settings| {
        settings.broker.url = testkit::redirected(&settings.broker.url, through);
    })
    .await;
    let mut of_email = lead();
    of_email["customer"]["email"] = json!("Grace@Example.COM");
    of_email["customer"]["phone"] = json!("+1 212 555 2368");
    of_email["offer"]["notes"] = json!("ask for Mrs Hopper");
    of_email["partner_metadata"] = json!({"nickname": "Amazing Hopper"});
    let mut of_phone = lead();
    of_phone["customer"]["email"] = json!("another.hopper@example.com");
    let mut stranger = lead();
    stranger["customer"] = json!({"first_name": "Ada", "last_name": "Lovelace", "phone": "+442079460958"});
    let (_, created) = read(intake.submit(&of_email).await).await;
    for body in [&of_phone, &stranger] {
        assert_eq!(intake.submit(body).await.status().as_u16(), 201);
    }
    let wish = json!({
        "organization_id": callers::organization_id("acme"), "email": "grace@example.com", "phone": "+15122321234",
    });
    assert_eq!(erase(&intake, &wish).await, (200, json!({"records": 4})), "two leads and their two events");
    let left = everything(&intake).await;
    for trace in ["Hopper", "hopper", "grace", "Grace", "512", "2368", "Amazing"] {
        assert!(!left.contains(trace), "{trace} is still there");
    }
    for kept in ["Lovelace", "+442079460958", "solar", created["data"]["lead_id"].as_str().unwrap()] {
        assert!(left.contains(kept), "{kept} is gone");
    }
    assert_eq!(erase(&intake, &wish).await, (200, json!({"records": 0})), "again finds nobody");
    let replay = intake.submit(&of_email).await;
    assert_eq!(replay.headers()["idempotent-replayed"], "true");
    assert_eq!(read(replay).await, (201, created));
}

#[tokio::test]
async fn a_forgotten_lead_does_not_go_to_hubspot_and_lives_on_without_it() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    let event = intake.event_of(id).await;
    intake.matched(event, 1).await;
    intake.settled(event).await;
    let wish = json!({"organization_id": callers::organization_id("acme"), "email": "grace@example.com"});
    assert_eq!(erase(&intake, &wish).await, (200, json!({"records": 1})));
    orchestrator.run_until_idle().await.unwrap();
    assert!(hubspot.calls().is_empty());
    eventually("completed", async || (intake.lead(id).await["status"] == "completed").then_some(())).await;
}

#[tokio::test]
async fn only_the_organisation_that_is_named_forgets() {
    let intake = Harness::start().await;
    intake.submit(&lead()).await;
    let wish = json!({"organization_id": callers::organization_id("globex"), "email": "grace@example.com"});
    assert_eq!(erase(&intake, &wish).await, (200, json!({"records": 0})));
    assert!(everything(&intake).await.contains("Hopper"));
}

#[tokio::test]
async fn only_services_may_ask_and_a_bad_wish_names_what_is_wrong() {
    let intake = Harness::start().await;
    let path = "/internal/erase";
    let acme = callers::partner("acme", &["leads:write"]);
    for (request, expected) in [
        (intake.service.bare(Method::POST, path), 401),
        (intake.service.anonymous(Method::POST, path), 404),
        (intake.service.request(&acme, Method::POST, path), 404),
    ] {
        assert_eq!(request.json(&json!({})).send().await.unwrap().status().as_u16(), expected);
    }
    let (status, body) = erase(&intake, &json!({"organization_id": "acme"})).await;
    let fields = body["details"]["fields"].as_array().unwrap();
    let paths: Vec<_> = fields.iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!((status, paths), (400, vec!["organization_id", "email"]));
}
