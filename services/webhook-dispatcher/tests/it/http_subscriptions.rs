//! Creating and listing partner subscriptions.

use crate::harness::{Harness, SUBSCRIPTIONS};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;

async fn create(harness: &Harness, body: &Value) -> (u16, Value) {
    let acme = callers::partner("acme", &["webhooks:write"]);
    testkit::answer(harness.service.request(&acme, Method::POST, SUBSCRIPTIONS).json(body)).await
}

fn failing_fields(body: &Value) -> Vec<&str> {
    let fields = body["error"]["details"]["fields"].as_array().unwrap();
    fields.iter().map(|field| field["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_subscription_shows_its_secret_once() {
    let harness = Harness::start().await;
    let wanted =
        json!({"url": "https://93.184.216.34/hook", "events": ["lead.*"], "description": "all leads"});
    let (status, created) = create(&harness, &wanted).await;
    assert_eq!(status, 201);
    assert_eq!(created["ok"], true);
    let secret = created["data"]["hmac_secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let mut expected = wanted;
    for (name, value) in [
        ("id", created["data"]["id"].clone()),
        ("hmac_secret", json!(secret)),
        ("active", json!(true)),
        ("created_at", json!(harness.clock.now())),
        ("last_success_at", Value::Null),
        ("last_failure_at", Value::Null),
        ("consecutive_failures", json!(0)),
    ] {
        expected[name] = value;
    }
    assert_eq!(created["data"], expected);

    expected["hmac_secret"] = json!(format!("{}…", &secret[..10]));
    assert_eq!(harness.list().await, [expected]);
}

#[tokio::test]
async fn the_secret_lies_sealed_in_the_database() {
    let harness = Harness::start().await;
    let made = harness.subscribe("https://93.184.216.34/hook", &["*"]).await;
    let sealed: Vec<u8> =
        sqlx::query_scalar("select secret from subscriptions").fetch_one(&harness.pool).await.unwrap();
    let secret = made.secret.as_bytes();
    assert!(!sealed.windows(secret.len()).any(|window| window == secret));
}

#[tokio::test]
async fn every_failing_field_is_named() {
    let harness = Harness::start().await;
    let body =
        json!({"url": "ftp://hooks.example.com", "events": ["lead created"], "description": "d".repeat(501)});
    let (status, refused) = create(&harness, &body).await;
    assert_eq!(
        (status, &refused["ok"], &refused["error"]["code"]),
        (422, &json!(false), &json!("VALIDATION_FAILED"))
    );
    assert_eq!(failing_fields(&refused), ["url", "events", "description"]);
    let (status, refused) = create(&harness, &json!([])).await;
    assert_eq!((status, &refused["error"]["code"]), (422, &json!("VALIDATION_FAILED")));
}

#[tokio::test]
async fn addresses_nearby_are_refused_where_private_networks_are() {
    let harness = Harness::start_with(|settings| settings.delivery.allow_private_networks = false).await;
    for url in [
        "http://93.184.216.34/",
        "https://127.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
        "https://user@93.184.216.34/",
        "https://93.184.216.34:22/",
    ] {
        let (status, refused) = create(&harness, &json!({"url": url, "events": ["*"]})).await;
        assert_eq!((status, failing_fields(&refused)), (422, vec!["url"]), "{url}");
    }
    let (status, _) = create(&harness, &json!({"url": "https://93.184.216.34:8443/", "events": ["*"]})).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn another_partner_sees_nothing_of_it() {
    let mut harness = Harness::start().await;
    let made = harness.subscribe("https://93.184.216.34/hook", &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    let globex = callers::partner("globex", &["webhooks:read", "webhooks:write"]);
    let own = "/api/v1/partners/globex/webhook-subscriptions";
    let (status, listed) = testkit::answer(harness.service.request(&globex, Method::GET, own)).await;
    assert_eq!((status, &listed["data"]), (200, &json!({"items": [], "count": 0})));
    let log = format!("{own}/{}/deliveries", made.id);
    let (status, refused) = testkit::answer(harness.service.request(&globex, Method::GET, &log)).await;
    assert_eq!((status, &refused["error"]["code"]), (404, &json!("NOT_FOUND")));
    let (status, refused) =
        testkit::answer(harness.service.request(&globex, Method::GET, SUBSCRIPTIONS)).await;
    assert_eq!((status, &refused["error"]["code"]), (403, &json!("FORBIDDEN")));
}

#[tokio::test]
async fn scopes_and_slugs_are_checked() {
    let harness = Harness::start().await;
    let reader = callers::partner("acme", &["webhooks:read"]);
    let body = json!({"url": "https://93.184.216.34/", "events": ["*"]});
    let write = harness.service.request(&reader, Method::POST, SUBSCRIPTIONS).json(&body);
    assert_eq!(testkit::answer(write).await.0, 403);
    let writer = callers::partner("acme", &["webhooks:write"]);
    assert_eq!(testkit::answer(harness.service.request(&writer, Method::GET, SUBSCRIPTIONS)).await.0, 200);
    let other = callers::partner("acme", &["leads:write"]);
    assert_eq!(testkit::answer(harness.service.request(&other, Method::GET, SUBSCRIPTIONS)).await.0, 403);
    let path = "/api/v1/partners/Acme-1/webhook-subscriptions";
    assert_eq!(testkit::answer(harness.service.request(&reader, Method::GET, path)).await.0, 422);
    let (status, refused) = testkit::answer(harness.service.bare(Method::GET, SUBSCRIPTIONS)).await;
    assert_eq!((status, &refused["error"]["code"]), (401, &json!("UNAUTHORIZED")));
}

#[tokio::test]
async fn the_log_is_paged() {
    let mut harness = Harness::start().await;
    let made = harness.subscribe("https://93.184.216.34/hook", &["*"]).await;
    harness.set_state(&made, "disabled").await;
    for count in 1..=3 {
        harness.fan_out(count).await;
        harness.deliver_after(1).await;
    }
    let acme = callers::partner("acme", &["webhooks:read"]);
    let path = format!("{SUBSCRIPTIONS}/{}/deliveries", made.id);
    let page = async |query: &str| {
        let url = format!("{path}?{query}");
        testkit::answer(harness.service.request(&acme, Method::GET, &url)).await
    };
    let (_, first) = page("limit=2").await;
    assert_eq!(first["data"]["count"], 2);
    let cursor = first["data"]["next_cursor"].as_str().unwrap();
    let (_, second) = page(&format!("limit=2&cursor={cursor}")).await;
    assert_eq!((&second["data"]["count"], &second["data"]["next_cursor"]), (&json!(1), &Value::Null));
    let (status, refused) = page("limit=101&cursor=nonsense").await;
    assert_eq!((status, failing_fields(&refused)), (422, vec!["limit", "cursor"]));
    let broken = harness.service.request(&acme, Method::GET, &format!("{SUBSCRIPTIONS}/7/deliveries"));
    assert_eq!(testkit::answer(broken).await.0, 404);
}
