//! An organisation with one of everything that has an id, and a credential for every surface.

use contracts::Surface;
use e2e::partner::{Partner, lead, new_slug};
use platform::clock::Clock;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::eventually_within;
use testkit::receiver::{Receiver, Reply};

const RATE_LIMIT: u64 = 100_000;
const LEX_SCOPES: [&str; 5] = [
    "lex:leads:write",
    "lex:leads:read",
    "lex:closures:write",
    "lex:subscriptions:manage",
    "lex:conformance",
];
/// Until everything was delivered and every run has ended.
const PATIENCE: Duration = Duration::from_secs(20);

/// The gateway and its administrator.
pub struct Platform {
    http: Client,
    pub url: String,
    pub admin_key: String,
}

impl Platform {
    pub fn new(url: &str, admin_key: &str) -> Self {
        Self { http: testkit::http(), url: url.to_owned(), admin_key: admin_key.to_owned() }
    }

    pub fn request(&self, method: Method, path: &str, bearer: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(bearer)
    }

    async fn send(&self, method: Method, path: &str, bearer: &str, body: Option<&Value>) -> Value {
        let request = self.request(method.clone(), path, bearer);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let (status, answer) = testkit::read(request.send().await.unwrap()).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    async fn made(&self, path: &str, bearer: &str, body: &Value) -> Value {
        self.send(Method::POST, path, bearer, Some(body)).await
    }
}

/// The organisation.
pub struct Tenant {
    pub partner: Partner,
    pub lex_id: String,
    pub receiver: Receiver,
    /// It takes nothing.
    refusing: Receiver,
    keys: BTreeMap<&'static str, String>,
    /// What it has, by what it is called in [`crate::tenancy`].
    pub ids: BTreeMap<&'static str, String>,
}

impl Tenant {
    pub async fn new(platform: &Platform) -> Self {
        let admin = &platform.admin_key;
        let slug = new_slug("tenancy");
        let partner = Partner::sign_up(&platform.url, admin, &slug).await;
        let lex_id = format!("PARTY-{}", slug.to_uppercase().replace('_', "-"));
        let path = format!("/api/v1/organizations/{}", partner.organization_id);
        let names = json!({"lexOrganizationId": lex_id});
        platform.send(Method::PATCH, &path, admin, Some(&names)).await;
        let ids = [("organization", &partner.organization_id), ("slug", &partner.slug)];
        let ids = ids.into_iter().map(|(name, id)| (name, id.clone())).collect();
        let (receiver, refusing) = (Receiver::start().await, Receiver::start().await);
        refusing.always(Reply::Status(400));
        let mut tenant = Self { partner, lex_id, receiver, refusing, keys: BTreeMap::new(), ids };
        tenant.get_credentials(platform).await;
        tenant.own_a_client(platform).await;
        tenant.subscribe(platform).await;
        tenant.write(platform).await;
        tenant.wait(platform).await;
        tenant
    }

    /// What it calls a surface with.
    pub fn bearer(&self, surface: Surface) -> String {
        match surface {
            Surface::Partner => self.partner.token(),
            other => self.keys[other.name()].clone(),
        }
    }

    pub fn id(&self, thing: &str) -> &str {
        self.ids.get(thing).unwrap_or_else(|| panic!("a tenant has no {thing}"))
    }

    fn keep(&mut self, thing: &'static str, id: &Value) {
        let id = id.as_str().unwrap_or_else(|| panic!("the id of {thing} is {id}"));
        self.ids.insert(thing, id.to_owned());
    }

    async fn get_credentials(&mut self, platform: &Platform) {
        let admin = &platform.admin_key;
        let client = self.partner.client_id.clone();
        // A client of the widest tier, which none of the operations ends.
        let path = format!("/api/v1/api-clients/{client}");
        platform.send(Method::PUT, &path, admin, Some(&json!({"rateLimitTier": "enterprise"}))).await;
        for (surface, more) in [
            ("platform", json!({})),
            ("crm", json!({})),
            ("ingest", json!({"app": {"slug": "tenancy", "name": "Tenancy"}})),
        ] {
            let mut body = json!({
                "clientId": client, "name": surface, "surface": surface, "rateLimitOverride": RATE_LIMIT,
            });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let made = platform.made("/api/v1/api-keys", admin, &body).await;
            self.keys.insert(surface, made["key"].as_str().unwrap().to_owned());
        }
        let body = json!({"name": "tenancy", "scopes": LEX_SCOPES, "rateLimitOverride": RATE_LIMIT});
        let oauth = platform.made(&format!("{path}/oauth-credentials"), admin, &body).await;
        let request = platform
            .http
            .post(format!("{}/oauth/token", platform.url))
            .basic_auth(oauth["clientId"].as_str().unwrap(), oauth["clientSecret"].as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let (_, granted) = testkit::read(request.send().await.unwrap()).await;
        self.keys.insert("lex", granted["access_token"].as_str().unwrap().to_owned());
    }

    /// Another client, with one credential of each kind.
    async fn own_a_client(&mut self, platform: &Platform) {
        let admin = &platform.admin_key;
        let body = json!({
            "organizationId": self.partner.organization_id, "name": "owned", "redirectUris": [],
            "contactEmail": "ops@example.com",
        });
        let client = platform.made("/api/v1/api-clients", admin, &body).await;
        self.keep("client", &client["id"]);
        let path = format!("/api/v1/api-clients/{}", self.id("client"));
        let body = json!({"clientId": client["id"], "name": "owned"});
        let key = platform.made("/api/v1/api-keys", admin, &body).await;
        self.keep("key", &key["id"]);
        let body = json!({"name": "owned", "scopes": [format!("{}:leads:read", self.partner.slug)]});
        let service = platform.made(&format!("{path}/service-credentials"), admin, &body).await;
        self.keep("service_credential", &service["id"]);
        let body = json!({"name": "owned", "scopes": ["lex:leads:read"]});
        let oauth = platform.made(&format!("{path}/oauth-credentials"), admin, &body).await;
        self.keep("oauth_credential", &oauth["id"]);
    }

    async fn subscribe(&mut self, platform: &Platform) {
        let body = json!({"url": self.receiver.url("/platform"), "events": ["*"]});
        let path = format!("/api/v1/api-clients/{}/webhooks", self.id("client"));
        let webhook = platform.made(&path, &self.bearer(Surface::Platform), &body).await;
        self.keep("webhook", &webhook["id"]);
        let subscription = self.partner.subscribe(&self.receiver.url("/partner"), &["*"]).await;
        self.keep("partner_subscription", &subscription["id"]);
        let body = json!({"eventTypes": ["ALL"], "deliveryEndpoint": self.receiver.url("/lex")});
        let subscription = platform.made("/v1/subscriptions", &self.bearer(Surface::Lex), &body).await;
        self.keep("lex_subscription", &subscription["subscriptionId"]);
    }

    async fn write(&mut self, platform: &Platform) {
        let lead = self.partner.submit(&lead()).await;
        self.keep("lead", &lead["lead_id"]);
        let ingest = self.bearer(Surface::Ingest);
        let event =
            json!({"eventType": "ticket.resolved", "category": "other", "actor": {"email": "a@example.com"}});
        platform.made("/api/v1/ingest/events", &ingest, &json!({"events": [event]})).await;
        let workers = platform.send(Method::GET, "/api/v1/ingest/workers", &ingest, None).await;
        self.keep("worker", &workers["data"][0]["id"]);
        self.automate(platform).await;
        for (thing, resource) in [("product", "products"), ("customer", "customers"), ("crm_lead", "leads")] {
            let body = json!({"data": {"name": "Grace Hopper"}});
            let path = format!("/api/v1/{resource}");
            let made = platform.made(&path, &self.bearer(Surface::Crm), &body).await;
            self.keep(thing, &made["data"]["id"]);
        }
        self.exchange(platform).await;
    }

    /// An automation whose only run becomes a dead letter.
    async fn automate(&mut self, platform: &Platform) {
        let path = format!("/api/v1/organizations/{}/automations", self.partner.organization_id);
        let file = json!({
            "organization": self.partner.slug, "name": "Call", "trigger": {"type": "lead_created"},
            "steps": [{"http_request": {"url": self.refusing.url("/automation")}}],
        });
        let made = platform.send(Method::PUT, &path, &platform.admin_key, Some(&file)).await;
        self.keep("automation", &made["id"]);
    }

    /// A LEX lead to the exchange itself, and a run of the standard's cases.
    async fn exchange(&mut self, platform: &Platform) {
        let (lex, message, lead) = (self.bearer(Surface::Lex), testkit::unique_id(), testkit::unique_id());
        let body = json!({"lex": {
            "header": {
                "messageId": message, "messageType": "LEAD", "version": "1.0",
                "timestamp": Clock::system().now().to_rfc3339(), "senderId": self.lex_id,
                "receiverId": "LEX-PLATFORM",
            },
            "payload": {"lead": {
                "leadId": format!("LEAD-{lead}"), "status": "SHOPPING", "leadType": "PRIMARY",
                "source": "RETAILER_WEBSITE",
                "customer": {
                    "firstName": "Grace", "lastName": "Hopper", "emailAddress": format!("{lead}@example.com"),
                    "phoneNumber": "+15122321234",
                },
                "desiredProduct": {"productType": "VEHICLE", "model": "Roadster", "year": 2026},
                "metadata": {"countryCode": "US"},
            }},
        }});
        platform.made("/v1/messages", &lex, &body).await;
        self.ids.insert("message", message.to_string());
        self.ids.insert("lex_lead", format!("LEAD-{lead}"));
        let body = json!({"organizationId": self.lex_id, "targetLevel": 1});
        let report = platform.made("/v1/conformance/run", &lex, &body).await;
        self.keep("session", &report["sessionId"]);
    }

    /// What comes about by itself: an event, a delivery of each family, a run.
    async fn wait(&mut self, platform: &Platform) {
        let things = [
            (
                "webhook_delivery",
                format!(
                    "/api/v1/api-clients/{}/webhooks/{}/deliveries",
                    self.id("client"),
                    self.id("webhook")
                ),
                Surface::Platform,
                "/data/0/id",
            ),
            (
                "partner_delivery",
                format!(
                    "/api/v1/partners/{}/webhook-subscriptions/{}/deliveries",
                    self.partner.slug,
                    self.id("partner_subscription")
                ),
                Surface::Partner,
                "/data/items/0/id",
            ),
            (
                "lex_delivery",
                format!("/v1/subscriptions/{}/deliveries", self.id("lex_subscription")),
                Surface::Lex,
                "/deliveries/0/id",
            ),
            (
                "lex_record",
                format!("/api/v1/organizations/{}/lex/messages", self.partner.organization_id),
                Surface::Platform,
                "/data/0/id",
            ),
            (
                "event",
                format!("/api/v1/organizations/{}/events", self.partner.organization_id),
                Surface::Platform,
                "/data/0/id",
            ),
            (
                "run",
                format!("/api/v1/automations/{}/runs?state=dead_letter", self.id("automation")),
                Surface::Crm,
                "/data/0/id",
            ),
        ];
        for (thing, path, surface, pointer) in things {
            let id = eventually_within(PATIENCE, thing, async || {
                let answer = platform.send(Method::GET, &path, &self.bearer(surface), None).await;
                answer.pointer(pointer).cloned()
            })
            .await;
            self.keep(thing, &id);
        }
    }
}
