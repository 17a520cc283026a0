//! `ETag` and `If-Match`, and changes that meet.

use crate::harness::{Harness, read};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_change_can_be_made_conditional_on_what_was_seen() {
    let crm = Harness::start().await;
    let response =
        crm.request(Method::POST, "/leads").json(&json!({"data": {"name": "G"}})).send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"1\"");
    let (_, made) = read(response).await;
    let path = format!("/leads/{}", made["data"]["id"].as_str().unwrap());
    let change = |method: Method, path: &str, tag: &str| {
        let request = crm.request(method.clone(), path).header("if-match", tag);
        if method == Method::PATCH { request.json(&json!({"data": {"notes": tag}})) } else { request }.send()
    };
    let response = change(Method::PATCH, &path, "\"1\"").await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["etag"]), (200, &"\"2\"".parse().unwrap()));
    let stale =
        json!({"error": "precondition_failed", "message": "The resource has been changed in the meantime."});
    let convert = format!("{path}/convert");
    for (method, path) in [(Method::PATCH, &path), (Method::DELETE, &path), (Method::POST, &convert)] {
        for tag in ["\"1\"", "W/\"2\"", "2", "\"other\""] {
            let answer = read(change(method.clone(), path, tag).await.unwrap()).await;
            assert_eq!(answer, (412, stale.clone()), "{method} {tag}");
        }
    }
    let response = crm.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"2\"");
    assert_eq!(change(Method::PATCH, &path, "*").await.unwrap().status().as_u16(), 200);
    assert_eq!(change(Method::DELETE, &path, "\"1\", \"3\"").await.unwrap().status().as_u16(), 204);
    assert_eq!(change(Method::PATCH, &path, "\"3\"").await.unwrap().status().as_u16(), 404);
}

#[tokio::test]
async fn concurrent_changes_of_different_fields_are_both_kept() {
    let crm = Harness::start().await;
    let made = crm.make("/leads", json!({"name": "G"})).await;
    let path = format!("/leads/{}", made["id"].as_str().unwrap());
    let fields = ["email", "phone", "company_name", "job_title", "source", "notes"];
    let changes = fields.map(|name| crm.patch(&path, json!({name: "g@example.com"})));
    for (status, body) in futures_util::future::join_all(changes).await {
        assert_eq!(status, 200, "{body}");
    }
    let response = crm.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"7\"");
    let (_, body) = read(response).await;
    assert!(fields.iter().all(|name| body["data"][name] == "g@example.com"), "{body}");
}

#[tokio::test]
async fn products_of_one_name_that_are_made_at_once_get_slugs_of_their_own() {
    let crm = Harness::start().await;
    let made = (0..8).map(|_| crm.post("/products", json!({"name": "Site"})));
    let mut slugs = Vec::new();
    for (status, body) in futures_util::future::join_all(made).await {
        assert_eq!(status, 201, "{body}");
        slugs.push(body["data"]["slug"].as_str().unwrap().to_owned());
    }
    slugs.sort_unstable();
    slugs.dedup();
    assert_eq!(slugs.len(), 8);
    let made = (0..4).map(|_| crm.post("/products", json!({"name": "x", "sku": "S"})));
    let mut answers: Vec<Value> = Vec::new();
    for (status, body) in futures_util::future::join_all(made).await {
        assert!(status == 201 || status == 422, "{body}");
        answers.push(json!(status));
    }
    assert_eq!(answers.iter().filter(|status| **status == json!(201)).count(), 1);
}
