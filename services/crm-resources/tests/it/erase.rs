//! `POST /internal/erase`.

use crate::harness::{Harness, events, key, read};
use contracts::identity::{Caller, IDENTITY_HEADER};
use crm_resources::SERVICE;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;

async fn erase(crm: &Harness, wish: Value) -> (u16, Value) {
    let gateway = Caller::Service { name: "gateway".to_owned() };
    let token = callers::token(SERVICE, &crm.service.process.clock, gateway);
    let request = crm.service.bare(Method::POST, "/internal/erase").header(IDENTITY_HEADER, token);
    read(request.json(&wish).send().await.unwrap()).await
}

#[tokio::test]
async fn a_person_is_forgotten_and_the_records_stay() {
    let (crm, broker) = Harness::with_broker().await;
    let person = json!({
        "name": "Grace Hopper", "email": "Grace@Example.com", "phone": "+1 (512) 232-1234", "notes": "secret",
    });
    let request = crm.request(Method::POST, "/customers").header("idempotency-key", "k");
    let (_, customer) = read(request.json(&json!({"data": person})).send().await.unwrap()).await;
    let lead =
        crm.make("/leads", json!({"name": "G", "phone": "+15122321234", "metadata": {"a": "b"}})).await;
    sqlx::query(
        "insert into automation_runs values ($1, gen_random_uuid(), '0', gen_random_uuid(), 'lead.created', $2, 1,
             '{\"name\": \"Grace\"}', '[{}]', 'pending', 0, 0, now() + interval '1 day', null, null, null, '[]', now(), null)",
    )
    .bind(callers::organization_id("acme").as_uuid())
    .bind(lead["id"].as_str().unwrap())
    .execute(&crm.database.pool())
    .await
    .unwrap();
    let other = crm.make("/customers", json!({"name": "Ada", "email": "ada@example.com"})).await;
    let foreign = crm.service.request(&key("globex"), Method::POST, "/api/v1/customers");
    let (_, foreign) = read(foreign.json(&json!({"data": person})).send().await.unwrap()).await;

    let acme = callers::organization_id("acme");
    let wish = json!({"organization_id": acme, "email": "grace@example.com", "phone": "+15122321234"});
    assert_eq!(erase(&crm, wish.clone()).await, (200, json!({"records": 2})));
    assert_eq!(erase(&crm, wish).await, (200, json!({"records": 0})));

    let (_, body) = crm.get(&format!("/customers/{}", customer["data"]["id"].as_str().unwrap())).await;
    assert_eq!((&body["data"]["name"], &body["data"]["email"]), (&json!("[erased]"), &Value::Null));
    let (_, body) = crm.get(&format!("/leads/{}", lead["id"].as_str().unwrap())).await;
    assert_eq!((&body["data"]["phone"], &body["data"]["metadata"]), (&Value::Null, &json!({})));
    assert_eq!(crm.get(&format!("/customers/{}", other["id"].as_str().unwrap())).await.1["data"], other);
    let path = format!("/api/v1/customers/{}", foreign["data"]["id"].as_str().unwrap());
    let request = crm.service.request(&key("globex"), Method::GET, &path);
    assert_eq!(read(request.send().await.unwrap()).await.1["data"]["email"], "Grace@Example.com");
    assert_eq!(crm.count("idempotency").await, 0, "the kept answer repeated the person's data");
    assert_eq!(crm.count("automation_runs").await, 0, "so did the run");

    for event in events(&broker, 6).await.iter().filter(|event| event["aggregateversion"] == 2) {
        assert!(!event.to_string().to_lowercase().contains("grace"), "{event}");
        assert_eq!(event["data"]["changes"]["before"], json!({}));
    }
}

#[tokio::test]
async fn only_a_service_may_ask_for_it() {
    let crm = Harness::start().await;
    let wish =
        json!({"organization_id": callers::organization_id("acme"), "email": "g@example.com", "phone": null});
    let request = crm.service.request(&key("acme"), Method::POST, "/internal/erase").json(&wish);
    assert_eq!(read(request.send().await.unwrap()).await.0, 404);
    assert_eq!(erase(&crm, json!({"email": 1})).await.0, 400);
    let nobody = json!({"organization_id": callers::organization_id("acme"), "email": null, "phone": null});
    assert_eq!(erase(&crm, nobody).await, (200, json!({"records": 0})));
}
