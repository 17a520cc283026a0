//! The platform surface through the real parts: each of its published operations, and how far a deletion
//! reaches.

use crate::story::Story;
use e2e::partner::{lead, new_slug};
use e2e::system::System;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{eventually, eventually_within};

/// One who calls with an `ins_` key.
struct Holder {
    url: String,
    key: String,
}

impl Holder {
    /// An answer of this status, with the rate-limit headers that every answer has.
    async fn call(&self, method: Method, path: &str, body: Option<Value>, expected: u16) -> Value {
        let mut request =
            testkit::http().request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        for header in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id"] {
            assert!(response.headers().contains_key(header), "{path} lacks {header}");
        }
        if expected == 204 {
            assert_eq!(response.status().as_u16(), expected, "{path}");
            return Value::Null;
        }
        let (status, answer) = testkit::read(response).await;
        assert_eq!(status, expected, "{path}: {answer}");
        answer
    }
}

/// That an object has these members; it may have more.
fn has(value: &Value, members: &str) {
    for member in members.split_whitespace() {
        assert!(value.get(member).is_some(), "{member} is missing in {value}");
    }
}

const CLIENT: &str = "id name description redirectUris website logoUrl contactEmail status rateLimitTier \
                      webhookUrl webhookSecret scopes metadata createdAt updatedAt apiKeys webhookSubscriptions";
const KEY: &str = "id keyId keyPrefix name status expiresAt scopes createdAt";
const WEBHOOK: &str = "id url events status createdAt";
const USAGE: &str = "totalRequests successfulRequests failedRequests averageResponseTime requestsByEndpoint \
                     requestsByTime topErrorCodes";

#[tokio::test]
async fn each_of_the_seventeen_published_operations_answers_through_the_real_parts() {
    let system = System::start(&[]);
    let url = system.address("LEADWIRE_URL").to_owned();
    let admin = Holder { url: url.clone(), key: system.address("LEADWIRE_ADMIN_KEY").to_owned() };
    let body = json!({
        "name": new_slug("platform"), "description": "a story", "redirectUris": ["https://example.com/callback"],
        "website": "https://example.com", "contactEmail": "tech@example.com", "rateLimitTier": "enterprise",
    });
    // 1 and 7: a client, which gets an organisation of its own, and its first key.
    let client = admin.call(Method::POST, "/api-clients", Some(body), 201).await;
    has(&client, CLIENT);
    let id = client["id"].as_str().unwrap();
    let scopes = ["clients:write", "webhooks:write", "usage:read", "leads:write"];
    let body =
        json!({"clientId": id, "name": "Production Key", "scopes": scopes, "rateLimitOverride": 10_000});
    let key = admin.call(Method::POST, "/api-keys", Some(body), 201).await;
    has(&key, &format!("{KEY} key"));
    let own = Holder { url, key: key["key"].as_str().unwrap().to_owned() };
    // 2 and 3: lists and looks.
    let list = own.call(Method::GET, "/api-clients?status=ACTIVE&page=1&limit=20", None, 200).await;
    has(&list["data"][0], "id name status rateLimitTier contactEmail createdAt");
    assert_eq!(list["pagination"], json!({"page": 1, "limit": 20, "total": 1, "totalPages": 1}));
    let path = format!("/api-clients/{id}");
    let client = own.call(Method::GET, &path, None, 200).await;
    has(&client, CLIENT);
    has(&client["apiKeys"][0], &format!("{KEY} lastUsedAt"));
    // 4: an update.
    let client = own.call(Method::PUT, &path, Some(json!({"description": "changed"})), 200).await;
    assert_eq!(client["description"], "changed");
    // 8 and 9: the list of keys, and a revocation that holds at once.
    let keys = own.call(Method::GET, &format!("{path}/api-keys"), None, 200).await;
    has(&keys["data"][0], &format!("{KEY} lastUsedAt"));
    let body = json!({"clientId": id, "name": "Spare", "scopes": ["clients:read"]});
    let spare = own.call(Method::POST, "/api-keys", Some(body), 201).await;
    let revoked = Holder { url: own.url.clone(), key: spare["key"].as_str().unwrap().to_owned() };
    revoked.call(Method::GET, &path, None, 200).await;
    let spare_path = format!("{path}/api-keys/{}", spare["id"].as_str().unwrap());
    own.call(Method::DELETE, &spare_path, None, 204).await;
    revoked.call(Method::GET, &path, None, 401).await;
    // 10 to 14: webhooks.
    let webhooks = format!("{path}/webhooks");
    let body = json!({
        "url": "https://example.com/webhooks", "events": ["lead.created", "lead.converted", "policy.created"],
        "retryConfig": {"maxRetries": 3, "retryDelay": 60, "backoffMultiplier": 2, "timeout": 30},
    });
    let webhook = own.call(Method::POST, &webhooks, Some(body), 201).await;
    has(&webhook, &format!("{WEBHOOK} clientId secret retryConfig updatedAt"));
    let list = own.call(Method::GET, &format!("{webhooks}?status=ACTIVE"), None, 200).await;
    has(&list["data"][0], &format!("{WEBHOOK} _count"));
    let webhook_path = format!("{webhooks}/{}", webhook["id"].as_str().unwrap());
    let change = json!({"status": "PAUSED", "events": ["lead.created", "policy.activated"]});
    let changed = own.call(Method::PUT, &webhook_path, Some(change), 200).await;
    assert_eq!(changed["status"], "PAUSED");
    let deliveries = own.call(Method::GET, &format!("{webhook_path}/deliveries?limit=50"), None, 200).await;
    assert_eq!(deliveries["data"], json!([]));
    let client = own.call(Method::GET, &path, None, 200).await;
    assert_eq!(client["webhookSubscriptions"].as_array().unwrap().len(), 1);
    // 6 and 15: the dashboard and the usage, which count with a delay of at most a second.
    let dashboard = own.call(Method::GET, &format!("{path}/dashboard"), None, 200).await;
    has(&dashboard, "client usageStats activeWebhooks totalWebhooks rateLimitStatus");
    has(&dashboard["usageStats"], USAGE);
    has(&dashboard["rateLimitStatus"], "tier remaining limit resetAt");
    assert_eq!((&dashboard["activeWebhooks"], &dashboard["totalWebhooks"]), (&json!(0), &json!(1)));
    own.call(Method::DELETE, &webhook_path, None, 204).await;
    eventually("the counted requests", async || {
        let usage = own.call(Method::GET, &format!("{path}/usage?groupBy=day"), None, 200).await;
        has(&usage, USAGE);
        (usage["totalRequests"].as_u64() >= Some(13) && usage["failedRequests"] == json!(0)).then_some(())
    })
    .await;
    // 16 and 17: what there is to choose from.
    let tiers = own.call(Method::GET, "/rate-limits", None, 200).await;
    has(&tiers["data"], "basic standard premium enterprise");
    let events = own.call(Method::GET, "/webhook-events", None, 200).await;
    assert_eq!(events["data"][0], "lead.created");
    // 5: the end, with everything that hangs from the client.
    admin.call(Method::DELETE, &path, None, 204).await;
    own.call(Method::GET, &path, None, 401).await;
    admin.call(Method::GET, &path, None, 404).await;
}

#[tokio::test]
async fn deleting_an_organisation_ends_its_credentials_and_reaches_every_service() {
    let story = Story::begin().await;
    for _ in 0..3 {
        story.partner.submit(&lead()).await;
    }
    story.receiver.wait_for(3).await;
    let admin = Holder {
        url: story.system.address("LEADWIRE_URL").to_owned(),
        key: story.system.address("LEADWIRE_ADMIN_KEY").to_owned(),
    };
    let organization = &story.partner.organization_id;
    assert!(remains(&story.system, organization).await > 0);
    admin.call(Method::DELETE, &format!("/organizations/{organization}"), None, 204).await;

    let refused = story.partner.send(Method::GET, "/leads", None).await;
    assert_eq!(refused.status(), 401);
    eventually_within(Duration::from_secs(15), "no trace of the organisation", async || {
        (remains(&story.system, organization).await == 0).then_some(())
    })
    .await;
    admin.call(Method::GET, &format!("/organizations/{organization}"), None, 404).await;
}

/// How many rows of leads, subscriptions and deliveries an organisation still has.
async fn remains(system: &System, organization: &str) -> i64 {
    let rows = "select (select count(*) from lead_intake.leads where organization_id = $1::uuid)
        + (select count(*) from webhook_dispatcher.subscriptions where organization_id = $1::uuid)
        + (select count(*) from webhook_dispatcher.events where organization_id = $1::uuid)
        + (select count(*) from webhook_dispatcher.deliveries where organization_id = $1::uuid)";
    system.count(rows, organization).await
}
