//! What every operation of the surface has in common.

use crate::harness::{EVENTS, Harness, SNAPSHOTS, WORKERS, caller, caller_with};
use contracts::Surface;
use contracts::identity::CredentialKind;
use reqwest::Method;
use serde_json::json;
use testkit::{callers, read};

const PING: &str = "/api/v1/ingest/ping";

#[tokio::test]
async fn it_is_alive_and_ready() {
    let ingest = Harness::start().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(ingest.service.ops(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn ping_says_whose_the_key_is() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let response = ingest.service.request(&acme, Method::GET, PING).send().await.unwrap();
    assert_eq!(response.headers()["x-api-version"], "2026-04-01");
    assert!(response.headers().contains_key("x-request-id"));
    let (status, body) = read(response).await;
    let id = callers::organization_id("acme");
    let app = json!({"id": id, "slug": "dialer", "name": "Dialer"});
    assert_eq!((status, body), (200, json!({"ok": true, "organizationId": id, "app": app})));
}

#[tokio::test]
async fn an_organisation_whose_access_is_off_is_told_so_everywhere() {
    let ingest = Harness::start().await;
    let acme = caller_with("acme", |facts| facts.api_enabled = false);
    for (method, path) in [
        (Method::GET, PING),
        (Method::POST, EVENTS),
        (Method::POST, SNAPSHOTS),
        (Method::GET, WORKERS),
        (Method::GET, "/api/v1/ingest/workers/x/timeline"),
    ] {
        let response = ingest.service.request(&acme, method, path).body("{}").send().await.unwrap();
        assert_eq!(response.headers()["x-api-version"], "2026-04-01");
        let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let (status, body) = read(response).await;
        assert_eq!((status, &body["error"]["code"]), (402, &json!("api_disabled")), "{path}");
        assert_eq!(body["error"]["requestId"], json!(request_id));
    }
}

#[tokio::test]
async fn past_the_gateway_and_without_an_application_there_is_nothing() {
    let ingest = Harness::start().await;
    let direct = ingest.service.bare(Method::POST, EVENTS).body("{}").send().await.unwrap();
    assert_eq!(direct.status().as_u16(), 401);
    let appless = callers::key("acme", Surface::Ingest, CredentialKind::IngestKey, &[]);
    let (status, body) = ingest.get(&appless, PING).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("invalid_key")));
}

#[tokio::test]
async fn unknown_routes_methods_and_media_types_answer_in_the_envelope_of_the_surface() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    for (method, path, kind, expected) in [
        (Method::GET, "/api/v1/ingest/nothing", "application/json", (404, "not_found")),
        (Method::DELETE, EVENTS, "application/json", (405, "method_not_allowed")),
        (Method::POST, EVENTS, "text/plain", (415, "unsupported_media_type")),
    ] {
        let request = ingest.service.request(&acme, method, path).header("content-type", kind).body("{}");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-api-version"], "2026-04-01");
        let (status, body) = read(response).await;
        assert_eq!((status, body["error"]["code"].as_str().unwrap()), expected);
    }
}
