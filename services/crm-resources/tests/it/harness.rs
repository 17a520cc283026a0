//! The service under test: a database of its own, ports that are free, a clock that stands still.

use contracts::Surface;
use contracts::identity::{CredentialKind, OrganizationRef, PlatformFacts, Principal, SurfaceFacts};
use crm_resources::{App, AutomationSettings, SERVICE, Settings};
use platform::telemetry::TelemetrySettings;
use platform_broker::{BrokerSettings, topology};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::{Asked, Running, TestDatabase, callers, eventually};

/// Every resource, as its path and its scopes name it.
pub const RESOURCES: [&str; 4] = ["products", "customers", "leads", "automations"];
/// Every action that has a scope.
pub const ACTIONS: [&str; 4] = ["read", "create", "update", "delete"];
const SIGNING_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const EVENTS: &str = contracts::topology::WEBHOOK_DISPATCHER_EVENTS.name;

/// A running crm-resources.
pub struct Harness {
    pub service: Running,
    pub database: TestDatabase,
}

impl Harness {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// With a virtual host of its own, and the platform's topology in it.
    pub async fn with_broker() -> (Self, TestBroker) {
        let broker = TestBroker::start().await;
        broker.apply(topology::PLATFORM).await;
        (Self::start_with(|settings| settings.broker = broker.settings()).await, broker)
    }

    /// With settings changed by `adjust`.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let database = TestDatabase::create(SERVICE).await;
        let mut settings = Settings {
            http: testkit::http_settings(),
            identity: callers::identity_settings(),
            database: database.settings(),
            broker: BrokerSettings::new(testkit::required("LEADWIRE_TEST_AMQP_URL")),
            redis: testkit::redis_settings(),
            automations: AutomationSettings {
                signing_key: Some(SIGNING_KEY.into()),
                allow_private_networks: true,
                poll_interval: Duration::from_millis(20),
                lease: Duration::from_mins(1),
            },
            telemetry: TelemetrySettings::default(),
        };
        adjust(&mut settings);
        let process = testkit::process();
        let app = App::build(&settings, process.clone(), String::new).unwrap();
        let service = Running::new(SERVICE, process, app.address(), app.ops_address());
        testkit::background(async move { app.run().await.unwrap() });
        Self { service, database }
    }

    /// A request of acme's key, which may do everything.
    pub fn request(&self, method: Method, path: &str) -> Asked {
        self.service.request(&key("acme"), method, &format!("/api/v1{path}"))
    }

    /// What acme's key is answered.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// What acme's key is answered to a body of these fields.
    pub async fn post(&self, path: &str, fields: Value) -> (u16, Value) {
        read(self.request(Method::POST, path).json(&json!({"data": fields})).send().await.unwrap()).await
    }

    /// What acme's key is answered to a change of these fields.
    pub async fn patch(&self, path: &str, fields: Value) -> (u16, Value) {
        read(self.request(Method::PATCH, path).json(&json!({"data": fields})).send().await.unwrap()).await
    }

    /// What acme's key is answered.
    pub async fn delete(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::DELETE, path).send().await.unwrap()).await
    }

    /// Makes a resource of acme's and answers it.
    pub async fn make(&self, path: &str, fields: Value) -> Value {
        let (status, body) = self.post(path, fields).await;
        assert_eq!(status, 201, "{body}");
        body["data"].clone()
    }

    /// An automation as its author stores it; the answer is its id.
    pub async fn automation(&self, organization: &str, name: &str) -> String {
        let id = format!("{:024x}", testkit::unique_id().as_u128() & 0xffff_ffff_ffff);
        let pool = self.database.pool();
        sqlx::query(
            "insert into automations values ($1, $2, 1, $3, null, true, 'lead_created', '[{}, {}, {}]', $4, $4)",
        )
        .bind(callers::organization_id(organization).as_uuid())
        .bind(&id)
        .bind(name)
        .bind(self.service.process.clock.now())
        .execute(&pool)
        .await
        .unwrap();
        id
    }

    /// How many rows of a table there are.
    pub async fn count(&self, table: &str) -> i64 {
        let query = format!("select count(*) from {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&self.database.pool()).await.unwrap()
    }
}

/// A key of an organisation that may do everything.
pub fn key(organization: &str) -> Principal {
    let scopes: Vec<_> = RESOURCES
        .iter()
        .flat_map(|resource| ACTIONS.iter().map(move |action| format!("{action}-{resource}")))
        .collect();
    let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
    key_with(organization, &scopes)
}

/// A key of an organisation with these scopes.
pub fn key_with(organization: &str, scopes: &[&str]) -> Principal {
    callers::key(organization, Surface::Crm, CredentialKind::CrmKey, scopes)
}

/// The status and the body of a response; `Value::Null` when it is empty.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

/// The events that lie on the dispatcher's queue, once there are so many, in their order.
pub async fn events(broker: &TestBroker, count: usize) -> Vec<Value> {
    eventually(&format!("{count} events"), async || {
        let messages = broker.peek(EVENTS).await;
        (messages.len() >= count).then(|| {
            messages
                .iter()
                .map(|message| {
                    let event: Value = serde_json::from_str(&message.payload).unwrap();
                    assert_eq!(event["id"], message.message_id());
                    assert!(
                        message
                            .routing_key
                            .starts_with(&format!("crm.{}.v", event["type"].as_str().unwrap()))
                    );
                    event
                })
                .collect()
        })
    })
    .await
}

/// A key that may administer the platform, where it asks for what is acme's.
pub fn admin() -> Principal {
    platform_key("platform", &["platform:admin"], "acme")
}

/// A key of the platform surface of an organisation, where it asks for what is another one's or its own.
pub fn platform_key(organization: &str, scopes: &[&str], about: &str) -> Principal {
    let mut key = callers::key(organization, Surface::Platform, CredentialKind::PlatformKey, scopes);
    let organization = OrganizationRef { id: callers::organization_id(about), slug: about.to_owned() };
    key.facts = SurfaceFacts::Platform(PlatformFacts { organization, client_id: None });
    key
}

/// A path below acme's.
pub fn of_acme(rest: &str) -> String {
    format!("/api/v1/organizations/{}{rest}", callers::organization_id("acme"))
}

/// Writes an automation of acme's; the answer is as the author gets it.
pub async fn apply(crm: &Harness, name: &str, trigger: &str, steps: Value) -> Value {
    let path = format!("/api/v1/organizations/{}/automations", callers::organization_id("acme"));
    let body = json!({"organization": "acme", "name": name, "trigger": {"type": trigger}, "steps": steps});
    let request = crm.service.request(&admin(), Method::PUT, &path).json(&body);
    let (status, applied) = read(request.send().await.unwrap()).await;
    assert_eq!(status, 201, "{applied}");
    applied
}

/// The runs of an automation of acme's, newest first.
pub async fn runs_of(crm: &Harness, applied: &Value) -> Vec<Value> {
    let (status, body) = crm.get(&format!("/automations/{}/runs", applied["id"].as_str().unwrap())).await;
    assert_eq!(status, 200, "{body}");
    body["data"].as_array().unwrap().clone()
}

/// The first run of an automation that is as it is waited for.
pub async fn waited_run(crm: &Harness, applied: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually("a run", async || runs_of(crm, applied).await.into_iter().find(|run| wanted(run))).await
}
