//! What the published schemas let through and what they refuse.

use crate::fixture;
use lex::Message;
use lex::schema::{DeviationKind, MAX_DEVIATIONS, SchemaName, text, violations};
use serde_json::{Value, json};

const TYPES: [&str; 5] = ["lead", "asset", "acknowledgment", "subscription", "lead_closure"];

fn document(name: &str) -> Value {
    Message::from_json(&fixture(&format!("{name}.json"))).unwrap().into_document()
}

/// The deviations of a fixture in which one place has another value, as `path: message`.
fn told(name: &str, pointer: &str, value: Value) -> Vec<String> {
    let mut document = document(name);
    if let Some(place) = document.pointer_mut(pointer) {
        *place = value;
    } else {
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[member] = value;
    }
    let message = Message::new(document).unwrap();
    violations(&message).into_iter().map(|found| format!("{}: {}", found.path, found.message)).collect()
}

#[test]
fn complete_messages_of_every_type_deviate_nowhere() {
    for name in TYPES {
        let message = Message::new(document(name)).unwrap();
        assert_eq!(violations(&message), [], "{name}");
    }
}

#[test]
fn every_deviation_is_told_with_its_place() {
    let cases: Vec<(String, String, Value, String)> =
        serde_json::from_slice(&fixture("deviations.json")).unwrap();
    for (name, pointer, value, expected) in cases {
        let told = told(&name, &pointer, value);
        assert!(told.len() == 1 && told[0].starts_with(&expected), "{expected}\n{told:?}");
    }
}

#[test]
fn unknown_members_and_nulls_deviate_nowhere() {
    for (pointer, value) in [
        ("/lex/own", json!([1])),
        ("/lex/header/own", json!(true)),
        ("/lex/header/correlationId", Value::Null),
        ("/lex/payload/own", json!({})),
        ("/lex/payload/lead/own", json!({"a": 1})),
        ("/lex/payload/lead/desiredProduct/features/0", Value::Null),
        ("/lex/extensions/0/data", Value::Null),
        ("/lex/header/messageId", json!("MSG-2026-LEAD-001234")),
        ("/lex/header/version", json!("1.0.0")),
        ("/lex/payload/lead/leadHistory/0/version", json!(2.0)),
    ] {
        assert_eq!(told("lead", pointer, value), [""; 0], "{pointer}");
    }
}

#[test]
fn kinds_of_deviations_are_told_apart_and_their_number_is_bounded() {
    let lead = json!({"leadId": 1, "status": "NEW", "desiredProduct": {"features": vec![0; 500]}});
    let message =
        Message::new(json!({"lex": {"header": {"messageType": "LEAD"}, "payload": {"lead": lead}}})).unwrap();
    let found = violations(&message);
    assert_eq!(found.len(), MAX_DEVIATIONS);
    let kind = |path: &str| found.iter().find(|one| one.path == path).map(|one| one.kind);
    assert_eq!(kind("lex.header.messageId"), Some(DeviationKind::Missing));
    assert_eq!(kind("payload.lead.leadId"), Some(DeviationKind::Type));
    assert_eq!(kind("payload.lead.status"), Some(DeviationKind::Value));
}

#[test]
fn a_message_of_an_unknown_type_is_held_to_the_envelope_alone() {
    let told = told("lead", "/lex/header/messageType", json!("INQUIRY"));
    assert_eq!(
        told,
        ["lex.header.messageType: must be one of LEAD, ASSET, ACKNOWLEDGMENT, SUBSCRIPTION, LEAD_CLOSURE"]
    );
}

#[test]
fn the_published_text_has_no_mark_before_it_and_describes_what_is_inside_lex() {
    for name in SchemaName::ALL {
        let schema: Value = serde_json::from_str(text(name)).unwrap();
        let required = if name == SchemaName::MessageEnvelope { "lex" } else { "payload" };
        assert_eq!(schema["required"], json!([required]), "{}", name.as_str());
    }
}
