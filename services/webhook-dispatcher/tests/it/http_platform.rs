//! Webhooks of a client on the platform surface: creating, listing, changing, deleting.

use crate::harness::{Harness, client, platform, platform_key, webhooks};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;

const URL: &str = "https://93.184.216.34/hook";

fn one(webhook: &Value) -> String {
    format!("{}/{}", webhooks(), webhook["id"].as_str().unwrap())
}

fn failing_fields(body: &Value) -> Vec<&str> {
    let fields = body["details"]["fields"].as_array().unwrap();
    fields.iter().map(|field| field["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_webhook_has_the_documented_shape_and_shows_its_secret_once() {
    let harness = Harness::start().await;
    let retry = json!({"maxRetries": 5, "retryDelay": 30, "backoffMultiplier": 1.5, "timeout": 10});
    let wanted = json!({
        "url": URL, "events": ["lead.created", "policy.*"], "retryConfig": retry, "rateLimit": 50,
        "metadata": {"team": "sales"},
    });
    let created = harness.webhook(&wanted).await;
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let mut expected = json!({
        "id": created["id"], "clientId": client(), "url": URL, "secret": secret,
        "events": ["lead.created", "policy.*"], "status": "ACTIVE", "retryConfig": retry, "rateLimit": 50,
        "metadata": {"team": "sales"}, "createdAt": harness.clock.now(), "updatedAt": harness.clock.now(),
    });
    assert_eq!(created, expected);
    expected["secret"] = json!(format!("{}…", &secret[..10]));
    let (status, found) = harness.ask(&platform(), Method::GET, &one(&created), &Value::Null).await;
    assert_eq!((status, found), (200, expected));

    let plain = harness.webhook(&json!({"url": URL, "events": ["*"]})).await;
    let default = json!({"maxRetries": 3, "retryDelay": 60, "backoffMultiplier": 2.0, "timeout": 30});
    assert_eq!((&plain["retryConfig"], &plain["metadata"]), (&default, &Value::Null));
}

#[tokio::test]
async fn the_list_is_filtered_sorted_and_paged() {
    let mut harness = Harness::start().await;
    let mut made = Vec::new();
    for path in ["/a", "/b", "/c"] {
        let url = format!("https://93.184.216.34{path}");
        made.push(harness.webhook(&json!({"url": url, "events": ["lead.created"]})).await);
        harness.clock.advance(chrono::TimeDelta::seconds(1));
    }
    let (status, _) =
        harness.ask(&platform(), Method::PUT, &one(&made[1]), &json!({"status": "disabled"})).await;
    assert_eq!(status, 200);
    harness.fan_out(3).await;
    harness.deliver().await;
    let list = async |query: &str| {
        let path = format!("{}?{query}", webhooks());
        harness.ask(&platform(), Method::GET, &path, &Value::Null).await
    };
    let (status, all) = list("").await;
    assert_eq!(status, 200);
    assert_eq!(all["pagination"], json!({"page": 1, "limit": 20, "total": 3, "totalPages": 1}));
    let row = json!({
        "id": made[1]["id"], "url": "https://93.184.216.34/b", "events": ["lead.created"],
        "status": "DISABLED", "createdAt": made[1]["createdAt"], "_count": {"deliveries": 1},
    });
    assert_eq!(all["data"][1], row);
    assert_eq!([&all["data"][0]["id"], &all["data"][2]["id"]], [&made[2]["id"], &made[0]["id"]]);
    let (_, active) = list("status=active&sortBy=createdAt&sortOrder=ASC").await;
    assert_eq!([&active["data"][0]["id"], &active["data"][1]["id"]], [&made[0]["id"], &made[2]["id"]]);
    assert_eq!(active["pagination"]["total"], 2);
    let (_, second) = list("page=2&limit=2").await;
    assert_eq!((second["data"].as_array().unwrap().len(), &second["data"][0]["id"]), (1, &made[0]["id"]));
    assert_eq!(second["pagination"], json!({"page": 2, "limit": 2, "total": 3, "totalPages": 2}));
    let (status, refused) = list("status=asleep&page=0&limit=101&sortBy=color&sortOrder=up").await;
    assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")));
    assert_eq!(failing_fields(&refused), ["status", "page", "limit", "sortBy", "sortOrder"]);
}

#[tokio::test]
async fn a_change_names_what_becomes_different() {
    let harness = Harness::start().await;
    let made = harness.webhook(&json!({"url": URL, "events": ["lead.*"], "rateLimit": 5})).await;
    let change = async |body: Value| harness.ask(&platform(), Method::PUT, &one(&made), &body).await;
    harness.clock.advance(chrono::TimeDelta::seconds(5));
    let (status, paused) = change(json!({"status": "Paused", "retryConfig": {"maxRetries": 0}})).await;
    assert_eq!((status, &paused["status"]), (200, &json!("PAUSED")));
    assert_eq!(
        (&paused["retryConfig"]["maxRetries"], &paused["retryConfig"]["retryDelay"]),
        (&json!(0), &json!(60))
    );
    assert_eq!((&paused["rateLimit"], &paused["events"]), (&json!(5), &json!(["lead.*"])));
    assert_eq!(
        (&paused["createdAt"], &paused["updatedAt"]),
        (&made["createdAt"], &json!(harness.clock.now()))
    );
    let (_, cleared) = change(json!({"rateLimit": null, "metadata": {"a": 1}, "events": ["*", "*"]})).await;
    assert_eq!((&cleared["rateLimit"], &cleared["metadata"]["a"]), (&Value::Null, &json!(1)));
    assert_eq!((&cleared["events"], &cleared["status"]), (&json!(["*"]), &json!("PAUSED")));
    let (status, refused) =
        change(json!({"url": "ftp://x", "events": [], "status": 5, "retryConfig": {"timeout": 31}})).await;
    assert_eq!(
        (status, failing_fields(&refused)),
        (400, vec!["url", "events", "status", "retryConfig.timeout"])
    );
}

#[tokio::test]
async fn every_failing_field_is_named_and_addresses_nearby_are_refused() {
    let harness = Harness::start_with(|settings| settings.delivery.allow_private_networks = false).await;
    let create = async |body: Value| harness.ask(&platform(), Method::POST, &webhooks(), &body).await;
    let (status, refused) =
        create(json!({"url": "https://127.0.0.1/", "retryConfig": {"retryDelay": 0}})).await;
    assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")));
    assert_eq!(failing_fields(&refused), ["url", "events", "retryConfig.retryDelay"]);
    let (status, _) = create(json!([])).await;
    assert_eq!(status, 400);
    let many: Vec<_> = (0..101).map(|number| format!("type_{number}")).collect();
    let (_, refused) = create(json!({"url": URL, "events": many})).await;
    assert_eq!(failing_fields(&refused), ["events"]);
}

#[tokio::test]
async fn scopes_are_checked() {
    let harness = Harness::start().await;
    let body = json!({"url": URL, "events": ["*"]});
    let key = |scopes| platform_key("acme", Some(client()), scopes);
    let reader = key(&["webhooks:read"]);
    let (status, refused) = harness.ask(&reader, Method::POST, &webhooks(), &body).await;
    assert_eq!((status, &refused["error"]), (403, &json!("FORBIDDEN")));
    assert!(refused["message"].as_str().unwrap().contains("webhooks:write"), "{refused}");
    assert_eq!(harness.ask(&reader, Method::GET, &webhooks(), &Value::Null).await.0, 200);
    let writer = key(&["webhooks:write"]);
    assert_eq!(harness.ask(&writer, Method::GET, &webhooks(), &Value::Null).await.0, 200);
    let admin = key(&["platform:admin"]);
    assert_eq!(harness.ask(&admin, Method::POST, &webhooks(), &body).await.0, 201);
    let other = key(&["clients:write", "leads:read"]);
    assert_eq!(harness.ask(&other, Method::GET, &webhooks(), &Value::Null).await.0, 403);
    let (status, refused) = testkit::answer(harness.service.bare(Method::GET, &webhooks())).await;
    assert_eq!((status, &refused["error"]), (401, &json!("UNAUTHORIZED")));
}

#[tokio::test]
async fn a_client_has_at_most_a_hundred() {
    let harness = Harness::start().await;
    // One of the partner family counts as well.
    harness.subscribe(URL, &["*"]).await;
    for _ in 0..99 {
        harness.webhook(&json!({"url": URL, "events": ["lead.created"]})).await;
    }
    let body = json!({"url": URL, "events": ["*"]});
    let (status, refused) = harness.ask(&platform(), Method::POST, &webhooks(), &body).await;
    assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")));
    let acme = callers::partner("acme", &["webhooks:write"]);
    let (status, _) = harness.ask(&acme, Method::POST, crate::harness::SUBSCRIPTIONS, &body).await;
    assert_eq!(status, 409);
    let (_, all) = harness.ask(&platform(), Method::GET, &webhooks(), &Value::Null).await;
    let first = one(&all["data"][0]);
    assert_eq!(harness.ask(&platform(), Method::DELETE, &first, &Value::Null).await.0, 204);
    harness.webhook(&body).await;
}
