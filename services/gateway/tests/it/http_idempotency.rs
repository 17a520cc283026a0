//! `Idempotency-Key` on the platform surface's own `POST`s.

use crate::harness::{Harness, new_client, text};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::read;

const CLIENTS: &str = "/api/v1/api-clients";
const KEYS: &str = "/api/v1/api-keys";

async fn post(gateway: &Harness, bearer: &str, path: &str, key: &str, body: &Value) -> Response {
    gateway.with(bearer, Method::POST, path).header("Idempotency-Key", key).json(body).send().await.unwrap()
}

/// Status, whether it is a replay, and the exact bytes.
async fn raw(response: Response) -> (u16, bool, Vec<u8>) {
    let replayed = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
    (response.status().as_u16(), replayed, response.bytes().await.unwrap().to_vec())
}

async fn count(gateway: &Harness, table: &'static str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(&gateway.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_byte_for_byte_and_has_one_effect() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    let body = new_client(&organization["id"]);
    let first = raw(post(&gateway, &gateway.admin_key, CLIENTS, "k-1", &body).await).await;
    assert_eq!((first.0, first.1), (201, false));
    gateway.service.process.clock.advance(TimeDelta::hours(23));
    // The order of members and white space say nothing.
    let spaced = format!(" {} ", serde_json::to_string_pretty(&body).unwrap());
    let again = gateway
        .admin(Method::POST, CLIENTS)
        .header("idempotency-key", "k-1")
        .header("content-type", "application/json")
        .body(spaced);
    let response = again.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(raw(response).await, (201, true, first.2.clone()));
    assert_eq!(count(&gateway, "api_clients").await, 2);
    assert_eq!(count(&gateway, "audit_log").await, 2);
    // A day later the key is free again; another key is another request.
    gateway.service.process.clock.advance(TimeDelta::hours(2));
    let later = raw(post(&gateway, &gateway.admin_key, CLIENTS, "k-1", &body).await).await;
    assert_eq!((later.0, later.1), (201, false));
    assert_ne!(later.2, first.2);
    assert!(!raw(post(&gateway, &gateway.admin_key, CLIENTS, "k-2", &body).await).await.1);
    assert_eq!(count(&gateway, "api_clients").await, 4);
}

#[tokio::test]
async fn a_key_that_was_used_for_something_else_is_refused() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let body = json!({"clientId": client["id"], "name": "one"});
    assert_eq!(post(&gateway, &gateway.admin_key, KEYS, "k", &body).await.status().as_u16(), 201);
    let other = json!({"clientId": client["id"], "name": "two"});
    for (path, body) in [(KEYS, &other), (CLIENTS, &body)] {
        let (status, refused) = read(post(&gateway, &gateway.admin_key, path, "k", body).await).await;
        assert_eq!((status, &refused["error"]), (422, &json!("IDEMPOTENCY_MISMATCH")), "{path}");
    }
    // Keys are each credential's own.
    let own = gateway.key(&client, json!({})).await;
    let (status, replayed, _) = raw(post(&gateway, text(&own["key"]), KEYS, "k", &other).await).await;
    assert_eq!((status, replayed), (201, false));
}

#[tokio::test]
async fn what_failed_is_not_remembered() {
    let gateway = Harness::start().await;
    let taken = json!({"slug": "acme", "name": "Acme"});
    gateway.organization("acme").await;
    let path = "/api/v1/organizations";
    for body in [&taken, &json!({"slug": "x"}), &taken] {
        assert!(post(&gateway, &gateway.admin_key, path, "k", body).await.status().is_client_error());
    }
    let fine = json!({"slug": "globex", "name": "Globex"});
    assert_eq!(raw(post(&gateway, &gateway.admin_key, path, "k", &fine).await).await.0, 201);
    assert!(raw(post(&gateway, &gateway.admin_key, path, "k", &fine).await).await.1);
}

#[tokio::test]
async fn concurrent_duplicates_wait_for_the_first_and_get_its_answer() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let body = json!({"clientId": client["id"], "name": "one"});
    let requests =
        (0..8).map(async |_| raw(post(&gateway, &gateway.admin_key, KEYS, "k", &body).await).await);
    let answers = join_all(requests).await;
    assert!(answers.iter().all(|answer| answer.0 == 201 && answer.2 == answers[0].2));
    assert_eq!(answers.iter().filter(|answer| !answer.1).count(), 1);
    assert_eq!(count(&gateway, "credentials").await, 2);
}

#[tokio::test]
async fn a_replayed_secret_works_and_does_not_lie_in_the_open() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let soon = gateway.service.process.clock.now() + TimeDelta::minutes(1);
    let body = json!({"clientId": client["id"], "name": "one", "expiresAt": soon});
    let (_, created) = read(post(&gateway, &gateway.admin_key, KEYS, "k", &body).await).await;
    let (_, replayed) = read(post(&gateway, &gateway.admin_key, KEYS, "k", &body).await).await;
    assert_eq!(replayed, created);
    let works = gateway.with(text(&replayed["key"]), Method::GET, CLIENTS).send().await.unwrap();
    assert_eq!(works.status().as_u16(), 200);
    let credentials = format!("{CLIENTS}/{}/oauth-credentials", text(&client["id"]));
    let oauth = json!({"name": "o", "scopes": ["lex:leads:read"]});
    let (_, issued) = read(post(&gateway, &gateway.admin_key, &credentials, "o", &oauth).await).await;
    let rotate = format!("{credentials}/{}/rotate", text(&issued["id"]));
    let (_, rotated) = read(post(&gateway, &gateway.admin_key, &rotate, "r", &json!({})).await).await;
    let again = post(&gateway, &gateway.admin_key, &rotate, "r", &json!({})).await;
    assert_eq!(again.headers()["cache-control"], "no-store");
    assert_eq!(read(again).await.1, rotated, "rotated once");
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("select response from idempotency")
        .fetch_all(&gateway.database.pool())
        .await
        .unwrap();
    assert_eq!(stored.len(), 3);
    let secrets = [&created["key"], &issued["clientSecret"], &rotated["clientSecret"]];
    for (bytes, secret) in stored.iter().flat_map(|bytes| secrets.map(|secret| (bytes, text(secret)))) {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        assert!(!bytes.windows(4).any(|window| window == b"\"id\""));
    }
    // An end that lay ahead at the first request may have come by the second.
    gateway.service.process.clock.advance(TimeDelta::minutes(2));
    assert_eq!(read(post(&gateway, &gateway.admin_key, KEYS, "k", &body).await).await, (201, created));
}

#[tokio::test]
async fn an_answer_that_is_copied_to_another_key_does_not_open() {
    let gateway = Harness::start().await;
    for (key, slug) in [("a", "acme"), ("b", "globex")] {
        let body = json!({"slug": slug, "name": slug});
        assert_eq!(
            post(&gateway, &gateway.admin_key, "/api/v1/organizations", key, &body).await.status().as_u16(),
            201
        );
    }
    sqlx::query("update idempotency set response = (select response from idempotency where key = 'a') where key = 'b'")
        .execute(&gateway.database.pool())
        .await
        .unwrap();
    let body = json!({"slug": "globex", "name": "globex"});
    let (status, refused) =
        read(post(&gateway, &gateway.admin_key, "/api/v1/organizations", "b", &body).await).await;
    assert_eq!((status, &refused["error"]), (500, &json!("INTERNAL_SERVER_ERROR")));
}

#[tokio::test]
async fn a_key_is_one_text_of_up_to_255_characters() {
    let gateway = Harness::start().await;
    let body = |slug: &str| json!({"slug": slug, "name": slug});
    let path = "/api/v1/organizations";
    assert_eq!(
        raw(post(&gateway, &gateway.admin_key, path, &"x".repeat(255), &body("a1")).await).await.0,
        201
    );
    for key in ["x".repeat(256), String::new(), "a\tb".to_owned()] {
        let (status, refused) = read(post(&gateway, &gateway.admin_key, path, &key, &body("a2")).await).await;
        assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")));
        assert_eq!(refused["details"]["fields"][0]["path"], "Idempotency-Key");
    }
    let twice =
        gateway.admin(Method::POST, path).header("idempotency-key", "a").header("idempotency-key", "b");
    assert_eq!(read(twice.json(&body("a3")).send().await.unwrap()).await.0, 400);
    // What is idempotent by itself takes no notice of it.
    let list = gateway.admin(Method::GET, path).header("idempotency-key", "x".repeat(300));
    assert_eq!(list.send().await.unwrap().status().as_u16(), 200);
}
