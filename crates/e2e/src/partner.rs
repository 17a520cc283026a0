//! A partner: an organisation with a client, a service credential, and the tokens made from it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use platform::clock::Clock;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a minted token lives, in seconds.
const TOKEN_LIFETIME: i64 = 300;
/// What a partner of a story may do per minute, the most that there is: stories are not about limits.
const RATE_LIMIT: u64 = 1_000_000;

/// How long a partner keeps trying.
const PATIENCE: Duration = Duration::from_mins(1);

/// A partner, set up through the platform's own API.
#[derive(Debug)]
pub struct Partner {
    http: Client,
    gateway: String,
    pub slug: String,
    pub organization_id: String,
    pub client_id: String,
    credential: Value,
    key: EncodingKey,
}

impl Partner {
    /// Makes an organisation with this slug, a client and a service credential with every partner scope.
    pub async fn sign_up(gateway: &str, admin_key: &str, slug: &str) -> Self {
        let http = testkit::http();
        let post = async |path: &str, body: Value| {
            let request = http.post(format!("{gateway}{path}")).bearer_auth(admin_key).json(&body);
            let (status, answer) = testkit::answer(request).await;
            assert_eq!(status, 201, "POST {path}: {answer}");
            answer
        };
        let organization = post("/api/v1/organizations", json!({"slug": slug, "name": slug})).await;
        let client = post(
            "/api/v1/api-clients",
            json!({
                "organizationId": organization["id"], "name": slug, "redirectUris": [],
                "contactEmail": "ops@example.com",
            }),
        )
        .await;
        let scopes: Vec<_> =
            ["leads:write", "webhooks:write"].iter().map(|scope| format!("{slug}:{scope}")).collect();
        let path = format!("/api/v1/api-clients/{}/service-credentials", client["id"].as_str().unwrap());
        let body = json!({"name": "story", "scopes": scopes, "rateLimitOverride": RATE_LIMIT});
        let credential = post(&path, body).await;
        let secret = URL_SAFE_NO_PAD.decode(credential["secret"].as_str().unwrap()).unwrap();
        let key = EncodingKey::from_secret(&secret);
        let organization_id = organization["id"].as_str().unwrap().to_owned();
        let client_id = client["id"].as_str().unwrap().to_owned();
        let (gateway, slug) = (gateway.to_owned(), slug.to_owned());
        Self { http, gateway, slug, organization_id, client_id, credential, key }
    }

    /// What its tokens are signed with.
    pub fn secret(&self) -> &str {
        self.credential["secret"].as_str().unwrap()
    }

    /// A token for one request.
    pub fn token(&self) -> String {
        mint(&self.credential, &self.key)
    }

    /// A request below `/api/v1/partners/{slug}`, which must be answered.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        self.request(method, path, body).send().await.unwrap()
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> RequestBuilder {
        let url = format!("{}/api/v1/partners/{}{path}", self.gateway, self.slug);
        let request = self.http.request(method, url).bearer_auth(self.token());
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    /// Subscribes a URL to events; the subscription with its secret.
    pub async fn subscribe(&self, url: &str, events: &[&str]) -> Value {
        let body = json!({"url": url, "events": events, "description": "a story"});
        let (status, answer) =
            testkit::read(self.send(Method::POST, "/webhook-subscriptions", Some(&body)).await).await;
        assert_eq!(status, 201, "{answer}");
        answer["data"].clone()
    }

    /// Submits a lead until it is accepted, as a partner does: a broken connection or a 5xx is tried again
    /// with the same correlation id and a new token. The lead.
    pub async fn submit(&self, lead: &Value) -> Value {
        testkit::eventually_within(PATIENCE, "an accepted lead", async || {
            let response = self.request(Method::POST, "/leads", Some(lead)).send().await.ok()?;
            let retry = response.status().is_server_error();
            let (status, answer) = testkit::read(response).await;
            assert!(retry || status == 201, "{status}: {answer}");
            (status == 201).then(|| answer["data"].clone())
        })
        .await
    }
}

/// A token for one request, made from a service credential as the API answered it.
pub(crate) fn mint(credential: &Value, key: &EncodingKey) -> String {
    let now = Clock::system().now().timestamp();
    let claims = json!({
        "iss": credential["issuer"], "sub": credential["subject"], "aud": credential["audience"],
        "scopes": credential["scopes"], "kid": credential["kid"], "iat": now, "exp": now + TOKEN_LIFETIME,
        "jti": testkit::unique_id(),
    });
    let mut header = Header::new(Algorithm::HS256);
    header.kid = credential["kid"].as_str().map(str::to_owned);
    jsonwebtoken::encode(&header, &claims, key).unwrap()
}

/// A lead of somebody new.
pub fn lead() -> Value {
    json!({
        "correlation_id": testkit::unique_id(),
        "customer": {
            "first_name": "Grace", "last_name": "Hopper", "email": "grace@example.com",
            "phone": "(512) 232-1234", "address": {"city": "Austin", "state": "TX"},
        },
        "offer": {"type": "solar", "monthly_amount_cents": 12_900, "term_months": 24},
        "commission": {"flat_cents": 5_000},
    })
}

/// A slug that nobody has yet.
pub fn new_slug(name: &str) -> String {
    let id = testkit::unique_id().simple().to_string();
    format!("{name}_{}", &id[20..])
}
