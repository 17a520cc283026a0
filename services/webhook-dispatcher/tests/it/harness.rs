//! The service under test: a database and a virtual host of its own, ports that are free, a clock that stands
//! still, and an engine that the test drives.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::event::{CloudEvent, EventData, EventFacts};
use contracts::identity::{CredentialKind, OrganizationRef, PlatformFacts, Principal, SurfaceFacts};
use contracts::ids::{ClientId, CorrelationId, EventId, LeadId, OrganizationId};
use contracts::lead::{LeadCreated, LeadCustomer};
use contracts::{Service, Surface};
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::lifecycle::Process;
use platform_broker::topology;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use testkit::broker::{QueuedMessage, TestBroker};
use testkit::receiver::Received;
use testkit::{Running, TestDatabase, callers, eventually};
use webhook_dispatcher::{AccountingSettings, App, DeliverySettings, Engine, SecretsSettings, Settings};

pub const SUBSCRIPTIONS: &str = "/api/v1/partners/acme/webhook-subscriptions";
const SEALING_KEY: &str = "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A running webhook-dispatcher.
pub struct Harness {
    pub service: Running,
    engine: Option<Engine>,
    _database: TestDatabase,
    pub broker: TestBroker,
    pub pool: PgPool,
    pub clock: Clock,
    settings: Settings,
}

/// A subscription that a test has made.
#[derive(Clone, Debug)]
pub struct Subscribed {
    pub id: String,
    pub secret: String,
}

impl Harness {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// With settings changed by `adjust`.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::start_after(adjust, async |_, _| ()).await
    }

    /// After something was done with the broker: the queues are there, and nobody consumes them.
    pub async fn start_after(
        adjust: impl FnOnce(&mut Settings),
        before: impl AsyncFnOnce(&TestBroker, &Clock),
    ) -> Self {
        let (database, broker) =
            tokio::join!(TestDatabase::create(Service::WebhookDispatcher), TestBroker::start());
        broker.apply(topology::PLATFORM).await;
        let mut settings = Settings {
            http: testkit::http_settings(),
            identity: callers::identity_settings(),
            database: database.settings(),
            broker: broker.settings(),
            redis: None,
            secrets: SecretsSettings { encryption_keys: SEALING_KEY.into() },
            delivery: delivery_settings(),
            accounting: AccountingSettings {
                interval: Duration::from_secs(5),
                settle: Duration::from_secs(30),
            },
            telemetry: platform::telemetry::TelemetrySettings::default(),
        };
        adjust(&mut settings);
        let process = testkit::process();
        let clock = process.clock.clone();
        before(&broker, &clock).await;
        let (service, engine) = run(&settings, process).await;
        let pool = database.pool();
        Self { service, engine: Some(engine), _database: database, broker, pool, clock, settings }
    }

    /// Another replica on the same database, broker and clock.
    pub async fn replica(&self) -> (Running, Engine) {
        run(&self.settings, Process::new(self.clock.clone(), IdSource::random())).await
    }

    /// Subscribes acme and answers the secret that is shown once.
    pub async fn subscribe(&self, url: &str, events: &[&str]) -> Subscribed {
        let acme = callers::partner("acme", &["webhooks:write"]);
        let request = self.service.request(&acme, Method::POST, SUBSCRIPTIONS);
        let (status, body) = testkit::answer(request.json(&json!({"url": url, "events": events}))).await;
        assert_eq!(status, 201, "{body}");
        let text = |name: &str| body["data"][name].as_str().unwrap().to_owned();
        Subscribed { id: text("id"), secret: text("hmac_secret") }
    }

    /// acme's subscriptions as listed.
    pub async fn list(&self) -> Vec<Value> {
        let acme = callers::partner("acme", &["webhooks:read"]);
        let (status, body) = testkit::answer(self.service.request(&acme, Method::GET, SUBSCRIPTIONS)).await;
        assert_eq!(status, 200, "{body}");
        body["data"]["items"].as_array().unwrap().clone()
    }

    /// The log of one of acme's subscriptions, newest first.
    pub async fn log(&self, subscription: &Subscribed) -> Vec<Value> {
        let acme = callers::partner("acme", &["webhooks:read"]);
        let path = format!("{SUBSCRIPTIONS}/{}/deliveries", subscription.id);
        let (status, body) = testkit::answer(self.service.request(&acme, Method::GET, &path)).await;
        assert_eq!(status, 200, "{body}");
        body["data"]["items"].as_array().unwrap().clone()
    }

    /// A lead of acme that was created now.
    pub fn lead_created(&self) -> CloudEvent<LeadCreated> {
        lead_created(self.clock.now())
    }

    /// Publishes an event as its service does.
    pub async fn publish<D: EventData>(&self, event: &CloudEvent<D>) {
        let properties = json!({"message_id": event.id, "type": event.kind, "delivery_mode": 2});
        let payload = serde_json::to_string(event).unwrap();
        self.broker.publish("events", &event.data.routing_key(), properties, &payload).await;
    }

    /// Publishes events as one message.
    pub async fn publish_together<D: EventData>(&self, events: &[CloudEvent<D>]) {
        let properties = json!({"message_id": testkit::unique_id(), "delivery_mode": 2});
        let payload = serde_json::to_string(events).unwrap();
        self.broker.publish("events", D::ROUTING_KEY, properties, &payload).await;
    }

    /// An event of the control plane about an organisation.
    pub fn control<D: EventData>(&self, organization: OrganizationId, data: D) -> CloudEvent<D> {
        CloudEvent::new(facts(self.clock.now(), organization, &organization.to_string()), data)
    }

    /// Asks the service, with a body or (for `null`) without.
    pub async fn ask(&self, caller: &Principal, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.service.request(caller, method, path);
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, if status == 204 { Value::Null } else { response.json().await.unwrap() })
    }

    /// Makes a webhook of acme's client, and answers it with its secret.
    pub async fn webhook(&self, body: &Value) -> Value {
        let (status, webhook) = self.ask(&platform(), Method::POST, &webhooks(), body).await;
        assert_eq!(status, 201, "{webhook}");
        webhook
    }

    /// The deliveries of one of acme's webhooks, newest first.
    pub async fn webhook_log(&self, webhook: &Value) -> Vec<Value> {
        let path = format!("{}/{}/deliveries", webhooks(), webhook["id"].as_str().unwrap());
        let (status, body) = self.ask(&platform(), Method::GET, &path, &Value::Null).await;
        assert_eq!(status, 200, "{body}");
        body["data"].as_array().unwrap().clone()
    }

    /// What lead-intake was told so far: the types and the data of outcomes, waiting until there are so many.
    pub async fn outcomes(&self, count: usize) -> Vec<(String, Value)> {
        self.outcomes_in("lead-intake.outcomes", count).await
    }

    /// The same of another service's queue.
    pub async fn outcomes_in(&self, queue: &str, count: usize) -> Vec<(String, Value)> {
        let told = eventually("the outcomes", async || {
            let told: Vec<Value> = self.broker.peek(queue).await.iter().flat_map(events_of).collect();
            (told.len() >= count).then_some(told)
        })
        .await;
        told.into_iter()
            .map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone()))
            .collect()
    }

    /// Waits until everything that was said is published, and an event that comes after it is fanned out: then
    /// nothing is left on the way.
    pub async fn calm(&self) {
        eventually("an empty outbox", async || {
            let left: i64 =
                sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.pool).await.unwrap();
            (left == 0).then_some(())
        })
        .await;
        let mut last = self.lead_created();
        last.tenantid = callers::organization_id("nobody");
        last.trackdelivery = false;
        self.publish(&last).await;
        eventually("the last event", async || {
            let stored: bool = sqlx::query_scalar("select exists (select from events where event_id = $1)")
                .bind(last.id.as_uuid())
                .fetch_one(&self.pool)
                .await
                .unwrap();
            stored.then_some(())
        })
        .await;
    }

    /// Publishes a lead of acme, waits until it is fanned out to `count` deliveries in all, and answers it.
    pub async fn fan_out(&self, count: i64) -> CloudEvent<LeadCreated> {
        let event = self.lead_created();
        self.publish(&event).await;
        self.wait_for_deliveries(count).await;
        event
    }

    /// Waits until there are this many deliveries in all.
    pub async fn wait_for_deliveries(&self, count: i64) {
        eventually("the deliveries", async || (self.deliveries("true").await == count).then_some(())).await;
    }

    /// How many deliveries there are of a kind.
    pub async fn deliveries(&self, condition: &str) -> i64 {
        let query = format!("select count(*) from deliveries where {condition}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&self.pool).await.unwrap()
    }

    /// Delivers what is due.
    pub async fn deliver(&mut self) {
        self.engine.as_mut().unwrap().run_until_idle().await;
    }

    /// Moves the clock and delivers what is due then.
    pub async fn deliver_after(&mut self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
        self.deliver().await;
    }

    /// The engine, for tests that let it run by itself.
    pub fn take_engine(&mut self) -> Engine {
        self.engine.take().unwrap()
    }

    /// Lets the engine run by itself.
    pub fn start_engine(&mut self) {
        let engine = self.take_engine();
        testkit::background(engine.run(self.service.process.shutdown.clone()));
    }

    /// Writes a subscription's state as an owner would.
    pub async fn set_state(&self, subscription: &Subscribed, state: &str) {
        let bump = "with bumped as (update subscription_version set version = version + 1 returning version)
            update subscriptions set state = $2, changed = version from bumped where id = $1::uuid";
        sqlx::query(bump).bind(&subscription.id).bind(state).execute(&self.pool).await.unwrap();
    }
}

async fn run(settings: &Settings, process: Process) -> (Running, Engine) {
    let app = App::build(settings, process.clone(), String::new).await.unwrap();
    let service = Running::new(Service::WebhookDispatcher, process, app.address(), app.ops_address());
    let (serving, engine) = app.without_engine();
    testkit::background(async move { serving.run().await.unwrap() });
    (service, engine)
}

/// Those of the shipped base, but receivers of the tests may be reached.
fn delivery_settings() -> DeliverySettings {
    DeliverySettings {
        allow_private_networks: true,
        partner_retry_base: Duration::from_secs(5),
        lex_retry_base: Duration::from_secs(30),
        response_budget: Duration::from_secs(10),
        max_in_flight: 512,
        max_in_flight_per_subscription: 16,
        poll_interval: Duration::from_millis(250),
        lease_ttl: Duration::from_secs(10),
        lease_renewal: Duration::from_secs(3),
    }
}

/// acme's client on the platform surface.
pub fn client() -> ClientId {
    ClientId::new(callers::organization_id("acme").as_uuid())
}

/// Where the webhooks of acme's client are.
pub fn webhooks() -> String {
    format!("/api/v1/api-clients/{}/webhooks", client())
}

/// A key of the platform surface that may do everything with webhooks of acme's client.
pub fn platform() -> Principal {
    platform_key("acme", Some(client()), &["webhooks:read", "webhooks:write"])
}

/// A key of the platform surface with scopes, for a client (or the whole) of an organisation.
pub fn platform_key(slug: &str, client_id: Option<ClientId>, scopes: &[&str]) -> Principal {
    let mut key = callers::key(slug, Surface::Platform, CredentialKind::PlatformKey, scopes);
    let organization = OrganizationRef { id: callers::organization_id(slug), slug: slug.to_owned() };
    key.facts = SurfaceFacts::Platform(PlatformFacts { organization, client_id });
    key
}

pub fn facts(time: DateTime<Utc>, tenant: OrganizationId, aggregate: &str) -> EventFacts {
    EventFacts {
        id: EventId::new(IdSource::random().at(time)),
        time,
        tenant,
        aggregate: aggregate.to_owned(),
        aggregate_version: 1,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        request_id: Some("asked-1".to_owned()),
        track_delivery: false,
    }
}

/// A lead of acme that was created at a time.
pub fn lead_created(time: DateTime<Utc>) -> CloudEvent<LeadCreated> {
    let lead_id = LeadId::new(testkit::unique_id());
    let acme = callers::organization_id("acme");
    let facts = EventFacts { track_delivery: true, ..facts(time, acme, &lead_id.to_string()) };
    let customer = LeadCustomer {
        first_name: "Grace".to_owned(),
        last_name: "Hopper".to_owned(),
        email: Some("grace@example.com".to_owned()),
        phone: "(512) 232-1234".to_owned(),
        phone_e164: Some("+15122321234".to_owned()),
        address: None,
    };
    let data = LeadCreated {
        lead_id,
        partner_slug: "acme".to_owned(),
        correlation_id: CorrelationId::new(testkit::unique_id()),
        status: "received".to_owned(),
        received_at: time,
        hubspot_deal_id: None,
        next_action: "pending_orchestrator".to_owned(),
        customer,
    };
    CloudEvent::new(facts, data)
}

/// What a message carries: one event, or several that were said together.
fn events_of(message: &QueuedMessage) -> Vec<Value> {
    match serde_json::from_str(&message.payload).unwrap() {
        Value::Array(events) => events,
        event => vec![event],
    }
}

/// The `webhook-id` of each request.
pub fn webhook_ids(received: &[Received]) -> Vec<&str> {
    received.iter().map(|request| request.header("webhook-id").unwrap()).collect()
}
