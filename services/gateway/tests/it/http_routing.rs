//! Paths, methods and sizes: what the gateway refuses by itself, in the words of each surface.

use crate::harness::{Harness, text};
use crate::raw;
use bytes::Bytes;
use contracts::Service;
use contracts::routes::ROUTES;
use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use testkit::answer;

/// The error code of a body, whatever the surface.
fn code(body: &Value) -> &str {
    let error = &body["error"];
    error.as_str().unwrap_or_else(|| text(&error["code"]))
}

#[tokio::test]
async fn an_unknown_route_and_a_wrong_method_speak_the_dialect_of_their_prefix() {
    let gateway = Harness::start().await;
    for (method, path, status, expected) in [
        (Method::GET, "/api/v1/partners/acme/unknown", 404, "NOT_FOUND"),
        (Method::PUT, "/api/v1/partners/acme/leads", 405, "NOT_FOUND"),
        (Method::GET, "/api/v1/ingest/unknown", 404, "not_found"),
        (Method::GET, "/api/v1/ingest/events", 405, "method_not_allowed"),
        (Method::GET, "/v1/unknown", 404, "NOT_FOUND"),
        (Method::DELETE, "/v1/messages", 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/api/v1/products/1/2", 404, "not_found"),
        (Method::PUT, "/api/v1/products", 405, "method_not_allowed"),
        (Method::GET, "/api/v1/unknown", 404, "NOT_FOUND"),
        (Method::PATCH, "/api/v1/api-keys", 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/", 404, "NOT_FOUND"),
        (Method::GET, "/internal/organizations", 404, "NOT_FOUND"),
        (Method::GET, "/api/v1/organizations/", 404, "NOT_FOUND"),
    ] {
        let response = gateway.service.bare(method.clone(), path).send().await.unwrap();
        assert_eq!(response.headers().contains_key("allow"), status == 405, "{method} {path}");
        assert!(response.headers().contains_key("x-request-id"));
        let (answered, body) = testkit::read(response).await;
        assert_eq!((answered, code(&body)), (status, expected), "{method} {path}");
    }
    let response = gateway.service.bare(Method::PUT, "/api/v1/partners/acme/leads").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD, POST");
    for method in ["TRACE", "PROPFIND", "get"] {
        let (status, _) = raw::get(gateway.service.url(), method, "/api/v1/rate-limits", "").await;
        assert_eq!(status, 405, "{method}");
    }
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn a_path_that_can_be_read_in_two_ways_is_refused_before_anything_else() {
    let gateway = Harness::start().await;
    for path in [
        "/api/v1//rate-limits",
        "/api/v1/./rate-limits",
        "/api/v1/x/../rate-limits",
        "/api/v1/%2e%2e/v1/rate-limits",
        "/api/v1/partners/acme%2fleads",
        "/api/v1/partners/acme%5cleads",
        "/api/v1/partners/acme%00/leads",
        "/api/v1/partners/acme;a=b/leads",
        "/api/v1/partners/acme\\leads",
        "/api/v1/partners/acme./leads",
        "/api/v1/partners/acme%20/leads",
        "/api/v1/partners/%61cme/leads",
        "/v1/messages/%252e",
        "/v1/messages/%c0%af",
    ] {
        let headers = format!("Authorization: Bearer {}\r\n", gateway.admin_key);
        let (status, whole) = raw::get(gateway.service.url(), "GET", path, &headers).await;
        assert_eq!(status, 400, "{path}");
        assert!(whole.contains("application/json"), "{path}: {whole}");
    }
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_in_each_dialect_announced_or_not() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let partner = gateway.credential(&client, "acme", json!({})).await;
    let platform = gateway.key(&client, json!({})).await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let ingest =
        gateway.key(&client, json!({"surface": "ingest", "app": {"slug": "web", "name": "Web"}})).await;
    let small = 256 * 1024;
    for (surface, path, limit, expected) in [
        ("partner", partner.leads(), small, "VALIDATION_FAILED"),
        ("ingest", "/api/v1/ingest/events".to_owned(), 1024 * 1024, "batch_too_large"),
        ("crm", "/api/v1/products".to_owned(), small, "payload_too_large"),
        ("platform", "/api/v1/api-clients".to_owned(), small, "PAYLOAD_TOO_LARGE"),
        (
            "dispatcher",
            format!("/api/v1/api-clients/{}/webhooks", text(&client["id"])),
            small,
            "PAYLOAD_TOO_LARGE",
        ),
    ] {
        for chunked in [false, true] {
            let send = async |size: usize| {
                let bearer = match surface {
                    "partner" => partner.token(gateway.now()),
                    "ingest" => text(&ingest["key"]).to_owned(),
                    "crm" => text(&crm["key"]).to_owned(),
                    _ => text(&platform["key"]).to_owned(),
                };
                let request =
                    gateway.with(&bearer, Method::POST, &path).header("content-type", "application/json");
                answer(request.body(if chunked { in_chunks(size) } else { Body::from("x".repeat(size)) }))
                    .await
            };
            let (status, body) = send(limit + 1).await;
            assert_eq!((status, code(&body)), (413, expected), "{surface}, chunked: {chunked}");
            let (status, body) = send(limit).await;
            if surface == "platform" {
                assert_eq!((status, code(&body)), (400, "VALIDATION_ERROR"));
            } else {
                assert_eq!(
                    (status, text(&body["body"]).len()),
                    (200, limit),
                    "{surface}, chunked: {chunked}"
                );
            }
        }
    }
}

fn in_chunks(size: usize) -> Body {
    let chunk = Bytes::from(vec![b'x'; 16 * 1024]);
    let chunks = (0..size.div_ceil(chunk.len())).map(move |index| {
        Ok::<_, std::io::Error>(chunk.slice(..chunk.len().min(size - index * chunk.len())))
    });
    Body::wrap_stream(stream::iter(chunks))
}

#[tokio::test]
async fn every_route_that_the_table_gives_to_the_gateway_is_served_by_it() {
    let gateway = Harness::start().await;
    for route in ROUTES.iter().filter(|route| route.owner == Service::Gateway) {
        let path: Vec<_> = route
            .template
            .split('/')
            .map(
                |part| if part.starts_with('{') { testkit::unique_id().to_string() } else { part.to_owned() },
            )
            .collect();
        let request = gateway.admin(Method::from_bytes(route.method.as_bytes()).unwrap(), &path.join("/"));
        let (status, body) = answer(request.json(&json!({}))).await;
        assert_ne!(body["message"], "no operation has this path", "{} {}", route.method, route.template);
        assert!(status < 500, "{} {}: {body}", route.method, route.template);
    }
    // `GET /admin/services` asks each of the others how it is.
    assert_eq!(gateway.echo.requests(), Service::ALL.len() - 1);
}

#[tokio::test]
async fn every_other_route_reaches_its_owner_and_no_route_is_open_by_accident() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let partner = gateway.credential(&client, "acme", json!({"rateLimitOverride": 1000})).await;
    let platform = gateway.key(&client, json!({})).await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let ingest =
        gateway.key(&client, json!({"surface": "ingest", "app": {"slug": "web", "name": "Web"}})).await;
    let lex = gateway.access_token(&gateway.oauth(&client, json!({})).await).await;
    for route in ROUTES.iter().filter(|route| route.owner != Service::Gateway) {
        let path = route
            .template
            .replace("{partner_slug}", "acme")
            .replace("/api-clients/{id}", &format!("/api-clients/{}", text(&client["id"])))
            .replace("/organizations/{id}", &format!("/organizations/{}", text(&client["organizationId"])))
            .replace(['{', '}'], "");
        let method = Method::from_bytes(route.method.as_bytes()).unwrap();
        let bearer = match route.surface {
            contracts::Surface::Partner => partner.token(gateway.now()),
            contracts::Surface::Platform => text(&platform["key"]).to_owned(),
            contracts::Surface::Crm => text(&crm["key"]).to_owned(),
            contracts::Surface::Ingest => text(&ingest["key"]).to_owned(),
            contracts::Surface::Lex => lex.clone(),
        };
        let is_open = route.access == contracts::routes::Access::Open;
        let bare = answer(gateway.service.bare(method.clone(), &path)).await;
        assert_eq!(bare.0, if is_open { 200 } else { 401 }, "{} {path}", route.method);
        let (status, echoed) = answer(gateway.with(&bearer, method, &path)).await;
        assert_eq!((status, &echoed["path"]), (200, &json!(path)));
        assert_eq!(echoed["identity"]["service"], route.owner.name(), "{path}");
        if is_open {
            assert_eq!(bare.1["identity"]["caller"], json!({"kind": "anonymous"}));
        }
    }
}

#[tokio::test]
async fn tiers_event_types_and_public_keys_are_what_the_references_say() {
    let gateway = Harness::start().await;
    let (_, tiers) = answer(gateway.admin(Method::GET, "/api/v1/rate-limits")).await;
    assert_eq!(
        tiers,
        json!({"data": {
            "basic": {"requestsPerMinute": 60, "requestsPerHour": 1000, "requestsPerDay": 10_000},
            "standard": {"requestsPerMinute": 120, "requestsPerHour": 5000, "requestsPerDay": 50_000},
            "premium": {"requestsPerMinute": 300, "requestsPerHour": 15_000, "requestsPerDay": 150_000},
            "enterprise": {"requestsPerMinute": 600, "requestsPerHour": 50_000, "requestsPerDay": 500_000},
        }})
    );
    let (_, events) = answer(gateway.admin(Method::GET, "/api/v1/webhook-events")).await;
    let events = events["data"].as_array().unwrap().clone();
    assert_eq!((&events[0], &events[19]), (&json!("lead.created"), &json!("proposal.rejected")));
    assert!(events[20..].contains(&json!("webhook.subscription.disabled")));
    let response = gateway.service.bare(Method::GET, "/.well-known/jwks.json").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/jwk-set+json");
    assert!(response.headers()["cache-control"].to_str().unwrap().contains("max-age"));
    let (status, keys) = testkit::read(response).await;
    assert_eq!((status, &keys["keys"][0]["kid"], &keys["keys"][1]), (200, &json!("first"), &Value::Null));
}
