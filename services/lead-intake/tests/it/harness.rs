//! The service under test: a database, a virtual host and a Redis prefix of its own, ports that are free,
//! a clock that stands still.

use chrono::TimeDelta;
use contracts::Service;
use contracts::event::{CloudEvent, EventData, EventFacts};
use contracts::ids::EventId;
use contracts::outcome::{EventMatched, EventSettled};
use lead_intake::{App, HubspotSettings, Orchestrator, Settings};
use platform::telemetry::TelemetrySettings;
use platform_broker::topology;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::broker::{QueuedMessage, TestBroker};
use testkit::hubspot::{Hubspot, TOKEN};
use testkit::{Running, TestDatabase, callers, eventually, read};
use uuid::Uuid;

/// Where every event of a lead goes.
pub const QUEUE: &str = contracts::topology::WEBHOOK_DISPATCHER_EVENTS.name;

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
        let (harness, app) = Self::build(adjust).await;
        testkit::background(async move { app.run().await.unwrap() });
        harness
    }

    /// Without a running orchestrator: the test drives the one that it is given.
    pub async fn driven(adjust: impl FnOnce(&mut Settings)) -> (Self, Orchestrator) {
        let (harness, app) = Self::build(adjust).await;
        let (serving, orchestrator) = app.without_orchestrator();
        testkit::background(async move { serving.run().await.unwrap() });
        (harness, orchestrator)
    }

    /// [`Harness::driven`], with a stand-in for HubSpot.
    pub async fn with_hubspot() -> (Self, Orchestrator, Hubspot) {
        let hubspot = Hubspot::start().await;
        let (harness, orchestrator) = Self::driven(|settings| settings.hubspot = account(&hubspot)).await;
        (harness, orchestrator, hubspot)
    }

    async fn build(adjust: impl FnOnce(&mut Settings)) -> (Self, App) {
        let (database, broker) = tokio::join!(TestDatabase::create(Service::LeadIntake), TestBroker::start());
        broker.apply(topology::PLATFORM).await;
        let mut settings = Settings {
            http: testkit::http_settings(),
            identity: callers::identity_settings(),
            database: database.settings(),
            broker: broker.settings(),
            redis: testkit::redis_settings(),
            hubspot: nowhere(),
            telemetry: TelemetrySettings::default(),
        };
        adjust(&mut settings);
        let process = testkit::process();
        let app = App::build(&settings, process.clone(), String::new).await.unwrap();
        let service = Running::new(Service::LeadIntake, process, app.address(), app.ops_address());
        (Self { service, database, broker }, app)
    }

    /// Submits a lead for acme.
    pub async fn submit(&self, body: &Value) -> Response {
        let acme = callers::partner("acme", &["leads:write"]);
        let request = self.service.request(&acme, Method::POST, "/api/v1/partners/acme/leads");
        request.json(body).send().await.unwrap()
    }

    /// Submits a lead, waits until its way has begun, and gives its id.
    pub async fn arrived(&self, body: &Value) -> Uuid {
        let (status, created) = read(self.submit(body).await).await;
        assert_eq!(status, 201);
        let lead: Uuid = created["data"]["lead_id"].as_str().unwrap().parse().unwrap();
        eventually("the lead's orchestration", async || {
            self.step_of(lead).await.filter(|step| step != "expected")
        })
        .await;
        lead
    }

    /// `GET` of a lead of acme: its `data`.
    pub async fn lead(&self, id: Uuid) -> Value {
        let acme = callers::partner("acme", &["leads:read"]);
        let path = format!("/api/v1/partners/acme/leads/{id}");
        let (status, body) = testkit::answer(self.service.request(&acme, Method::GET, &path)).await;
        assert_eq!(status, 200);
        body["data"].clone()
    }

    /// What the lead waits for.
    pub async fn step_of(&self, lead: Uuid) -> Option<String> {
        let step = sqlx::query_scalar("select step from orchestrations where lead_id = $1").bind(lead);
        step.fetch_optional(&self.database.pool()).await.unwrap()
    }

    /// How many answers of HubSpot have been used up for the lead.
    pub async fn attempts_of(&self, lead: Uuid) -> i16 {
        let attempts =
            sqlx::query_scalar("select attempts from orchestrations where lead_id = $1").bind(lead);
        attempts.fetch_one(&self.database.pool()).await.unwrap()
    }

    /// The id of the lead's first event.
    pub async fn event_of(&self, lead: Uuid) -> EventId {
        let event = sqlx::query_scalar("select event_id from orchestrations where lead_id = $1").bind(lead);
        EventId::new(event.fetch_one(&self.database.pool()).await.unwrap())
    }

    /// Waits until so many events of leads have been published, and gives them.
    pub async fn events(&self, count: usize) -> Vec<QueuedMessage> {
        eventually("the events on the queue", async || {
            let messages = self.broker.peek(QUEUE).await;
            let mut messages: Vec<_> = messages.into_iter().flat_map(QueuedMessage::each).collect();
            messages.retain(|message| message.routing_key.starts_with("intake."));
            (messages.len() >= count).then_some(messages)
        })
        .await
    }

    /// The dispatcher says that the event was fanned out.
    pub async fn matched(&self, event: EventId, count: u32) {
        self.publish(EventMatched { event_id: event, source: Service::LeadIntake, count }).await;
    }

    /// The dispatcher says that the event's deliveries have ended.
    pub async fn settled(&self, event: EventId) {
        self.publish(EventSettled {
            event_id: event,
            source: Service::LeadIntake,
            delivered: 1,
            dead_letter: 0,
            cancelled: 0,
            expired: 0,
        })
        .await;
    }

    /// Publishes an event of another service.
    pub async fn publish<D: EventData>(&self, data: D) {
        let process = &self.service.process;
        let now = process.clock.now();
        let id = process.ids.at(now);
        let routing_key = data.routing_key().into_owned();
        let facts = EventFacts {
            id: EventId::new(id),
            time: now,
            tenant: callers::organization_id("acme"),
            aggregate: id.to_string(),
            aggregate_version: 1,
            traceparent: None,
            request_id: None,
            track_delivery: false,
        };
        let payload = serde_json::to_string(&CloudEvent::new(facts, data)).unwrap();
        let properties = json!({"message_id": id, "type": D::TYPE, "delivery_mode": 2});
        self.broker.publish(contracts::topology::EVENTS, &routing_key, properties, &payload).await;
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: i64) {
        self.service.process.clock.advance(TimeDelta::seconds(seconds));
    }

    /// `GET /api/v1/healthz`.
    pub async fn healthz(&self) -> (u16, Value) {
        testkit::answer(self.service.anonymous(Method::GET, "/api/v1/healthz")).await
    }
}

/// `[hubspot]` without a token.
pub fn nowhere() -> HubspotSettings {
    HubspotSettings {
        base_url: "http://127.0.0.1:9".parse().unwrap(),
        objects_prefix: "/crm/v3/objects".to_owned(),
        associations_prefix: "/crm/v4/associations".to_owned(),
        token: None,
        timeout: Duration::from_secs(5),
        batch: 100,
        concurrency: 2,
        pipeline: "default".to_owned(),
        stage: "appointmentscheduled".to_owned(),
    }
}

/// `[hubspot]` of the stand-in's account.
pub fn account(hubspot: &Hubspot) -> HubspotSettings {
    HubspotSettings {
        base_url: hubspot.url().parse().unwrap(),
        token: Some(TOKEN.into()),
        timeout: Duration::from_millis(500),
        ..nowhere()
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

/// A lead of somebody with this e-mail address.
pub fn lead_of(email: &str) -> Value {
    let mut lead = lead();
    lead["customer"]["email"] = json!(email);
    lead
}
