//! What browsers are told, on the crm surface and nowhere else.

use crate::harness::{Harness, text};
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::eventually;

const PRODUCTS: &str = "/api/v1/products";
const APP: &str = "https://app.example.com";
/// Origins that look like `APP` and are not.
const NEAR: [&str; 9] = [
    "null",
    "https://app.example.com.evil.io",
    "https://evilapp.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "https://app.example.com/",
    "https://example.com",
    "*",
];

async fn with_origins(gateway: &Harness, slug: &str, rest: Value) -> Value {
    let client = gateway.client(slug).await;
    let mut body = json!({"surface": "crm", "allowedOrigins": [APP, "https://two.example.com"]});
    body.as_object_mut().unwrap().append(&mut rest.as_object().unwrap().clone());
    let key = gateway.key(&client, body).await;
    json!({"client": client, "key": key})
}

async fn preflight(gateway: &Harness, path: &str, origin: &str, method: &str) -> Response {
    let request = gateway.service.bare(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    request.header("access-control-request-headers", "authorization,content-type").send().await.unwrap()
}

/// The names of everything that a browser would go by.
fn told(headers: &HeaderMap) -> Vec<&str> {
    headers
        .keys()
        .map(reqwest::header::HeaderName::as_str)
        .filter(|name| name.starts_with("access-"))
        .collect()
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

#[tokio::test]
async fn a_preflight_is_answered_for_an_origin_that_some_key_lists() {
    let gateway = Harness::start().await;
    with_origins(&gateway, "acme", json!({})).await;
    let response = preflight(&gateway, PRODUCTS, APP, "POST").await;
    assert_eq!(response.status().as_u16(), 204);
    let headers = response.headers();
    assert_eq!(header(headers, "access-control-allow-origin"), APP);
    assert_eq!(header(headers, "access-control-allow-methods"), "GET, POST");
    assert!(header(headers, "access-control-allow-headers").contains("authorization"));
    assert!(header(headers, "access-control-allow-headers").contains("idempotency-key"));
    assert_eq!(header(headers, "access-control-max-age"), "600");
    assert!(header(headers, "vary").contains("origin"));
    assert!(headers.contains_key("x-request-id"));
    assert!(!headers.contains_key("access-control-allow-credentials"));
    for path in ["/api/v1/customers/1", "/api/v1/leads/1/convert", "/api/v1/automations"] {
        assert_eq!(preflight(&gateway, path, APP, "GET").await.status().as_u16(), 204, "{path}");
    }
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn an_origin_that_only_looks_like_a_listed_one_is_told_nothing() {
    let gateway = Harness::start().await;
    let made = with_origins(&gateway, "acme", json!({})).await;
    for origin in NEAR {
        let response = preflight(&gateway, PRODUCTS, origin, "POST").await;
        assert_eq!(told(response.headers()), Vec::<&str>::new(), "{origin}");
        assert!(header(response.headers(), "vary").contains("origin"));
        let (status, body) = testkit::read(response).await;
        assert_eq!((status, &body["error"]), (403, &json!("origin_not_allowed")), "{origin}");

        let request = gateway.with(text(&made["key"]["key"]), Method::GET, PRODUCTS).header("origin", origin);
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), told(response.headers())), (403, Vec::new()), "{origin}");
    }
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn a_page_may_read_the_answers_to_its_own_key_errors_included() {
    let gateway = Harness::start().await;
    let made = with_origins(&gateway, "acme", json!({"rateLimitOverride": 3})).await;
    let key = text(&made["key"]["key"]);
    let ask = async |status: &str| {
        let request = gateway.with(key, Method::GET, PRODUCTS).header("origin", APP);
        request.header("x-echo-status", status).send().await.unwrap()
    };
    let mut seen = Vec::new();
    // The window may roll over once in between.
    for status in ["200", "422", "200", "200", "200", "200", "200", "200"] {
        let response = ask(status).await;
        let headers = response.headers();
        assert_eq!(header(headers, "access-control-allow-origin"), APP);
        let exposed = header(headers, "access-control-expose-headers");
        for name in ["x-request-id", "x-ratelimit-remaining", "retry-after", "idempotent-replayed"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert_eq!(headers.get_all("access-control-allow-origin").iter().count(), 1);
        assert!(header(headers, "vary").contains("origin"));
        assert!(!headers.contains_key("access-control-allow-credentials"));
        seen.push(response.status().as_u16());
    }
    assert!(seen.starts_with(&[200, 422]) && seen.contains(&429), "{seen:?}");
}

#[tokio::test]
async fn a_key_without_origins_is_not_for_pages_and_a_wrong_key_tells_them_nothing() {
    let gateway = Harness::start().await;
    with_origins(&gateway, "acme", json!({})).await;
    let other = gateway.client("other").await;
    let key = gateway.key(&other, json!({"surface": "crm"})).await;
    for (bearer, status) in [(text(&key["key"]), 200), ("finova_sk_wrong", 401)] {
        let request = gateway.with(bearer, Method::GET, PRODUCTS).header("origin", APP);
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), told(response.headers())), (status, Vec::new()));
        assert!(header(response.headers(), "vary").contains("origin"));
    }
}

#[tokio::test]
async fn other_surfaces_and_other_requests_know_no_origins() {
    let gateway = Harness::start().await;
    with_origins(&gateway, "acme", json!({})).await;
    for (path, status) in [
        ("/api/v1/api-clients", 405),
        ("/api/v1/partners/acme/leads", 405),
        ("/api/v1/ingest/events", 405),
        ("/v1/messages", 405),
        ("/api/v1/products/1/unknown", 404),
        ("/api/v1/products//", 400),
    ] {
        let response = preflight(&gateway, path, APP, "GET").await;
        assert_eq!((response.status().as_u16(), told(response.headers())), (status, Vec::new()), "{path}");
    }
    // An `OPTIONS` that is no preflight opens nothing.
    let bare = gateway.service.bare(Method::OPTIONS, PRODUCTS).header("origin", APP).send().await.unwrap();
    assert_eq!((bare.status().as_u16(), told(bare.headers())), (405, Vec::new()));
    let platform = gateway.admin(Method::GET, "/api/v1/rate-limits").header("origin", APP);
    let platform = platform.send().await.unwrap();
    assert_eq!((platform.status().as_u16(), told(platform.headers())), (200, Vec::new()));
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn a_new_origin_is_known_soon() {
    let gateway = Harness::start().await;
    assert_eq!(preflight(&gateway, PRODUCTS, APP, "GET").await.status().as_u16(), 403);
    with_origins(&gateway, "acme", json!({})).await;
    eventually("an answered preflight", async || {
        let response = preflight(&gateway, PRODUCTS, APP, "GET").await;
        (response.status().as_u16() == 204).then_some(())
    })
    .await;
}
