//! The service under test: a database and a virtual host of its own, ports that are free, a clock that stands still.

use contracts::Surface;
use contracts::identity::{AppFacts, CredentialKind, IngestFacts, Principal, SurfaceFacts};
use ingest::{App, RetentionSettings, SERVICE, Settings};
use platform::lifecycle::Process;
use platform::telemetry::TelemetrySettings;
use platform_broker::topology;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::broker::TestBroker;
use testkit::{Running, TestDatabase, callers, read};

pub const EVENTS: &str = "/api/v1/ingest/events";
pub const SNAPSHOTS: &str = "/api/v1/ingest/snapshots";
pub const WORKERS: &str = "/api/v1/ingest/workers";

/// A running ingest.
pub struct Harness {
    pub service: Running,
    pub database: TestDatabase,
    pub broker: TestBroker,
}

impl Harness {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// With settings changed by `adjust`.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let (database, broker) = tokio::join!(TestDatabase::create(SERVICE), TestBroker::start());
        broker.apply(topology::PLATFORM).await;
        let mut settings = settings(&database, &broker);
        adjust(&mut settings);
        let service = replica(&settings, testkit::process()).await;
        Self { service, database, broker }
    }

    /// Another replica beside it, on the same clock.
    pub async fn another(&self) -> Running {
        let process = Process::new(self.service.process.clock.clone(), self.service.process.ids.clone());
        replica(&settings(&self.database, &self.broker), process).await
    }

    pub async fn send(&self, caller: &Principal, path: &str, body: &Value) -> Response {
        self.service.request(caller, Method::POST, path).json(body).send().await.unwrap()
    }

    /// Sends events; the status and the body of the answer.
    pub async fn events(&self, caller: &Principal, events: &Value) -> (u16, Value) {
        read(self.send(caller, EVENTS, &json!({"events": events})).await).await
    }

    pub async fn get(&self, caller: &Principal, path: &str) -> (u16, Value) {
        read(self.service.request(caller, Method::GET, path).send().await.unwrap()).await
    }

    /// Every row of a list, page by page.
    pub async fn all(&self, caller: &Principal, path: &str, limit: usize) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, page) = self.get(caller, &format!("{path}?limit={limit}&cursor={cursor}")).await;
            assert_eq!(status, 200, "{page}");
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return rows,
            }
        }
    }

    /// The events of all workers of the caller's organisation.
    pub async fn timelines(&self, caller: &Principal) -> Vec<Value> {
        let mut events = Vec::new();
        for worker in self.all(caller, WORKERS, 100).await {
            let path = format!("{WORKERS}/{}/timeline", worker["id"].as_str().unwrap());
            events.extend(self.all(caller, &path, 100).await);
        }
        events
    }

    /// A number from the database.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.database.pool()).await.unwrap()
    }
}

fn settings(database: &TestDatabase, broker: &TestBroker) -> Settings {
    Settings {
        http: testkit::http_settings(),
        identity: callers::identity_settings(),
        database: database.settings(),
        broker: broker.settings(),
        redis: testkit::redis_settings(),
        retention: RetentionSettings { events_days: 400 },
        telemetry: TelemetrySettings::default(),
    }
}

async fn replica(settings: &Settings, process: Process) -> Running {
    let app = App::build(settings, process.clone(), String::new).await.unwrap();
    let service = Running::new(SERVICE, process, app.address(), app.ops_address());
    testkit::background(async move { app.run().await.unwrap() });
    service
}

/// The key of an organisation's application `dialer`, with a generous plan changed by `adjust`.
pub fn caller_with(slug: &str, adjust: impl FnOnce(&mut IngestFacts)) -> Principal {
    let mut principal = callers::key(slug, Surface::Ingest, CredentialKind::IngestKey, &[]);
    let mut facts = IngestFacts {
        api_enabled: true,
        monthly_event_quota: 1_000_000,
        max_workers: None,
        app: AppFacts {
            id: principal.organization.id.as_uuid(),
            slug: "dialer".to_owned(),
            name: "Dialer".to_owned(),
            allowed_event_types: None,
        },
    };
    adjust(&mut facts);
    principal.facts = SurfaceFacts::Ingest(facts);
    principal
}

pub fn caller(slug: &str) -> Principal {
    caller_with(slug, |_| ())
}

/// An event about the worker with this address.
pub fn event(email: &str) -> Value {
    json!({"eventType": "ticket.resolved", "category": "project_management", "actor": {"email": email}})
}

/// The same with members set.
pub fn with(mut event: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// The codes of the rejected events with their places.
pub fn rejected(body: &Value) -> Vec<(u64, &str)> {
    let rejected = body["results"]["rejected"].as_array().unwrap().iter();
    rejected.map(|event| (event["index"].as_u64().unwrap(), event["code"].as_str().unwrap())).collect()
}
