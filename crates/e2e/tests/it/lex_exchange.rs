//! Two organisations exchange LEX messages through the platform: what one sends the other is told, signed, as
//! JSON or XML, and the sender learns what became of it.

use crate::story::Story;
use e2e::delivery::verified_as;
use e2e::partner::new_slug;
use platform::clock::Clock;
use reqwest::Client;
use serde_json::{Value, json};
use signing::{Family, Secret};
use testkit::receiver::{Received, Receiver};
use testkit::{answer, eventually};

const SECRET: &str = "a-secret-of-the-receivers-own-choice";
const SCOPES: [&str; 7] = [
    "lex:leads:write",
    "lex:leads:read",
    "lex:assets:write",
    "lex:assets:read",
    "lex:closures:write",
    "lex:subscriptions:manage",
    "lex:conformance",
];

/// The ways of two leads, as the standard's scenarios have them.
const CAR: [&str; 7] = [
    "SHOPPING",
    "TEST_DRIVE_REQUESTED",
    "EXPRESSED_INTEREST",
    "IN_NEGOTIATION",
    "ORDER",
    "ORDER_CONFIRMED",
    "DELIVERED",
];
const DEVICE: [&str; 7] = [
    "SHOPPING",
    "EXPRESSED_INTEREST",
    "IN_NEGOTIATION",
    "ORDER",
    "ORDER_CONFIRMED",
    "IN_DELIVERY",
    "DELIVERED",
];

/// An organisation that speaks LEX.
struct Party {
    http: Client,
    gateway: String,
    lex_id: String,
    token: String,
}

impl Party {
    async fn sign_up(story: &Story, kind: &str) -> Self {
        let (http, slug) = (testkit::http(), new_slug("lex"));
        let gateway = story.system.address("LEADWIRE_URL").to_owned();
        let admin = story.system.address("LEADWIRE_ADMIN_KEY");
        let post = async |path: &str, body: Value| {
            let request = http.post(format!("{gateway}{path}")).bearer_auth(admin).json(&body);
            let (status, made) = answer(request).await;
            assert_eq!(status, 201, "POST {path}: {made}");
            made
        };
        let lex_id = format!("{kind}-{}", slug.to_uppercase().replace('_', "-"));
        let organization = json!({"slug": slug, "name": slug, "lexOrganizationId": lex_id});
        let organization = post("/api/v1/organizations", organization).await;
        let client = json!({
            "organizationId": organization["id"], "name": "lex", "redirectUris": [],
            "contactEmail": "ops@example.com",
        });
        let client = post("/api/v1/api-clients", client).await;
        let path = format!("/api/v1/api-clients/{}/oauth-credentials", client["id"].as_str().unwrap());
        let oauth = post(&path, json!({"name": "story", "scopes": SCOPES})).await;
        let request = http
            .post(format!("{gateway}/oauth/token"))
            .basic_auth(oauth["clientId"].as_str().unwrap(), oauth["clientSecret"].as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let (status, granted) = answer(request).await;
        assert_eq!(status, 200, "{granted}");
        Self { token: granted["access_token"].as_str().unwrap().to_owned(), http, gateway, lex_id }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.http.get(format!("{}{path}", self.gateway)).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.http.post(format!("{}{path}", self.gateway)).bearer_auth(&self.token).json(body)).await
    }

    async fn subscribe(&self, url: &str, format: &str) {
        let body = json!({
            "eventTypes": ["ALL"], "deliveryEndpoint": url, "deliveryFormat": format, "hmacSecret": SECRET,
        });
        let (status, made) = self.post("/v1/subscriptions", &body).await;
        assert_eq!(status, 201, "{made}");
        assert!(made.get("hmacSecret").is_none());
    }

    /// A message of this party's to another.
    fn message(&self, to: &str, kind: &str, payload: &Value) -> Value {
        json!({"lex": {
            "header": {
                "messageId": testkit::unique_id(), "messageType": kind, "version": "1.0",
                "timestamp": Clock::system().now().to_rfc3339(), "senderId": self.lex_id, "receiverId": to,
            },
            "payload": payload,
        }})
    }

    fn lead(&self, to: &str, id: &str, status: &str) -> Value {
        self.message(
            to,
            "LEAD",
            &json!({"lead": {
                "leadId": id, "status": status, "leadType": "PRIMARY", "source": "RETAILER_WEBSITE",
                "customer": {
                    "firstName": "Grace", "lastName": "O'Neil & Sons", "emailAddress": "grace@example.com",
                    "phoneNumber": "+15122321234",
                },
                "desiredProduct": {"productType": "VEHICLE", "model": "Roadster", "year": 2026},
                "metadata": {"countryCode": "US"},
            }}),
        )
    }

    /// Sends a message that is accepted; its id.
    async fn send(&self, message: &Value) -> String {
        let (status, taken) = self.post("/v1/messages", message).await;
        assert_eq!((status, &taken["valid"]), (200, &json!(true)), "{taken}");
        taken["messageId"].as_str().unwrap().to_owned()
    }

    async fn becomes(&self, message: &str, status: &str) {
        eventually(status, async || {
            let (_, record) = self.get(&format!("/v1/messages/{message}")).await;
            (record["status"] == status).then_some(())
        })
        .await;
    }
}

fn id_of(body: &Value) -> &str {
    body["lex"]["header"]["messageId"].as_str().unwrap()
}

/// The body of a delivery, once its signatures have been verified.
fn verified(received: &Received) -> Value {
    verified_as(Family::Lex, received, SECRET).unwrap()
}

#[tokio::test]
async fn the_lives_of_two_leads_reach_the_other_party_in_order_of_its_messages() {
    let story = Story::begin().await;
    let dealer = Party::sign_up(&story, "RETAILER").await;
    let maker = Party::sign_up(&story, "MFGR").await;
    let (json_hooks, xml_hooks) = (Receiver::start().await, Receiver::start().await);
    maker.subscribe(&json_hooks.url("/lex"), "JSON_EDI").await;
    maker.subscribe(&xml_hooks.url("/lex"), "XML_EDI").await;

    let mut sent = Vec::new();
    for statuses in [CAR, DEVICE] {
        let lead = format!("LEAD-{}", testkit::unique_id().simple());
        for status in statuses {
            let message = dealer.lead(&maker.lex_id, &lead, status);
            sent.push(dealer.send(&message).await);
            let received = json_hooks.wait_for(sent.len()).await;
            let body = verified(&received[sent.len() - 1]);
            assert_eq!(Some(id_of(&body)), sent.last().map(String::as_str));
            assert_eq!(body["lex"]["payload"], message["lex"]["payload"]);
        }
        let back = dealer.lead(&maker.lex_id, &lead, "SHOPPING");
        let (status, taken) = dealer.post("/v1/messages", &back).await;
        assert_eq!((status, &taken["errors"][0]["code"]), (400, &json!("INVALID_STATUS_TRANSITION")));
        let closure = json!({"leadClosure": {
            "originalLeadId": lead, "closureStatus": "WON", "closureReason": "sold",
            "leadCreatedDate": "2026-01-15T10:22:00Z", "leadClosureDate": Clock::system().now().to_rfc3339(),
        }});
        sent.push(dealer.send(&dealer.message(&maker.lex_id, "LEAD_CLOSURE", &closure)).await);
        json_hooks.wait_for(sent.len()).await;
    }
    for id in &sent {
        dealer.becomes(id, "DELIVERED").await;
        assert_eq!(maker.get(&format!("/v1/messages/{id}")).await.0, 200, "its receiver may read it");
    }
    let xml = xml_hooks.wait_for(sent.len()).await;
    let first = String::from_utf8(xml[0].body.clone()).unwrap();
    assert!(first.contains("<lastName>O'Neil &amp; Sons</lastName>"), "{first}");
    let now = u64::try_from(Clock::system().now().timestamp()).unwrap();
    let signature = xml[0].header(Family::Lex.header()).unwrap();
    Family::Lex.verify(signature, &xml[0].body, &Secret::new(SECRET), now).unwrap();

    let acknowledged = json!({"acknowledgment": {
        "acknowledgmentId": testkit::unique_id(), "originalMessageId": sent[0], "status": "PROCESSED",
        "timestamp": Clock::system().now().to_rfc3339(),
    }});
    maker.send(&maker.message(&dealer.lex_id, "ACKNOWLEDGMENT", &acknowledged)).await;
    let (status, record) = dealer.get(&format!("/v1/messages/{}/acknowledgment", sent[0])).await;
    assert_eq!((status, &record["status"]), (200, &json!("PROCESSED")), "{record}");
}

#[tokio::test]
async fn a_message_waits_for_a_receiver_that_is_not_there_yet() {
    let story = Story::begin().await;
    let dealer = Party::sign_up(&story, "RETAILER").await;
    let maker = Party::sign_up(&story, "MFGR").await;
    let lead = format!("LEAD-{}", testkit::unique_id().simple());
    let sent = dealer.send(&dealer.lead(&maker.lex_id, &lead, "SHOPPING")).await;
    // Killed while it waits: what is held is in the database.
    story.system.signal(contracts::Service::WebhookDispatcher, "KILL");
    story.system.signal(contracts::Service::LexRouter, "KILL");
    story.system.up();
    let hooks = Receiver::start().await;
    maker.subscribe(&hooks.url("/lex"), "JSON_EDI").await;
    let received = hooks.wait_for(1).await;
    assert_eq!(id_of(&verified(&received[0])), sent);
    dealer.becomes(&sent, "DELIVERED").await;
}

#[tokio::test]
async fn an_organization_shows_that_it_speaks_lex_and_leaves_no_trace_of_the_rehearsal() {
    let story = Story::begin().await;
    let dealer = Party::sign_up(&story, "RETAILER").await;
    let hooks = Receiver::start().await;
    dealer.subscribe(&hooks.url("/lex"), "JSON_EDI").await;
    for level in 1..=3 {
        let asked = json!({"organizationId": dealer.lex_id, "targetLevel": level});
        let (status, report) = dealer.post("/v1/conformance/run", &asked).await;
        assert_eq!(status, 200, "{report}");
        assert_eq!(report["result"], "PASS", "{report}");
    }
    // Whatever the rehearsals had sent would have come before this.
    let lead = format!("LEAD-{}", testkit::unique_id().simple());
    let sent = dealer.send(&dealer.lead("LEX-PLATFORM", &lead, "SHOPPING")).await;
    let received = hooks.wait_for(1).await;
    assert_eq!(id_of(&verified(&received[0])), sent);
}
