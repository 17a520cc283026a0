//! The gateway under test: a database and a Redis prefix of its own, ports that are free, a clock that
//! stands still, an admin key, an echo in place of every other service.

use crate::echo::Echo;
use chrono::TimeDelta;
use contracts::Service;
use contracts::topology::WorkQueue;
use gateway::{
    App, ConsoleSettings, CredentialSettings, IdentityKeySettings, OauthSettings, ProxySettings,
    SecretSettings, Settings, TokenSettings, UpstreamSettings, UsageSettings,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use platform::api_keys::{NewKey, new_platform_key};
use platform::ids::IdSource;
use platform::lifecycle::Process;
use platform::secrets::{Pepper, decode_key};
use platform::telemetry::TelemetrySettings;
use platform_broker::topology::Topology;
use reqwest::{Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::{Asked, Running, TestDatabase, answer, callers};

const PEPPER: &str = "cGVwcGVyLXBlcHBlci1wZXBwZXItcGVwcGVyLTEyMzQ";
const SEALING: &str = "1:c2VhbGluZy1zZWFsaW5nLXNlYWxpbmctc2VhbGluZyE";

/// Gets every event that the gateway publishes.
pub const CONTROL_EVENTS: WorkQueue =
    WorkQueue { name: "test.control-events", owner: Service::Gateway, bindings: &["gateway.#"] };

/// Enough to publish to.
const TOPOLOGY: Topology<'static> = Topology { queues: &[CONTROL_EVENTS], retry_steps: &[] };

/// The seed of the key in RFC 8037, appendix A.
pub const SIGNING_KEY: &str = "first:nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
pub const ISSUER: &str = "https://api.example.com";

/// A running gateway.
pub struct Harness {
    pub service: Running,
    pub settings: Settings,
    pub database: TestDatabase,
    pub broker: TestBroker,
    pub echo: Echo,
    pub admin_key: String,
}

impl Harness {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// With settings changed by `adjust`.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let (database, broker) = tokio::join!(TestDatabase::create(Service::Gateway), TestBroker::start());
        broker.apply(TOPOLOGY).await;
        let process = testkit::process();
        let echo = Echo::start(&process.clock);
        let mut settings = settings(&database, &broker, &echo);
        adjust(&mut settings);
        let app = App::build(&settings, process.clone(), String::new).await.unwrap();
        let service = Running::new(Service::Gateway, process, app.address(), app.ops_address());
        testkit::background(async move { app.run().await.unwrap() });
        let admin_key = insert_admin(&database.pool()).await;
        Self { service, settings, database, broker, echo, admin_key }
    }

    /// Another replica of the same gateway, with settings changed by `adjust`. It hears of changes as soon as
    /// this returns, unless it cannot reach the broker.
    pub async fn replica(&self, adjust: impl FnOnce(&mut Settings)) -> Running {
        let process = Process::new(self.service.process.clock.clone(), IdSource::random());
        let mut settings = self.settings.clone();
        adjust(&mut settings);
        let app = App::build(&settings, process.clone(), String::new).await.unwrap();
        let replica = Running::new(Service::Gateway, process, app.address(), app.ops_address());
        testkit::background(async move { app.run().await.unwrap() });
        if settings.broker.url.expose_secret() == self.settings.broker.url.expose_secret() {
            hears_of_changes(&replica).await;
        }
        replica
    }

    /// A request with a bearer token.
    pub fn with(&self, bearer: &str, method: Method, path: &str) -> Asked {
        self.service.bare(method, path).bearer_auth(bearer)
    }

    /// A request with the admin key.
    pub fn admin(&self, method: Method, path: &str) -> Asked {
        self.with(&self.admin_key, method, path)
    }

    /// Creates something with the admin key.
    pub async fn create(&self, path: &str, body: &Value) -> Value {
        let (status, created) = answer(self.admin(Method::POST, path).json(body)).await;
        assert_eq!(status, 201, "{path}: {created}");
        created
    }

    pub async fn organization(&self, slug: &str) -> Value {
        self.create("/api/v1/organizations", &json!({"slug": slug, "name": slug})).await
    }

    /// A client of a new organisation.
    pub async fn client(&self, slug: &str) -> Value {
        let organization = self.organization(slug).await;
        self.client_of(&organization["id"]).await
    }

    pub async fn client_of(&self, organization: &Value) -> Value {
        self.create("/api/v1/api-clients", &new_client(organization)).await
    }

    /// A key of a client: the whole answer.
    pub async fn key(&self, client: &Value, rest: Value) -> Value {
        let mut body = json!({"clientId": client["id"], "name": "a key"});
        body.as_object_mut().unwrap().append(&mut rest.as_object().unwrap().clone());
        self.create("/api/v1/api-keys", &body).await
    }

    /// A partner that may do everything of its own.
    pub async fn partner(&self, slug: &str) -> Partner {
        let client = self.client(slug).await;
        self.credential(&client, slug, json!({})).await
    }

    /// A service credential of a client.
    pub async fn credential(&self, client: &Value, slug: &str, rest: Value) -> Partner {
        let scopes = [format!("{slug}:leads:write"), format!("{slug}:webhooks:read")];
        let mut body = json!({"name": "intake", "scopes": scopes});
        body.as_object_mut().unwrap().append(&mut rest.as_object().unwrap().clone());
        let path = format!("/api/v1/api-clients/{}/service-credentials", text(&client["id"]));
        Partner { slug: slug.to_owned(), credential: self.create(&path, &body).await }
    }

    /// An OAuth credential of a client: the whole answer.
    pub async fn oauth(&self, client: &Value, rest: Value) -> Value {
        let mut body = json!({"name": "router", "scopes": ["lex:leads:write", "lex:leads:read"]});
        body.as_object_mut().unwrap().append(&mut rest.as_object().unwrap().clone());
        self.create(&format!("/api/v1/api-clients/{}/oauth-credentials", text(&client["id"])), &body).await
    }

    /// An access token with all that its credential has.
    pub async fn access_token(&self, oauth: &Value) -> String {
        let request = self
            .service
            .bare(Method::POST, "/oauth/token")
            .basic_auth(text(&oauth["clientId"]), oauth["clientSecret"].as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let (status, body) = answer(request).await;
        assert_eq!(status, 200, "{body}");
        text(&body["access_token"]).to_owned()
    }

    /// Submits a lead with a token.
    pub async fn submit(&self, partner: &Partner, token: &str) -> Response {
        self.with(token, Method::POST, &partner.leads()).json(&json!({})).send().await.unwrap()
    }

    /// Submits a lead with a token: the status and the error code.
    pub async fn judge(&self, partner: &Partner, token: &str) -> (u16, Value) {
        let (status, body) = testkit::read(self.submit(partner, token).await).await;
        (status, body["error"]["code"].clone())
    }

    /// After this, what tests change in the tables is seen.
    pub fn let_caches_grow_old(&self) {
        let ttl = CredentialSettings::default().cache_ttl;
        self.service.process.clock.advance(TimeDelta::from_std(ttl).unwrap());
    }

    /// The gateway's present time in seconds.
    pub fn now(&self) -> i64 {
        self.service.process.clock.now().timestamp()
    }
}

fn settings(database: &TestDatabase, broker: &TestBroker, echo: &Echo) -> Settings {
    let key = || callers::identity_settings().key;
    let upstream = || vec![echo.url().parse().unwrap()];
    Settings {
        http: testkit::http_settings(),
        identity: callers::identity_settings(),
        identity_keys: IdentityKeySettings {
            gateway: key(),
            lead_intake: key(),
            ingest: key(),
            lex_router: key(),
            crm_resources: key(),
            webhook_dispatcher: key(),
        },
        upstreams: UpstreamSettings {
            lead_intake: upstream(),
            ingest: upstream(),
            lex_router: upstream(),
            crm_resources: upstream(),
            webhook_dispatcher: upstream(),
        },
        database: database.settings(),
        redis: testkit::redis_settings(),
        secrets: SecretSettings {
            pepper: SecretString::from(PEPPER),
            encryption_keys: SecretString::from(SEALING),
        },
        credentials: CredentialSettings::default(),
        tokens: TokenSettings::default(),
        oauth: OauthSettings {
            issuer: ISSUER.to_owned(),
            token_lifetime: Duration::from_mins(15),
            signing_keys: SecretString::from(SIGNING_KEY),
        },
        proxies: ProxySettings::default(),
        usage: UsageSettings::default(),
        console: ConsoleSettings::default(),
        broker: broker.settings(),
        telemetry: TelemetrySettings::default(),
    }
}

/// What `leadwire bootstrap` does.
async fn insert_admin(pool: &PgPool) -> String {
    let NewKey { key, lookup } = new_platform_key().unwrap();
    let hash = Pepper::parse(&SecretString::from(PEPPER)).unwrap().hash(&key).to_vec();
    let id = testkit::unique_id();
    let scopes: Vec<_> =
        ["platform:admin", "clients:write", "leads:write", "webhooks:write", "usage:read"].into();
    for statement in [
        "insert into organizations (id, slug, name, lex_aliases, lex_tier, api_enabled, monthly_event_quota,
             requests_per_minute_per_key, requests_per_minute_per_organization, created_at, updated_at)
         values ($1, 'leadwire', 'Leadwire', '{}', 'standard', true, 1, 1, 1, now(), now())",
        "insert into api_clients (organization_id, id, name, redirect_uris, contact_email, status, rate_limit_tier,
             scopes, created_at, updated_at)
         values ($1, $1, 'Administration', '{}', 'a@b.co', 'ACTIVE', 'ENTERPRISE', '{platform:admin}', now(), now())",
    ] {
        sqlx::query(statement).bind(id).execute(pool).await.unwrap();
    }
    sqlx::query("update api_clients set scopes = $1").bind(&scopes).execute(pool).await.unwrap();
    sqlx::query(
        "insert into credentials (organization_id, client_id, id, kind, name, scopes, rate_limit_override, created_at)
         values ($1, $1, $1, 'platform_key', 'admin', $2, 100000, now())",
    )
    .bind(id)
    .bind(&scopes)
    .execute(pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into credential_secrets (lookup, credential_id, hash, created_at) values ($1, $2, $3, now())",
    )
    .bind(lookup)
    .bind(id)
    .bind(hash)
    .execute(pool)
    .await
    .unwrap();
    key
}

/// Waits until a replica's queue of control events is bound.
pub async fn hears_of_changes(replica: &Running) {
    testkit::eventually("control events are consumed", async || {
        let (_, report) = replica.ops("/readyz").await;
        (!report.contains("control events") && !report.contains("connection to consume")).then_some(())
    })
    .await;
}

/// A client as one may be created in an organisation.
pub fn new_client(organization: &Value) -> Value {
    json!({
        "organizationId": organization,
        "name": "My Partner App",
        "redirectUris": ["https://example.com/callback"],
        "contactEmail": "tech@example.com",
    })
}

/// The text of a JSON string.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string"))
}

/// A holder of a service credential.
pub struct Partner {
    pub slug: String,
    pub credential: Value,
}

impl Partner {
    /// The path of its leads.
    pub fn leads(&self) -> String {
        format!("/api/v1/partners/{}/leads", self.slug)
    }

    /// The claims of a token that is good for five minutes.
    pub fn claims(&self, now: i64) -> Value {
        json!({
            "iss": self.credential["issuer"],
            "sub": self.credential["subject"],
            "aud": self.credential["audience"],
            "iat": now,
            "exp": now + 300,
            "jti": testkit::unique_id(),
            "scopes": self.credential["scopes"],
            "kid": self.credential["kid"],
        })
    }

    /// A good token.
    pub fn token(&self, now: i64) -> String {
        self.signed(&self.claims(now))
    }

    /// These claims, signed with the credential's secret.
    pub fn signed(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(text(&self.credential["kid"]).to_owned());
        let key = decode_key(text(&self.credential["secret"])).unwrap();
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&key)).unwrap()
    }
}
