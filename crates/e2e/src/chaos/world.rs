//! Who takes part: organisations with a credential for every surface, and their subscriptions of all families.

use super::books::{Subscription, Wish};
use super::pause;
use crate::partner::{Partner, new_slug};
use reqwest::Client;
use serde_json::{Value, json};
use signing::Family;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use testkit::receiver::Receiver;

/// Chaos is not about limits.
const RATE_LIMIT: u64 = 100_000;
const LEX_SCOPES: [&str; 3] = ["lex:leads:write", "lex:leads:read", "lex:subscriptions:manage"];
/// How long something is read again that is not answered.
const PATIENCE: Duration = Duration::from_mins(2);
/// A try to subscribe, and the pause after one that failed.
const LATE_TIMEOUT: Duration = Duration::from_secs(10);
const LATE_PAUSE: Duration = Duration::from_millis(500);
const LEX_SECRET: &str = "a-secret-of-the-receivers-own-choice";
/// Access tokens live for a quarter of an hour.
const TOKEN_USE: Duration = Duration::from_mins(10);

/// An organisation that writes on every surface.
#[derive(Debug)]
pub struct Tenant {
    pub partner: Partner,
    pub ingest_key: String,
    pub crm_key: String,
    pub lex_id: String,
    oauth: (String, String),
    access_token: Mutex<Option<(String, Instant)>>,
}

impl Tenant {
    async fn sign_up(admin: &Admin, number: usize) -> Self {
        let slug = new_slug("chaos");
        let partner = Partner::sign_up(&admin.gateway, &admin.key, &slug).await;
        let lex_id = format!("PARTY-{}", slug.to_uppercase().replace('_', "-"));
        let plan = json!({
            "monthlyEventQuota": 1_000_000_000, "requestsPerMinutePerKey": RATE_LIMIT,
            "requestsPerMinutePerOrganization": RATE_LIMIT,
        });
        let path = format!("/api/v1/organizations/{}", partner.organization_id);
        admin.patch(&path, &json!({"lexOrganizationId": lex_id, "plan": plan})).await;
        let key = async |surface: &str, more: Value| {
            let mut body = json!({
                "clientId": partner.client_id, "name": surface, "surface": surface,
                "rateLimitOverride": RATE_LIMIT,
            });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            text(&admin.post("/api/v1/api-keys", &body).await["key"])
        };
        let ingest_key = key("ingest", json!({"app": {"slug": "chaos", "name": "Chaos"}})).await;
        let crm_key = key("crm", json!({})).await;
        let path = format!("/api/v1/api-clients/{}/oauth-credentials", partner.client_id);
        let body = json!({
            "name": format!("chaos {number}"), "scopes": LEX_SCOPES, "rateLimitOverride": RATE_LIMIT,
        });
        let oauth = admin.post(&path, &body).await;
        let oauth = (text(&oauth["clientId"]), text(&oauth["clientSecret"]));
        Self { partner, ingest_key, crm_key, lex_id, oauth, access_token: Mutex::default() }
    }

    /// An access token for LEX, if one can be had.
    pub async fn access_token(&self, http: &Client, gateway: &str) -> Option<String> {
        let kept = self.access_token.lock().unwrap().clone();
        if let Some((token, _)) = kept.filter(|(_, since)| since.elapsed() < TOKEN_USE) {
            return Some(token);
        }
        let request = http
            .post(format!("{gateway}/oauth/token"))
            .basic_auth(&self.oauth.0, Some(&self.oauth.1))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let granted: Value = request.send().await.ok()?.json().await.ok()?;
        let token = granted["access_token"].as_str()?.to_owned();
        *self.access_token.lock().unwrap() = Some((token.clone(), Instant::now()));
        Some(token)
    }
}

/// Everybody.
#[derive(Debug)]
pub struct World {
    pub admin: Admin,
    pub tenants: Vec<Tenant>,
    subscriptions: Mutex<Vec<Arc<Subscription>>>,
}

impl World {
    /// Two organisations, which also send each other LEX messages.
    pub async fn begin(gateway: &str, admin_key: &str) -> Self {
        let admin = Admin { http: testkit::http(), gateway: gateway.to_owned(), key: admin_key.to_owned() };
        let mut world = Self { admin, tenants: Vec::new(), subscriptions: Mutex::default() };
        for number in 0..2 {
            let tenant = Tenant::sign_up(&world.admin, number).await;
            world.tenants.push(tenant);
        }
        for (tenant, events) in [(0, "lead.created"), (0, "lead.*"), (1, "lead.created")] {
            world.partner_subscription(tenant, events).await;
        }
        for (tenant, events) in [(0, "*"), (0, "lead.created policy.created"), (1, "*")] {
            world.platform_subscription(tenant, events).await;
        }
        for (tenant, format) in [(0, "JSON_EDI"), (1, "JSON_EDI"), (1, "XML_EDI")] {
            world.lex_subscription(tenant, format).await;
        }
        world
    }

    async fn partner_subscription(&self, tenant: usize, events: &str) {
        let receiver = Receiver::start().await;
        let wish = Wish::new(tenant, events);
        let made = self.tenants[tenant].partner.subscribe(&receiver.url("/partner"), &wish.names()).await;
        self.add(Subscription::new(Family::Partner, wish, text(&made["hmac_secret"]), receiver, "/partner"));
    }

    /// Subscribes somebody new to leads, however often it takes; a try of which nothing is known leads to a path
    /// that nobody looks at.
    pub async fn late_subscription(&self, gateways: &[String]) {
        let (receiver, wish) = (Receiver::start().await, Wish::new(0, "lead.created"));
        let partner = &self.tenants[0].partner;
        for number in 0.. {
            let path = format!("/late/{number}");
            let gateway = &gateways[number % gateways.len()];
            let url = format!("{gateway}/api/v1/partners/{}/webhook-subscriptions", partner.slug);
            let body = json!({"url": receiver.url(&path), "events": wish.names()});
            let request = self.admin.http.post(url).bearer_auth(partner.token()).timeout(LATE_TIMEOUT);
            let made = async {
                let response = request.json(&body).send().await.ok()?;
                let made: Value = response.json().await.ok()?;
                Some(made["data"]["hmac_secret"].as_str()?.to_owned())
            };
            if let Some(secret) = made.await {
                self.add(Subscription::new(Family::Partner, wish, secret, receiver, &path).late());
                return;
            }
            pause(LATE_PAUSE).await;
        }
    }

    async fn platform_subscription(&self, tenant: usize, events: &str) {
        let receiver = Receiver::start().await;
        let wish = Wish::new(tenant, events);
        let path = format!("/api/v1/api-clients/{}/webhooks", self.tenants[tenant].partner.client_id);
        // A receiver that is down for half a minute is no reason to give up.
        let retries = json!({"maxRetries": 10, "retryDelay": 1, "backoffMultiplier": 2, "timeout": 10});
        let body = json!({"url": receiver.url("/platform"), "events": wish.names(), "retryConfig": retries});
        let made = self.admin.post(&path, &body).await;
        self.add(Subscription::new(Family::Platform, wish, text(&made["secret"]), receiver, "/platform"));
    }

    async fn lex_subscription(&self, tenant: usize, format: &str) {
        let receiver = Receiver::start().await;
        let admin = &self.admin;
        let token = self.tenants[tenant].access_token(&admin.http, &admin.gateway).await.unwrap();
        let body = json!({
            "eventTypes": ["ALL"], "deliveryEndpoint": receiver.url("/lex"), "deliveryFormat": format,
            "hmacSecret": LEX_SECRET,
        });
        let request = admin.http.post(format!("{}/v1/subscriptions", admin.gateway)).bearer_auth(token);
        let (status, made) = testkit::answer(request.json(&body)).await;
        assert_eq!(status, 201, "{made}");
        let (wish, secret) = (Wish::new(tenant, "*"), LEX_SECRET.to_owned());
        self.add(Subscription::new(Family::Lex, wish, secret, receiver, "/lex"));
    }

    fn add(&self, subscription: Subscription) {
        self.list().push(Arc::new(subscription));
    }

    /// Those that there are now.
    pub fn subscriptions(&self) -> Vec<Arc<Subscription>> {
        self.list().clone()
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Subscription>>> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every subscription write down what has come.
    pub fn collect(&self) {
        self.subscriptions().iter().for_each(|subscription| subscription.collect());
    }

    /// The ids of the organisations.
    pub fn organizations(&self) -> Vec<String> {
        self.tenants.iter().map(|tenant| tenant.partner.organization_id.clone()).collect()
    }
}

/// The platform's administrator, at one gateway and not through any line that fails.
#[derive(Debug)]
pub struct Admin {
    http: Client,
    pub gateway: String,
    pub key: String,
}

impl Admin {
    pub fn http(&self) -> &Client {
        &self.http
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.gateway)).bearer_auth(&self.key).json(body);
        let (status, answer) = testkit::answer(request).await;
        assert_eq!(status, 201, "POST {path}: {answer}");
        answer
    }

    async fn patch(&self, path: &str, body: &Value) {
        let request = self.http.patch(format!("{}{path}", self.gateway)).bearer_auth(&self.key).json(body);
        let (status, answer) = testkit::answer(request).await;
        assert_eq!(status, 200, "PATCH {path}: {answer}");
    }

    /// The status of an answer, and the answer; the request is made again for as long as none comes. `bearer` is
    /// asked for one each time.
    pub async fn get(&self, path: &str, bearer: impl AsyncFn() -> String) -> (u16, Value) {
        testkit::eventually_within(PATIENCE, path, async || {
            let request = self.http.get(format!("{}{path}", self.gateway)).bearer_auth(bearer().await);
            let response =
                request.send().await.ok().filter(|response| !response.status().is_server_error())?;
            Some((response.status().as_u16(), response.json().await.ok()?))
        })
        .await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
