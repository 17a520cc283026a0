//! SUBSCRIPTION messages: kept where subscriptions are before the answer, and what they declare.

use crate::harness::{Harness, MESSAGES, at_level, organization, with, with_header};
use contracts::identity::{Caller, IDENTITY_HEADER, LexLevel};
use contracts::lex::{LexFormat, LexSubscription};
use platform_http::IdentityKey;
use serde_json::{Value, json};
use testkit::callers;
use testkit::receiver::Reply;

fn subscription(lex: &Harness, id: &str, body: &Value) -> Value {
    let mut subscription = json!({
        "subscriptionId": "SUBSCRIPTION-1", "subscriberId": "PORTAL-001", "status": "ACTIVE",
        "eventTypes": ["LEAD_CREATED", "QUOTA_WARNING"],
    });
    for (name, value) in body.as_object().unwrap() {
        subscription[name] = value.clone();
    }
    lex.message("SUBSCRIPTION", "subscription", &subscription, id, "PORTAL-001", "LEX-PLATFORM")
}

fn webhook(lex: &Harness, id: &str) -> Value {
    let body = json!({
        "deliveryMethods": [{"method": "WEBHOOK", "destination": "https://dms.example.com/hook"}],
        "filters": {"productTypes": ["VEHICLE"], "leadStatuses": ["ORDER"]},
        "notificationPreferences": {"includePayload": true, "payloadFormat": "XML"},
    });
    subscription(lex, id, &body)
}

#[tokio::test]
async fn a_subscription_is_kept_before_its_message_is_answered_and_only_once() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    lex.accept(&portal, &webhook(&lex, "M-1")).await;
    let asked = lex.dispatcher.received();
    let kept: LexSubscription = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!(
        (asked[0].method.as_str(), asked[0].path.as_str()),
        ("PUT", format!("/internal/lex-subscriptions/{}", kept.id).as_str())
    );
    let key = callers::identity_settings().key;
    let key =
        IdentityKey::parse(contracts::Service::WebhookDispatcher, &key, lex.service.process.clock.clone())
            .unwrap();
    assert_eq!(
        key.verify(asked[0].header(IDENTITY_HEADER).unwrap()),
        Some(Caller::Service { name: "lex-router".to_owned() })
    );
    assert_eq!((kept.organization_id, kept.client_id), (portal.organization.id, Some(portal.client_id)));
    assert_eq!(kept.event_types, ["LEAD_CREATED", "QUOTA_WARNING"]);
    assert_eq!(
        (&kept.filters.product_types[..], &kept.filters.lead_statuses[..]),
        (&["VEHICLE".to_owned()][..], &["ORDER".to_owned()][..])
    );
    assert_eq!(
        (kept.delivery_endpoint.as_str(), kept.delivery_format, kept.active),
        ("https://dms.example.com/hook", Some(LexFormat::XmlEdi), true)
    );
    assert_eq!(lex.accept(&portal, &webhook(&lex, "M-1")).await["idempotent"], json!(true));
    assert_eq!(lex.dispatcher.received().len(), 1, "a repetition undoes nothing that was done since");
    let cancelled = with(webhook(&lex, "M-2"), "status", json!("CANCELLED"));
    lex.accept(&portal, &cancelled).await;
    let ended: LexSubscription = serde_json::from_slice(&lex.dispatcher.received()[1].body).unwrap();
    assert_eq!((ended.id, ended.active), (kept.id, false));
}

#[tokio::test]
async fn a_subscription_that_cannot_be_kept_is_not_accepted() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let why = r#"{"error":"BAD_REQUEST","message":"no","details":{"fields":[{"path":"deliveryEndpoint","message":"must be https"}]}}"#;
    lex.dispatcher.next([Reply::with_body(400, why), Reply::Status(500)]);
    let (status, body) = lex.post(&portal, MESSAGES, &webhook(&lex, "M-1")).await;
    assert_eq!(
        (status, &body["errors"][0]["code"], &body["errors"][0]["message"]),
        (400, &json!("SUBSCRIPTION_REFUSED"), &json!("must be https"))
    );
    assert_eq!(lex.record(&portal, "M-1").await["status"], "REJECTED");
    let (status, body) = lex.post(&portal, MESSAGES, &webhook(&lex, "M-2")).await;
    assert_eq!((status, &body["error"]), (503, &json!("UNAVAILABLE")));
    assert_eq!(lex.get(&portal, "/v1/messages/M-2").await.0, 404);
    lex.accept(&portal, &webhook(&lex, "M-2")).await;
    // What the rules refuse is not asked for.
    let asked = lex.dispatcher.received().len();
    lex.refuse(&portal, &with_header(webhook(&lex, "M-3"), "timestamp", json!("soon"))).await;
    assert_eq!(lex.dispatcher.received().len(), asked);
}

#[tokio::test]
async fn a_declared_level_holds_unless_the_operator_has_set_one() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let capabilities = |level: &str| {
        json!({"systemCapabilities": {
            "lexVersion": "1.0.0", "conformanceLevel": level, "supportedMessageTypes": ["LEAD"],
            "lastUpdated": lex.time(0),
        }})
    };
    let lead = |id: &str| lex.lead(id, &format!("LEAD-00{id}"), "PORTAL-001", "LEX-PLATFORM");
    lex.accept(&portal, &lead("M-1")).await;
    lex.accept(&portal, &subscription(&lex, "S-1", &capabilities("L3"))).await;
    assert_eq!(lex.refuse(&portal, &lead("M-2")).await, ["CONSENT_RECORD_REQUIRED"]);
    lex.accept(&at_level("PORTAL-001", LexLevel::L2), &lead("M-3")).await;
    lex.accept(&portal, &subscription(&lex, "S-2", &capabilities("L1"))).await;
    lex.accept(&portal, &lead("M-4")).await;
    assert!(lex.dispatcher.received().is_empty(), "nothing is to be delivered");
}
