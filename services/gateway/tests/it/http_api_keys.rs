//! API keys: making, listing, revoking, and what they open.

use crate::harness::{Harness, text};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

const KEYS: &str = "/api/v1/api-keys";
const ANY: &str = "/api/v1/rate-limits";

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let scopes = json!(["leads:read", "leads:write"]);
    let created = gateway.key(&client, json!({"scopes": scopes, "rateLimitOverride": 200})).await;
    let (key, key_id) = (text(&created["key"]), text(&created["keyId"]));
    assert!(key.starts_with(&format!("{key_id}_")) && key_id.len() == "ins_abc123def456".len(), "{key}");
    assert_eq!(text(&created["keyPrefix"]), &key_id[..8]);
    assert_eq!((&created["status"], &created["surface"]), (&json!("ACTIVE"), &json!("platform")));
    assert_eq!((&created["scopes"], &created["rateLimitOverride"]), (&scopes, &json!(200)));
    assert_eq!(answer(gateway.with(key, Method::GET, ANY)).await.0, 200);

    let path = format!("/api/v1/api-clients/{}", text(&client["id"]));
    let (_, listed) = answer(gateway.admin(Method::GET, &format!("{path}/api-keys"))).await;
    let (_, shown) = answer(gateway.admin(Method::GET, &path)).await;
    assert_eq!(listed["data"], shown["apiKeys"]);
    assert_eq!(listed["data"][0]["keyId"], created["keyId"]);
    let secret = key.strip_prefix(key_id).unwrap();
    assert!(!listed.to_string().contains(secret) && listed["data"][0].get("key").is_none());
}

#[tokio::test]
async fn a_revoked_an_expired_and_a_changed_key_are_refused_alike() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let revoked = gateway.key(&client, json!({})).await;
    let soon = gateway.service.process.clock.now() + TimeDelta::minutes(5);
    let expiring = gateway.key(&client, json!({"expiresAt": soon})).await;
    let good = gateway.key(&client, json!({})).await;
    assert_eq!(answer(gateway.with(text(&expiring["key"]), Method::GET, ANY)).await.0, 200);

    let path = format!("/api/v1/api-clients/{}/api-keys/{}", text(&client["id"]), text(&revoked["id"]));
    for _ in 0..2 {
        let response = gateway.admin(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 204);
    }
    gateway.service.process.clock.advance(TimeDelta::minutes(5));
    let unknown = answer(gateway.with(
        "ins_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        Method::GET,
        ANY,
    ))
    .await;
    assert_eq!((unknown.0, &unknown.1["error"]), (401, &json!("UNAUTHORIZED")));
    let key = text(&good["key"]);
    let changed = format!("{}{}", &key[..key.len() - 1], if key.ends_with('A') { 'B' } else { 'A' });
    for key in [text(&revoked["key"]), text(&expiring["key"]), &changed, &format!("{key}A"), "nonsense"] {
        assert_eq!(answer(gateway.with(key, Method::GET, ANY)).await, unknown, "{key}");
    }
    assert_eq!(answer(gateway.with(key, Method::GET, ANY)).await.0, 200);
    let listed =
        answer(gateway.admin(Method::GET, &format!("/api/v1/api-clients/{}/api-keys", text(&client["id"]))));
    let mut statuses: Vec<_> = listed.await.1["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(&row["status"]).to_owned())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["ACTIVE", "EXPIRED", "REVOKED"]);
}

#[tokio::test]
async fn a_suspended_client_is_refused_on_every_credential() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let platform = gateway.key(&client, json!({})).await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let app = json!({"slug": "web", "name": "Web"});
    let ingest = gateway.key(&client, json!({"surface": "ingest", "app": app})).await;
    let partner = gateway.credential(&client, "acme", json!({})).await;
    sqlx::query("update api_clients set status = 'SUSPENDED' where id = $1::text::uuid")
        .bind(text(&client["id"]))
        .execute(&gateway.database.pool())
        .await
        .unwrap();
    let ask =
        async |key: &Value, path: &str| answer(gateway.with(text(&key["key"]), Method::GET, path)).await;
    let (status, body) = ask(&platform, ANY).await;
    assert_eq!((status, &body["error"]), (403, &json!("FORBIDDEN")));
    let (status, body) = ask(&crm, "/api/v1/products").await;
    assert_eq!((status, &body["error"]), (403, &json!("client_suspended")));
    let (status, body) = ask(&ingest, "/api/v1/ingest/ping").await;
    assert_eq!((status, &body["error"]["code"]), (402, &json!("api_disabled")));
    assert_eq!(gateway.judge(&partner, &partner.token(gateway.now())).await, (403, json!("FORBIDDEN")));
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn a_key_opens_its_own_surface_alone() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let app = json!({"slug": "web", "name": "Web", "allowedEventTypes": ["signup"]});
    let keys = [
        ("platform", gateway.key(&client, json!({})).await),
        ("crm", gateway.key(&client, json!({"surface": "CRM"})).await),
        ("ingest", gateway.key(&client, json!({"surface": "ingest", "app": app})).await),
    ];
    assert!(text(&keys[1].1["key"]).starts_with("finova_sk_"));
    assert_eq!(keys[1].1["scopes"].as_array().unwrap().len(), 16);
    assert!(text(&keys[2].1["key"]).starts_with("wp_live_"));
    assert!(keys[2].1["app"]["id"].is_string());
    for (surface, path) in [
        ("platform", ANY),
        ("crm", "/api/v1/leads"),
        ("ingest", "/api/v1/ingest/ping"),
        ("lex", "/v1/messages/1"),
    ] {
        for (own, key) in &keys {
            let status = answer(gateway.with(text(&key["key"]), Method::GET, path)).await.0;
            assert_eq!(status, if own == &surface { 200 } else { 401 }, "{own} key at {path}");
        }
    }
    let (_, echoed) = answer(gateway.with(text(&keys[1].1["key"]), Method::GET, "/api/v1/leads")).await;
    assert_eq!(echoed["identity"]["service"], "crm-resources");
    assert_eq!(echoed["identity"]["caller"]["credential"], json!({"id": keys[1].1["id"], "kind": "crm_key"}));
    assert_eq!(echoed["identity"]["caller"]["organization"]["slug"], "acme");
}

#[tokio::test]
async fn a_crm_key_that_is_missing_unknown_expired_or_revoked_is_invalid() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let expires = gateway.service.process.clock.now() + TimeDelta::hours(1);
    let expiring = gateway.key(&client, json!({"surface": "crm", "expiresAt": expires})).await;
    let revoked = gateway.key(&client, json!({"surface": "crm"})).await;
    let (expiring, path) = (text(&expiring["key"]), text(&revoked["id"]));
    let path = format!("/api/v1/api-clients/{}/api-keys/{path}", text(&client["id"]));
    let revoked = text(&revoked["key"]);
    let ask = async |key: Option<&str>| {
        let request = gateway.service.bare(Method::GET, "/api/v1/products");
        let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
        let response = request.send().await.unwrap();
        for header in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id"] {
            assert!(response.headers().contains_key(header), "{header}");
        }
        let (status, body) = testkit::read(response).await;
        (status, body["error"].as_str().map(str::to_owned))
    };
    let invalid = (401, Some("invalid_key".to_owned()));
    assert_eq!((ask(Some(expiring)).await.0, ask(Some(revoked)).await.0), (200, 200));
    gateway.service.process.clock.advance(TimeDelta::hours(1));
    assert_eq!(gateway.admin(Method::DELETE, &path).send().await.unwrap().status().as_u16(), 204);
    let tampered = format!("{expiring}x");
    for key in [None, Some(expiring), Some(revoked), Some(&tampered), Some("finova_sk_none"), Some("")] {
        assert_eq!(ask(key).await, invalid, "{key:?}");
    }
}

#[tokio::test]
async fn a_crm_key_with_origins_works_from_them_alone() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let key =
        gateway.key(&client, json!({"surface": "crm", "allowedOrigins": ["https://app.acme.com"]})).await;
    let ask = async |origin: Option<&str>| {
        let request = gateway.with(text(&key["key"]), Method::GET, "/api/v1/products");
        answer(match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        })
        .await
    };
    assert_eq!(ask(Some("https://app.acme.com")).await.0, 200);
    for origin in [
        None,
        Some("null"),
        Some("https://app.acme.com.evil.io"),
        Some("http://app.acme.com"),
        Some("https://app.acme.com:8443"),
    ] {
        let (status, body) = ask(origin).await;
        assert_eq!((status, &body["error"]), (403, &json!("origin_not_allowed")), "{origin:?}");
    }
}

#[tokio::test]
async fn an_app_belongs_to_the_organisation_and_its_allow_list_to_the_app() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let make = async |app: Value| {
        gateway.key(&client, json!({"surface": "ingest", "app": app})).await["app"].clone()
    };
    let first = make(json!({"slug": "web", "name": "Web", "allowedEventTypes": ["signup"]})).await;
    let second = make(json!({"slug": "web", "name": "Web shop"})).await;
    assert_eq!(
        second,
        json!({"id": first["id"], "slug": "web", "name": "Web shop", "allowedEventTypes": ["signup"]})
    );
    let other = gateway.client("globex").await;
    let foreign =
        gateway.key(&other, json!({"surface": "ingest", "app": {"slug": "web", "name": "Web"}})).await;
    assert_ne!(foreign["app"]["id"], first["id"]);
}

#[tokio::test]
async fn a_key_never_gets_a_scope_that_its_client_lacks_or_its_maker_does_not_hold() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    let mut body = crate::harness::new_client(&organization["id"]);
    body["scopes"] = json!(["clients:write", "leads:read", "read-products"]);
    let client = gateway.create("/api/v1/api-clients", &body).await;
    let make = async |bearer: &str, rest: Value| {
        let mut body = json!({"clientId": client["id"], "name": "k"});
        body.as_object_mut().unwrap().append(&mut rest.as_object().unwrap().clone());
        answer(gateway.with(bearer, Method::POST, KEYS).json(&body)).await
    };
    // Not even an administrator goes above the client's ceiling.
    for scopes in [json!(["leads:write"]), json!(["platform:admin"])] {
        let (status, refused) = make(&gateway.admin_key, json!({"scopes": scopes})).await;
        assert_eq!((status, &refused["error"]), (403, &json!("FORBIDDEN")), "{scopes}");
    }
    let (_, maker) = make(&gateway.admin_key, json!({"scopes": ["clients:write"]})).await;
    let maker = text(&maker["key"]);
    assert_eq!(make(maker, json!({"scopes": ["leads:read"]})).await.0, 403);
    assert_eq!(make(maker, json!({"scopes": ["clients:write"]})).await.0, 201);
    assert_eq!(make(maker, json!({})).await.1["scopes"], json!(["clients:write"]));
    assert_eq!(make(maker, json!({"surface": "crm"})).await.1["scopes"], json!(["read-products"]));
    assert_eq!(make(maker, json!({"surface": "crm", "scopes": ["delete-products"]})).await.0, 403);
    assert_eq!(make(maker, json!({"surface": "crm", "rateLimitOverride": 5000})).await.0, 403);
    // A reader makes no keys at all.
    let (_, reader) = make(&gateway.admin_key, json!({"scopes": ["leads:read"]})).await;
    assert_eq!(make(text(&reader["key"]), json!({})).await.0, 403);
}

#[tokio::test]
async fn every_failing_field_is_named() {
    let gateway = Harness::start().await;
    let past = gateway.service.process.clock.now() - TimeDelta::seconds(1);
    let body = json!({
        "clientId": "1", "name": "", "expiresAt": past, "scopes": ["read-products"], "rateLimitOverride": 0,
        "allowedOrigins": ["https://a.b/path"], "app": {},
    });
    let (status, refused) = answer(gateway.admin(Method::POST, KEYS).json(&body)).await;
    assert_eq!(status, 400);
    let mut paths: Vec<_> =
        refused["details"]["fields"].as_array().unwrap().iter().map(|field| text(&field["path"])).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        ["allowedOrigins", "app", "clientId", "expiresAt", "name", "rateLimitOverride", "scopes"]
    );
    let client = gateway.client("acme").await;
    for (body, path) in [
        (json!({"surface": "ingest"}), "app"),
        (json!({"surface": "ingest", "app": {"slug": "No Slug", "name": "x"}}), "app.slug"),
        (json!({"surface": "lex"}), "surface"),
        (json!({"surface": "crm", "allowedOrigins": ["https://a.b/"]}), "allowedOrigins"),
        (json!({"allowedOrigins": ["https://a.b"]}), "allowedOrigins"),
    ] {
        let mut whole = json!({"clientId": client["id"], "name": "k"});
        whole.as_object_mut().unwrap().append(&mut body.as_object().unwrap().clone());
        let (status, refused) = answer(gateway.admin(Method::POST, KEYS).json(&whole)).await;
        assert_eq!((status, &refused["details"]["fields"][0]["path"]), (400, &json!(path)), "{body}");
    }
}

#[tokio::test]
async fn credentials_are_listed_page_by_page_newest_first() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(gateway.key(&client, json!({})).await["id"].clone());
        gateway.service.process.clock.advance(TimeDelta::seconds(1));
    }
    let path = format!("/api/v1/api-clients/{}", text(&client["id"]));
    let page = async |query: &str| answer(gateway.admin(Method::GET, &format!("{path}/{query}"))).await;
    let (_, first) = page("api-keys?limit=2").await;
    assert_eq!(first["pagination"], json!({"page": 1, "limit": 2, "total": 3, "totalPages": 2}));
    assert_eq!([&first["data"][0]["id"], &first["data"][1]["id"]], [&made[2], &made[1]]);
    let (_, second) = page("api-keys?limit=2&page=2").await;
    assert_eq!((second["data"].as_array().unwrap().len(), &second["data"][0]["id"]), (1, &made[0]));
    for list in ["api-keys", "service-credentials", "oauth-credentials"] {
        let (status, refused) = page(&format!("{list}?page=0&limit=101")).await;
        assert_eq!((status, refused["details"]["fields"].as_array().unwrap().len()), (400, 2), "{list}");
        let (_, beyond) = page(&format!("{list}?page=2147483647&limit=100")).await;
        assert_eq!(beyond["data"], json!([]), "{list}");
    }
}
