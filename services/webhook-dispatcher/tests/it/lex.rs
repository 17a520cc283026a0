//! Organisations that speak LEX, their messages, and what lex-router tells of them.

use crate::harness::{Harness, facts};
use contracts::Surface;
use contracts::event::{CloudEvent, EventFacts};
use contracts::identity::{CredentialKind, LexFacts, LexTier, Principal, SurfaceFacts};
use contracts::lex::{LexEvent, LexMessage, MessageFacts, OnExpiry, Participant};
use reqwest::Method;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use testkit::callers;

pub const SUBSCRIPTIONS: &str = "/v1/subscriptions";
pub const SECRET: &str = "a secret of our own";

/// The LEX id of an organisation: acme is a dealer, globex a portal, initech a DMS, and whoever else a maker.
pub fn lex_id(slug: &str) -> String {
    let kind = match slug {
        "acme" => "DEALER",
        "globex" => "PORTAL",
        "initech" => "DMS",
        _ => "MFGR",
    };
    format!("{kind}-{}-01", slug.to_ascii_uppercase())
}

/// A token of an organisation that may manage its subscriptions.
pub fn token(slug: &str) -> Principal {
    let scopes = ["lex:subscriptions:manage"];
    let mut token = callers::key(slug, Surface::Lex, CredentialKind::OauthClient, &scopes);
    token.facts = SurfaceFacts::Lex(LexFacts {
        organization_id: Some(lex_id(slug)),
        aliases: vec![format!("ALIAS-{slug}")],
        level: None,
        tier: LexTier::Standard,
        window: None,
    });
    token
}

/// A LEAD from globex to acme.
pub fn lead() -> Value {
    json!({"lex": {
        "header": {
            "messageId": testkit::unique_id(), "messageType": "LEAD", "version": "1.0",
            "timestamp": "2026-11-22T00:00:00Z", "senderId": lex_id("globex"), "receiverId": lex_id("acme"),
        },
        "payload": {"lead": {
            "leadId": "LID-2026-0001", "status": "SHOPPING", "source": "THIRD_PARTY_PORTAL",
            "customer": {"firstName": "Sarah", "lastName": "O'Neil & Co", "emailAddress": "s@example.com"},
            "desiredProduct": {"productType": "VEHICLE", "features": ["A", "B"]},
            "metadata": {"countryCode": "US"},
        }},
    }})
}

pub fn participant(slug: &str, is_receiver: bool) -> Participant {
    Participant {
        organization_id: callers::organization_id(slug),
        lex_ids: vec![lex_id(slug), format!("ALIAS-{slug}")],
        is_receiver,
    }
}

/// What lex-router makes of a message from globex to acme.
pub fn routed(message: &Value) -> LexMessage {
    LexMessage {
        message: to_raw_value(message).unwrap(),
        events: vec![LexEvent::LeadReceived, LexEvent::LeadCreated, LexEvent::MessageProcessed],
        facts: MessageFacts {
            product_type: Some("VEHICLE".to_owned()),
            lead_status: Some("SHOPPING".to_owned()),
            regions: vec!["US".to_owned(), "US-TX".to_owned()],
            sender_id: lex_id("globex"),
        },
        receiver: lex_id("acme"),
        broadcast: false,
        participants: vec![participant("globex", false), participant("acme", true)],
        expires_at: None,
        on_expiry: OnExpiry::Dlq,
        hold: false,
        notice: None,
    }
}

impl Harness {
    /// Publishes a message as lex-router does, for globex.
    pub async fn route(&self, data: LexMessage) -> CloudEvent<LexMessage> {
        let globex = callers::organization_id("globex");
        let facts = facts(self.clock.now(), globex, "message");
        let event = CloudEvent::new(EventFacts { track_delivery: true, ..facts }, data);
        self.publish(&event).await;
        event
    }

    /// The same, and waits until it is stored.
    pub async fn route_through(&self, data: LexMessage) -> CloudEvent<LexMessage> {
        let event = self.route(data).await;
        testkit::eventually("the message", async || {
            let stored: bool = sqlx::query_scalar("select exists (select from events where event_id = $1)")
                .bind(event.id.as_uuid())
                .fetch_one(&self.pool)
                .await
                .unwrap();
            stored.then_some(())
        })
        .await;
        event
    }

    /// Makes a subscription of an organisation with our own secret, and answers it.
    pub async fn lex_subscribe(&self, slug: &str, body: Value) -> Value {
        let mut body = body;
        if body.get("eventTypes").is_none() {
            body["eventTypes"] = json!(["ALL"]);
        }
        if body.get("hmacSecret").is_none() {
            body["hmacSecret"] = json!(SECRET);
        }
        let (status, made) = self.ask(&token(slug), Method::POST, SUBSCRIPTIONS, &body).await;
        assert_eq!(status, 201, "{made}");
        made
    }

    /// The deliveries of a subscription, newest first.
    pub async fn lex_log(&self, slug: &str, subscription: &Value) -> Vec<Value> {
        let path = format!("{}/deliveries", one(subscription));
        let (status, body) = self.ask(&token(slug), Method::GET, &path, &Value::Null).await;
        assert_eq!(status, 200, "{body}");
        body["deliveries"].as_array().unwrap().clone()
    }

    /// What lex-router was told, waiting until there are so many outcomes.
    pub async fn lex_outcomes(&self, count: usize) -> Vec<(String, Value)> {
        self.outcomes_in("lex-router.outcomes", count).await
    }
}

/// Where a subscription is.
pub fn one(subscription: &Value) -> String {
    format!("{SUBSCRIPTIONS}/{}", subscription["subscriptionId"].as_str().unwrap())
}

/// `matched`, `settled` as they are published.
pub fn matched(event: &CloudEvent<LexMessage>, count: u32) -> (String, Value) {
    let data = json!({"event_id": event.id, "source": "lex-router", "count": count});
    ("webhook.event.matched".to_owned(), data)
}

/// Delivered, dead letters, cancelled, expired.
pub fn settled(event: &CloudEvent<LexMessage>, counts: [u32; 4]) -> (String, Value) {
    let [delivered, dead_letter, cancelled, expired] = counts;
    let data = json!({
        "event_id": event.id, "source": "lex-router", "delivered": delivered, "dead_letter": dead_letter,
        "cancelled": cancelled, "expired": expired,
    });
    ("webhook.event.settled".to_owned(), data)
}
