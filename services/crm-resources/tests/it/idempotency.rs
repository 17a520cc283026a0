//! `Idempotency-Key`.

use crate::harness::{Harness, key, read};
use chrono::TimeDelta;
use contracts::ids::CredentialId;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::eventually;

async fn send(crm: &Harness, method: Method, path: &str, key: &str, body: &Value) -> Response {
    crm.request(method, path).header("idempotency-key", key).json(body).send().await.unwrap()
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_to_the_byte_for_a_day() {
    let crm = Harness::start().await;
    let body = json!({"data": {"name": "Site", "price_cents": 1}});
    let first = send(&crm, Method::POST, "/products", "k", &body).await;
    assert_eq!(first.status().as_u16(), 201);
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first = first.bytes().await.unwrap();
    crm.service.process.clock.advance(TimeDelta::hours(23));
    let rewritten = json!({"data": {"price_cents": 1.0, "name": "Site"}});
    let again = send(&crm, Method::POST, "/products", "k", &rewritten).await;
    assert_eq!(
        (again.status().as_u16(), &again.headers()["idempotent-replayed"]),
        (201, &"true".parse().unwrap())
    );
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(again.bytes().await.unwrap(), first);
    crm.service.process.clock.advance(TimeDelta::hours(2));
    let later = send(&crm, Method::POST, "/products", "k", &body).await;
    assert!(later.headers().get("idempotent-replayed").is_none());
    assert_ne!(later.bytes().await.unwrap(), first);
    assert_eq!(crm.count("products").await, 2);
}

#[tokio::test]
async fn a_change_is_repeated_as_it_was_answered_whatever_happened_since() {
    let crm = Harness::start().await;
    let made = crm.make("/products", json!({"name": "Site"})).await;
    let path = format!("/products/{}", made["id"].as_str().unwrap());
    let body = json!({"data": {"price_cents": 7}});
    let first = send(&crm, Method::PATCH, &path, "k", &body).await.bytes().await.unwrap();
    crm.patch(&path, json!({"price_cents": 8})).await;
    let again = send(&crm, Method::PATCH, &path, "k", &body).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.bytes().await.unwrap(), first);
    assert_eq!(crm.get(&path).await.1["data"]["price_cents"], 8);
    crm.delete(&path).await;
    assert_eq!(send(&crm, Method::PATCH, &path, "k", &body).await.bytes().await.unwrap(), first);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let crm = Harness::start().await;
    let made = crm.make("/products", json!({"name": "Other"})).await;
    let body = json!({"data": {"name": "Site"}});
    send(&crm, Method::POST, "/products", "k", &body).await;
    let path = format!("/products/{}", made["id"].as_str().unwrap());
    for (method, path, body) in [
        (Method::POST, "/products", json!({"data": {"name": "Else"}})),
        (Method::POST, "/customers", body.clone()),
        (Method::PATCH, path.as_str(), body.clone()),
    ] {
        let (status, answer) = read(send(&crm, method, path, "k", &body).await).await;
        let errors = json!({"Idempotency-Key": ["has already been used for a different request"]});
        assert_eq!(
            (status, &answer["error"], &answer["errors"]),
            (422, &json!("validation_failed"), &errors)
        );
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_credential() {
    let crm = Harness::start().await;
    let body = json!({"data": {"name": "Site"}});
    send(&crm, Method::POST, "/products", "k", &body).await;
    let mut colleague = key("acme");
    colleague.credential.id = CredentialId::new(testkit::unique_id());
    for caller in [colleague, key("globex")] {
        let request = crm.service.request(&caller, Method::POST, "/api/v1/products");
        let response = request.header("idempotency-key", "k").json(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 201);
        assert!(response.headers().get("idempotent-replayed").is_none());
    }
    assert_eq!(crm.count("products").await, 3);
}

#[tokio::test]
async fn concurrent_repetitions_wait_for_the_first() {
    let crm = Harness::start().await;
    let body = json!({"data": {"name": "Site"}});
    let requests = (0..8).map(|_| send(&crm, Method::POST, "/products", "k", &body));
    let mut bodies = Vec::new();
    let mut replayed = 0;
    for response in futures_util::future::join_all(requests).await {
        assert_eq!(response.status().as_u16(), 201);
        replayed += usize::from(response.headers().contains_key("idempotent-replayed"));
        bodies.push(response.bytes().await.unwrap());
    }
    assert_eq!(replayed, 7);
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(crm.count("products").await, 1);
}

#[tokio::test]
async fn a_request_that_failed_can_be_mended_under_the_same_key() {
    let crm = Harness::start().await;
    crm.make("/products", json!({"name": "x", "slug": "taken"})).await;
    for (fields, status) in [
        (json!({"name": ""}), 422),
        (json!({"name": "y", "slug": "taken"}), 422),
        (json!({"name": "y", "slug": "free"}), 201),
    ] {
        let response = send(&crm, Method::POST, "/products", "k", &json!({"data": fields})).await;
        assert_eq!(response.status().as_u16(), status);
    }
}

#[tokio::test]
async fn a_key_is_text_of_up_to_255_characters() {
    let crm = Harness::start().await;
    let body = json!({"data": {"name": "Site"}});
    let longest = "k".repeat(255);
    assert_eq!(send(&crm, Method::POST, "/products", &longest, &body).await.status().as_u16(), 201);
    for (header, message) in
        [("k".repeat(256), "is too long (maximum is 255 characters)"), (" ".to_owned(), "can't be blank")]
    {
        let (status, answer) = read(send(&crm, Method::POST, "/products", &header, &body).await).await;
        assert_eq!((status, &answer["errors"]), (422, &json!({"Idempotency-Key": [message]})));
    }
}

#[tokio::test]
async fn a_conversion_is_repeated_too() {
    let crm = Harness::start().await;
    let lead = crm.make("/leads", json!({"name": "G"})).await;
    let path = format!("/leads/{}/convert", lead["id"].as_str().unwrap());
    let convert = || crm.request(Method::POST, &path).header("idempotency-key", "k").send();
    let first = convert().await.unwrap().bytes().await.unwrap();
    let again = convert().await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.bytes().await.unwrap(), first);
}

#[tokio::test]
async fn answers_that_are_a_day_old_are_purged() {
    let crm = Harness::start().await;
    send(&crm, Method::POST, "/products", "k", &json!({"data": {"name": "Site"}})).await;
    assert_eq!(crm.count("idempotency").await, 1);
    crm.service.process.clock.advance(TimeDelta::hours(25));
    let pool = crm.database.pool();
    eventually("a purge", async || {
        platform_pg::idempotency::purge(&pool, crm.service.process.clock.now()).await.unwrap();
        (crm.count("idempotency").await == 0).then_some(())
    })
    .await;
}
