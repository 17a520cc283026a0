//! The service under test: a database and a virtual host of its own, ports that are free, a clock that stands
//! still, and servers that stand for the gateway and webhook-dispatcher.

use chrono::SecondsFormat;
use contracts::control::{OrganizationChanged, OrganizationFacts};
use contracts::event::{CloudEvent, EventData, EventFacts, Events};
use contracts::identity::{CredentialKind, LexFacts, LexLevel, LexTier, Principal, SurfaceFacts};
use contracts::ids::EventId;
use contracts::lex::LexMessage;
use contracts::limits::LimitWindow;
use contracts::outcome::EventSettled;
use contracts::topology::{EVENTS, WEBHOOK_DISPATCHER_EVENTS};
use contracts::{Service, Surface};
use lex_router::{
    App, ConformanceSettings, PeerSettings, RetentionSettings, SERVICE, Settings, ValidationSettings,
};
use platform::lifecycle::Process;
use platform::telemetry::TelemetrySettings;
use platform_broker::topology;
use reqwest::{Method, Response};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::broker::TestBroker;
use testkit::receiver::{Receiver, Reply};
use testkit::{Running, TestDatabase, callers, eventually, read};

pub const MESSAGES: &str = "/v1/messages";
pub const BATCH: &str = "/v1/messages/batch";
/// 32 bytes in base64url.
pub const SIGNING_KEY: &str = "dGVzdC1zaWduaW5nLWtleS0zMi1ieXRlcy1sb25nISE";

const SCOPES: [&str; 7] = [
    "lex:leads:read",
    "lex:leads:write",
    "lex:assets:read",
    "lex:assets:write",
    "lex:closures:write",
    "lex:subscriptions:manage",
    "lex:conformance",
];

/// A running lex-router.
pub struct Harness {
    pub service: Running,
    pub database: TestDatabase,
    pub broker: TestBroker,
    /// Knows nobody unless it is told to.
    pub gateway: Receiver,
    /// Keeps every subscription unless it is told not to.
    pub dispatcher: Receiver,
}

impl Harness {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// With settings changed by `adjust`.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let (database, broker, gateway, dispatcher) = tokio::join!(
            TestDatabase::create(SERVICE),
            TestBroker::start(),
            Receiver::start(),
            Receiver::start()
        );
        broker.apply(topology::PLATFORM).await;
        gateway.always(Reply::with_body(200, r#"{"data":[]}"#));
        dispatcher.always(Reply::Status(204));
        let peer = |receiver: &Receiver| PeerSettings {
            url: receiver.url("/").parse().unwrap(),
            identity_key: callers::identity_settings().key,
        };
        let mut settings = Settings {
            http: testkit::http_settings(),
            identity: callers::identity_settings(),
            database: database.settings(),
            broker: broker.settings(),
            redis: testkit::redis_settings(),
            gateway: peer(&gateway),
            webhook_dispatcher: peer(&dispatcher),
            conformance: ConformanceSettings { signing_key: SecretString::from(SIGNING_KEY) },
            validation: ValidationSettings { strict: false },
            retention: RetentionSettings { messages_days: 2557 },
            telemetry: TelemetrySettings::default(),
        };
        adjust(&mut settings);
        let service = replica(&settings, testkit::process()).await;
        Self { service, database, broker, gateway, dispatcher }
    }

    pub async fn send(&self, caller: &Principal, path: &str, body: &Value) -> Response {
        self.service.request(caller, Method::POST, path).json(body).send().await.unwrap()
    }

    pub async fn post(&self, caller: &Principal, path: &str, body: &Value) -> (u16, Value) {
        read(self.send(caller, path, body).await).await
    }

    /// Sends a message that is accepted.
    pub async fn accept(&self, caller: &Principal, message: &Value) -> Value {
        let (status, body) = self.post(caller, MESSAGES, message).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Sends a message that is refused, and answers the codes of its errors.
    pub async fn refuse(&self, caller: &Principal, message: &Value) -> Vec<String> {
        let (status, body) = self.post(caller, MESSAGES, message).await;
        assert_eq!((status, &body["valid"]), (400, &json!(false)), "{body}");
        codes(&body["errors"])
    }

    pub async fn get(&self, caller: &Principal, path: &str) -> (u16, Value) {
        read(self.service.request(caller, Method::GET, path).send().await.unwrap()).await
    }

    /// The record of a message.
    pub async fn record(&self, caller: &Principal, message_id: &str) -> Value {
        let (status, body) = self.get(caller, &format!("{MESSAGES}/{message_id}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The status of a message's acknowledgment.
    pub async fn acknowledged(&self, caller: &Principal, message_id: &str) -> Value {
        let (status, body) = self.get(caller, &format!("{MESSAGES}/{message_id}/acknowledgment")).await;
        assert_eq!(status, 200, "{body}");
        body["status"].clone()
    }

    /// A number from the database.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.database.pool()).await.unwrap()
    }

    /// The messages that are announced, once there are so many. Several may have come in one.
    pub async fn announced(&self, count: usize) -> Vec<CloudEvent<LexMessage>> {
        let announced = eventually("the events on the queue", async || {
            let mut messages = self.broker.peek(WEBHOOK_DISPATCHER_EVENTS.name).await;
            // What tests say of deliveries is there as well.
            messages.retain(|message| message.routing_key == "lex.message.routed.v1");
            let together = messages.iter().map(|message| serde_json::from_str(&message.payload).unwrap());
            let events: Vec<_> = together.flat_map(|events: Events<_>| events.as_slice().to_vec()).collect();
            (events.len() >= count).then_some(events)
        })
        .await;
        assert_eq!(announced.len(), count);
        announced
    }

    /// Publishes an event of another service.
    pub async fn publish<D: EventData>(&self, data: D) {
        let organization = callers::organization_id("somebody");
        let facts = EventFacts {
            id: EventId::new(testkit::unique_id()),
            time: self.service.process.clock.now(),
            tenant: organization,
            aggregate: organization.to_string(),
            aggregate_version: 1,
            traceparent: None,
            request_id: None,
            track_delivery: false,
        };
        let key = data.routing_key().into_owned();
        let event = CloudEvent::new(facts, data);
        let properties = json!({"message_id": event.id, "type": event.kind});
        self.broker.publish(EVENTS, &key, properties, &serde_json::to_string(&event).unwrap()).await;
    }

    /// Lets an organisation be known.
    pub async fn register(&self, principal: &Principal) {
        let known = self.count("select count(*) from organizations").await;
        self.publish(OrganizationChanged { organization: facts_of(principal) }).await;
        eventually("one more organisation", async || {
            (self.count("select count(*) from organizations").await > known).then_some(())
        })
        .await;
    }

    /// Says how the deliveries of a message ended.
    pub async fn settle(&self, message_id: &str, settled: impl FnOnce(&mut EventSettled)) {
        let id: uuid::Uuid = sqlx::query_scalar("select id from message_names where message_id = $1")
            .bind(message_id)
            .fetch_one(&self.database.pool())
            .await
            .unwrap();
        let mut outcome = EventSettled {
            event_id: EventId::new(id),
            source: Service::LexRouter,
            delivered: 0,
            dead_letter: 0,
            cancelled: 0,
            expired: 0,
        };
        settled(&mut outcome);
        self.publish(outcome).await;
    }

    /// A moment so many seconds from now, as messages write it.
    pub fn time(&self, seconds: i64) -> String {
        let time = self.service.process.clock.now() + chrono::TimeDelta::seconds(seconds);
        time.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// A valid LEAD.
    pub fn lead(&self, message_id: &str, lead_id: &str, sender: &str, receiver: &str) -> Value {
        let lead = json!({
            "leadId": lead_id,
            "status": "SHOPPING",
            "source": "RETAILER_WEBSITE",
            "customer": {
                "firstName": "Ada", "lastName": "King", "emailAddress": "ada@example.com",
                "phoneNumber": "+15125550143",
            },
            "desiredProduct": {"productType": "VEHICLE", "model": "390", "year": 2026},
            "metadata": {"createdDate": self.time(-60), "countryCode": "US"},
        });
        self.message("LEAD", "lead", &lead, message_id, sender, receiver)
    }

    /// A valid ASSET to the exchange.
    pub fn asset(&self, message_id: &str, asset_id: &str, sender: &str) -> Value {
        let asset = json!({
            "assetId": asset_id, "status": "AVAILABLE", "manufacturer": "Rivian", "model": "R1S", "year": 2026,
        });
        self.message("ASSET", "asset", &asset, message_id, sender, "LEX-PLATFORM")
    }

    pub fn message(
        &self,
        kind: &str,
        key: &str,
        body: &Value,
        id: &str,
        sender: &str,
        receiver: &str,
    ) -> Value {
        let header = json!({
            "messageId": id, "messageType": kind, "version": "1.0", "timestamp": self.time(0),
            "senderId": sender, "receiverId": receiver,
        });
        json!({"lex": {"header": header, "payload": {key: body}}})
    }
}

async fn replica(settings: &Settings, process: Process) -> Running {
    let app = App::build(settings, process.clone(), String::new).await.unwrap();
    let service = Running::new(SERVICE, process, app.address(), app.ops_address());
    testkit::background(async move { app.run().await.unwrap() });
    service
}

/// An organisation under a LEX name, with every scope.
pub fn organization(lex_id: &str) -> Principal {
    with_facts(lex_id, |_| ())
}

pub fn at_level(lex_id: &str, level: LexLevel) -> Principal {
    with_facts(lex_id, |facts| facts.level = Some(level))
}

pub fn with_facts(lex_id: &str, adjust: impl FnOnce(&mut LexFacts)) -> Principal {
    let mut principal = callers::key(lex_id, Surface::Lex, CredentialKind::OauthClient, &SCOPES);
    let mut facts = LexFacts {
        organization_id: Some(lex_id.to_owned()),
        aliases: vec![format!("{lex_id}-EAST")],
        level: None,
        tier: LexTier::Standard,
        window: Some(LimitWindow { key: format!("{{{lex_id}}}:lex"), limit: 1_000 }),
    };
    adjust(&mut facts);
    principal.facts = SurfaceFacts::Lex(facts);
    principal
}

pub fn facts_of(principal: &Principal) -> OrganizationFacts {
    let SurfaceFacts::Lex(facts) = &principal.facts else { unreachable!() };
    OrganizationFacts {
        id: principal.organization.id,
        slug: principal.organization.slug.clone(),
        name: principal.organization.slug.clone(),
        lex_organization_id: facts.organization_id.clone(),
        lex_aliases: facts.aliases.clone(),
        lex_level: facts.level,
        lex_tier: facts.tier,
        lex_notification_webhook: None,
    }
}

/// The same with one member of its lead, asset, … set.
pub fn with(mut message: Value, name: &str, value: Value) -> Value {
    let payload = message["lex"]["payload"].as_object_mut().unwrap();
    payload.values_mut().next().unwrap()[name] = value;
    message
}

/// The same with one member of the header set.
pub fn with_header(mut message: Value, name: &str, value: Value) -> Value {
    message["lex"]["header"][name] = value;
    message
}

/// The codes of issues.
pub fn codes(issues: &Value) -> Vec<String> {
    issues.as_array().unwrap().iter().map(|issue| issue["code"].as_str().unwrap().to_owned()).collect()
}
