//! The service under test: a database, a virtual host and a Redis prefix of its own, ports that are free,
//! a clock that stands still.

use contracts::Service;
use lead_intake::{App, Settings};
use platform::telemetry::TelemetrySettings;
use platform_broker::topology;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::broker::TestBroker;
use testkit::{Running, TestDatabase, callers};

/// A running lead-intake.
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
        let (database, broker) = tokio::join!(TestDatabase::create(Service::LeadIntake), TestBroker::start());
        broker.apply(topology::PLATFORM).await;
        let mut settings = Settings {
            http: testkit::http_settings(),
            identity: callers::identity_settings(),
            database: database.settings(),
            broker: broker.settings(),
            redis: testkit::redis_settings(),
            telemetry: TelemetrySettings::default(),
        };
        adjust(&mut settings);
        let process = testkit::process();
        let app = App::build(&settings, process.clone(), String::new).await.unwrap();
        let service = Running::new(Service::LeadIntake, process, app.address(), app.ops_address());
        testkit::background(async move { app.run().await.unwrap() });
        Self { service, database, broker }
    }

    /// Submits a lead for acme.
    pub async fn submit(&self, body: &Value) -> Response {
        let acme = callers::partner("acme", &["leads:write"]);
        let request = self.service.request(&acme, Method::POST, "/api/v1/partners/acme/leads");
        request.json(body).send().await.unwrap()
    }

    /// `GET /api/v1/healthz`.
    pub async fn healthz(&self) -> (u16, Value) {
        testkit::answer(self.service.anonymous(Method::GET, "/api/v1/healthz")).await
    }
}

/// A lead that is complete, with a correlation id of its own.
pub fn lead() -> Value {
    json!({
        "correlation_id": testkit::unique_id(),
        "customer": {
            "first_name": "Grace", "last_name": "Hopper", "email": "grace@example.com",
            "phone": "(512) 232-1234", "address": {"city": "Austin", "state": "TX"},
        },
        "offer": {"type": "solar", "monthly_amount_cents": 12_900, "term_months": 24},
        "partner_metadata": {"campaign": "spring"},
    })
}
