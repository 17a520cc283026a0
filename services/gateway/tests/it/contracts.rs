//! The published reference of the platform surface, operation by operation: status, fields and their kinds,
//! as far as the gateway itself answers. What we add to an answer stands in a list of its own.

use crate::dispatcher::Dispatcher;
use crate::harness::{Harness, text};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use testkit::Asked;

/// A field's name and what it may be.
type Fields<'f> = &'f [(&'f str, &'f str)];

const CLIENT_ROW: Fields<'_> = &[
    ("id", "uuid"),
    ("name", "text"),
    ("status", "text"),
    ("rateLimitTier", "text"),
    ("contactEmail", "text"),
    ("createdAt", "time"),
];
const CLIENT: Fields<'_> = &[
    ("id", "uuid"),
    ("name", "text"),
    ("description", "text?"),
    ("redirectUris", "list"),
    ("website", "text?"),
    ("logoUrl", "text?"),
    ("contactEmail", "text"),
    ("status", "text"),
    ("rateLimitTier", "text"),
    ("webhookUrl", "text?"),
    ("webhookSecret", "text?"),
    ("scopes", "list?"),
    ("metadata", "object?"),
    ("createdAt", "time"),
    ("updatedAt", "time"),
    ("apiKeys", "list"),
    ("webhookSubscriptions", "list"),
];
const KEY_ROW: Fields<'_> = &[
    ("id", "uuid"),
    ("keyId", "text"),
    ("keyPrefix", "text"),
    ("name", "text"),
    ("status", "text"),
    ("lastUsedAt", "time?"),
    ("expiresAt", "time?"),
    ("scopes", "list"),
    ("createdAt", "time"),
];
const NEW_KEY: Fields<'_> = &[
    ("id", "uuid"),
    ("keyId", "text"),
    ("keyPrefix", "text"),
    ("key", "text"),
    ("name", "text"),
    ("status", "text"),
    ("expiresAt", "time?"),
    ("scopes", "list"),
    ("createdAt", "time"),
];
const OUR_KEY_FIELDS: &[&str] = &["surface", "rateLimitOverride", "metadata", "clientId", "lastUsedAt"];

fn is(kind: &str, value: &Value) -> bool {
    let (kind, nullable) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
    let fits = match kind {
        "uuid" => value.as_str().is_some_and(|text| text.parse::<uuid::Uuid>().is_ok()),
        "text" => value.is_string(),
        "time" => value
            .as_str()
            .is_some_and(|text| text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok()),
        "list" => value.is_array(),
        "object" => value.is_object(),
        "count" => value.is_u64(),
        other => panic!("{other} is no kind"),
    };
    fits || (nullable && value.is_null())
}

/// Holds an object against its documented fields, and the fields that we add.
fn assert_fields(what: &str, value: &Value, fields: Fields<'_>, ours: &[&str]) {
    for (name, kind) in fields {
        let member = value.get(*name).unwrap_or_else(|| panic!("{what}: no {name} in {value}"));
        assert!(is(kind, member), "{what}: {name} is no {kind}: {member}");
    }
    for name in value.as_object().unwrap().keys() {
        let known = fields.iter().any(|(field, _)| field == name) || ours.contains(&name.as_str());
        assert!(known, "{what}: {name} is undocumented");
    }
}

fn assert_limit_headers(what: &str, headers: &HeaderMap) {
    let text =
        |name: &str| headers.get(name).unwrap_or_else(|| panic!("{what}: no {name}")).to_str().unwrap();
    assert!(text("x-ratelimit-limit").parse::<u64>().is_ok(), "{what}");
    assert!(text("x-ratelimit-remaining").parse::<u64>().is_ok(), "{what}");
    assert!(chrono::DateTime::parse_from_rfc3339(text("x-ratelimit-reset")).is_ok(), "{what}");
    assert!(!text("x-request-id").is_empty(), "{what}");
}

/// Sends a request and holds the answer's status, headers and media type against the reference.
async fn expect(what: &str, request: Asked, status: u16) -> Value {
    let response = request.send().await.unwrap();
    assert_limit_headers(what, response.headers());
    assert_eq!(response.status().as_u16(), status, "{what}");
    if status == 204 {
        assert_eq!(response.bytes().await.unwrap().len(), 0, "{what}");
        return Value::Null;
    }
    assert_eq!(response.headers()["content-type"], "application/json", "{what}");
    response.json().await.unwrap()
}

fn assert_page(what: &str, body: &Value, page: u64, limit: u64) {
    let total = body["pagination"]["total"].as_u64().unwrap();
    let pages = json!({"page": page, "limit": limit, "total": total, "totalPages": total.div_ceil(limit)});
    assert_eq!(body["pagination"], pages, "{what}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{what}");
}

#[tokio::test]
async fn the_operations_on_clients_answer_as_the_reference_says() {
    // Of a clock that stands where the harness's does, as far as a minute goes.
    let dispatcher = Dispatcher::start(&testkit::process().clock);
    let gateway = Harness::start_with(|settings| {
        settings.upstreams.webhook_dispatcher = vec![dispatcher.url.clone()];
    })
    .await;
    let at = |path: &str| format!("/api/v1/api-clients{path}");
    let body = json!({
        "name": "My Partner App", "description": "Integration for lead management",
        "redirectUris": ["https://example.com/callback"], "website": "https://example.com",
        "contactEmail": "tech@example.com", "rateLimitTier": "standard",
        "scopes": ["leads:read", "leads:write", "webhooks:write"],
    });
    let what = "POST /api-clients";
    let created = expect(what, gateway.admin(Method::POST, &at("")).json(&body), 201).await;
    assert_fields(what, &created, CLIENT, &["organizationId"]);
    assert_eq!((&created["status"], &created["rateLimitTier"]), (&json!("ACTIVE"), &json!("STANDARD")));
    let one = at(&format!("/{}", text(&created["id"])));

    let what = "GET /api-clients";
    let query = at("?status=ACTIVE&rateLimitTier=STANDARD&page=1&limit=20");
    let listed = expect(what, gateway.admin(Method::GET, &query), 200).await;
    assert_page(what, &listed, 1, 20);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_fields(what, &listed["data"][0], CLIENT_ROW, &["organizationId"]);

    let key = gateway.key(&created, json!({"scopes": ["leads:read"]})).await;
    let what = "GET /api-clients/:id";
    let found = expect(what, gateway.admin(Method::GET, &one), 200).await;
    assert_fields(what, &found, CLIENT, &["organizationId"]);
    assert_fields(what, &found["apiKeys"][0], KEY_ROW, OUR_KEY_FIELDS);
    assert_eq!(found["apiKeys"][0]["id"], key["id"]);
    assert_eq!(found["webhookSubscriptions"], Dispatcher::known(&created["id"]));

    let what = "PUT /api-clients/:id";
    let change = json!({"status": "SUSPENDED", "rateLimitTier": "PREMIUM"});
    let updated = expect(what, gateway.admin(Method::PUT, &one).json(&change), 200).await;
    assert_fields(what, &updated, CLIENT, &["organizationId"]);
    assert_eq!((&updated["status"], &updated["rateLimitTier"]), (&json!("SUSPENDED"), &json!("PREMIUM")));
    assert_eq!((&updated["name"], &updated["apiKeys"][0]["id"]), (&created["name"], &key["id"]));
    assert_eq!(updated["webhookSubscriptions"], Dispatcher::known(&created["id"]));

    expect("DELETE /api-clients/:id", gateway.admin(Method::DELETE, &one), 204).await;
    let gone = expect("a deleted client", gateway.admin(Method::GET, &one), 404).await;
    assert_eq!(gone["error"], "NOT_FOUND");
}

#[tokio::test]
async fn the_operations_on_keys_answer_as_the_reference_says() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let id = text(&client["id"]);
    let what = "POST /api-keys";
    let body = json!({
        "clientId": id, "name": "Production Key", "expiresAt": "2999-12-31T23:59:59Z",
        "scopes": ["leads:read", "leads:write"], "rateLimitOverride": 200,
    });
    let created = expect(what, gateway.admin(Method::POST, "/api/v1/api-keys").json(&body), 201).await;
    assert_fields(what, &created, NEW_KEY, OUR_KEY_FIELDS);
    let (key, key_id) = (text(&created["key"]), text(&created["keyId"]));
    assert!(key_id.starts_with("ins_") && key_id.len() == 16, "{key_id}");
    assert!(key.starts_with(&format!("{key_id}_")), "{key}");
    assert_eq!(created["keyPrefix"], key_id[..8]);
    assert_eq!((&created["status"], &created["expiresAt"]), (&json!("ACTIVE"), &body["expiresAt"]));

    let keys = format!("/api/v1/api-clients/{id}/api-keys");
    let what = "GET /api-clients/:clientId/api-keys";
    let listed = expect(what, gateway.admin(Method::GET, &keys), 200).await;
    assert_fields(what, &listed["data"][0], KEY_ROW, OUR_KEY_FIELDS);
    assert!(!listed.to_string().contains(key));

    let one = format!("{keys}/{}", text(&created["id"]));
    expect("DELETE /api-clients/:clientId/api-keys/:apiKeyId", gateway.admin(Method::DELETE, &one), 204)
        .await;
    let listed = expect(what, gateway.admin(Method::GET, &keys), 200).await;
    assert_eq!(listed["data"][0]["status"], "REVOKED");
    let refused = expect("a revoked key", gateway.with(key, Method::GET, "/api/v1/rate-limits"), 401).await;
    assert_eq!(refused["error"], "UNAUTHORIZED");
}

#[tokio::test]
async fn tiers_and_event_types_are_those_of_the_reference() {
    let gateway = Harness::start().await;
    let tiers = expect("GET /rate-limits", gateway.admin(Method::GET, "/api/v1/rate-limits"), 200).await;
    let tier = |minute: u64, hour: u64, day: u64| json!({"requestsPerMinute": minute, "requestsPerHour": hour, "requestsPerDay": day});
    assert_eq!(
        tiers,
        json!({"data": {
            "basic": tier(60, 1_000, 10_000), "standard": tier(120, 5_000, 50_000),
            "premium": tier(300, 15_000, 150_000), "enterprise": tier(600, 50_000, 500_000),
        }})
    );
    let request = gateway.admin(Method::GET, "/api/v1/webhook-events");
    let types = expect("GET /webhook-events", request, 200).await;
    let published = [
        "lead.created",
        "lead.updated",
        "lead.qualified",
        "lead.converted",
        "lead.rejected",
        "assignment.created",
        "assignment.accepted",
        "assignment.rejected",
        "policy.created",
        "policy.updated",
        "policy.activated",
        "policy.cancelled",
        "quote.created",
        "quote.sent",
        "quote.accepted",
        "quote.rejected",
        "proposal.created",
        "proposal.sent",
        "proposal.accepted",
        "proposal.rejected",
    ];
    let first: Vec<_> = types["data"].as_array().unwrap().iter().take(20).map(text).collect();
    assert_eq!(first, published);
}

#[tokio::test]
async fn errors_have_the_envelope_and_the_codes_of_the_reference() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let weak = gateway.key(&client, json!({"scopes": ["usage:read"], "rateLimitOverride": 2})).await;
    let weak = text(&weak["key"]);
    let missing = format!("/api/v1/api-clients/{}", testkit::unique_id());
    for (request, status, code) in [
        (gateway.service.bare(Method::GET, "/api/v1/api-clients"), 401, "UNAUTHORIZED"),
        (gateway.with("ins_0123456789ab_nope", Method::GET, "/api/v1/api-clients"), 401, "UNAUTHORIZED"),
        (gateway.with(weak, Method::GET, "/api/v1/api-clients"), 403, "FORBIDDEN"),
        (gateway.admin(Method::POST, "/api/v1/api-clients").json(&json!({})), 400, "VALIDATION_ERROR"),
        (gateway.admin(Method::GET, &missing), 404, "NOT_FOUND"),
        (gateway.with(weak, Method::GET, "/api/v1/webhook-events"), 200, ""),
        (gateway.with(weak, Method::GET, "/api/v1/webhook-events"), 429, "RATE_LIMIT_EXCEEDED"),
    ] {
        let body = expect(code, request, status).await;
        if status != 200 {
            assert_eq!(body["error"], code);
            assert!(body["message"].is_string(), "{body}");
        }
        if status == 429 {
            assert!(body["retryAfter"].as_u64().is_some_and(|seconds| seconds > 0), "{body}");
        }
        if status == 400 {
            let fields = body["details"]["fields"].as_array().unwrap();
            assert!(fields.iter().all(|field| field["path"].is_string() && field["message"].is_string()));
        }
    }
}

#[tokio::test]
async fn pages_end_where_they_end() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    for _ in 0..4 {
        gateway.client_of(&organization["id"]).await;
    }
    for (query, status, rows) in [
        ("", 200, 5),
        ("page=1&limit=100", 200, 5),
        ("page=2&limit=3", 200, 2),
        ("page=9&limit=3", 200, 0),
        ("page=2147483647", 200, 0),
        ("limit=1", 200, 1),
        ("page=&limit=", 200, 5),
        ("page=0", 400, 0),
        ("page=-1", 400, 0),
        ("page=1.5", 400, 0),
        ("limit=0", 400, 0),
        ("limit=101", 400, 0),
        ("page=99999999999999999999", 400, 0),
        ("sortOrder=up", 400, 0),
        ("sortBy=name&sortOrder=ASC", 200, 5),
    ] {
        let request = gateway.admin(Method::GET, &format!("/api/v1/api-clients?{query}"));
        let body = expect(query, request, status).await;
        if status == 200 {
            assert_eq!(body["data"].as_array().unwrap().len(), rows, "{query}");
            assert_eq!(body["pagination"]["total"], 5, "{query}");
        }
    }
}
