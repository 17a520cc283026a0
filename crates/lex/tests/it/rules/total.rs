//! Whatever is sent, there is a verdict.

use super::support::{acknowledgment, asset, closure, lead, now, subscription};
use lex::acknowledgment::NewAcknowledgment;
use lex::capability::Capability;
use lex::events::{Before, derive};
use lex::facts::Facts;
use lex::subscription::Wish;
use lex::{Context, Level, Message, check, dedup, sample, ttl};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("2026-06-15T12:00:00Z")),
        Just(json!("-262143-01-01T00:00:00Z")),
        Just(json!("BEV")),
        Just(json!("US")),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-zA-Z]{0,12}", inner), 0..5)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// A message with every block that has rules.
fn full() -> Value {
    let mut document: Value = serde_json::from_slice(&sample::leads(1)[0]).unwrap();
    document["lex"]["header"]["ttl"] = json!({"maxAgeSeconds": 5, "expiresAt": "2027-01-01T00:00:00Z"});
    document["lex"]["extensions"] = json!([{"namespace": "a.b"}]);
    document["lex"]["dataGovernance"] = json!({"allowedRecipients": ["A"], "aiGovernance": {}});
    let lead = &mut document["lex"]["payload"]["lead"];
    lead["structuredNotes"] = json!([{"linkedTo": {"dealLineageSeq": 1}}]);
    lead["captiveFinance"] = json!({"bonusIncentives": [{"amount": 1}]});
    lead["leadHistory"] = json!([{"previousStatus": "CART"}]);
    lead["fleetOrder"] = json!({"quantity": 1, "deliverySchedule": [{"quantity": 1}]});
    lead["aiInsights"] = json!({"nextBestActions": [{}], "generatedBy": {}});
    lead["desiredProduct"]["evPreferences"] = json!({"estimatedRangeKm": {}});
    document
}

/// Every place of a document, so that one can be changed.
fn places(document: &Value) -> Vec<String> {
    let mut open = vec![(String::new(), document)];
    let mut places = Vec::new();
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                open.extend(members.iter().map(|(key, value)| (format!("{path}/{key}"), value)));
            }
            Value::Array(items) => {
                open.extend(
                    items.iter().enumerate().map(|(index, value)| (format!("{path}/{index}"), value)),
                );
            }
            _ => {}
        }
        places.push(path);
    }
    places
}

/// Everything that reads a message.
fn ask_everything(message: &Message) {
    for (level, strict) in [(Level::L1, false), (Level::L3, true)] {
        let context = Context { now: now(), level, previous_status: Some("SHOPPING"), strict };
        let verdict = check(message, &context);
        let again = check(message, &context);
        assert_eq!(verdict, again);
        let new = NewAcknowledgment {
            message_id: "0192f0c1-0000-7000-8000-000000000001",
            now: now(),
            status: lex::acknowledgment::Status::Received,
            verdict: &verdict,
        };
        assert!(lex::acknowledgment::build(message, &new).header().is_some());
    }
    let _read =
        (Facts::read(message), Wish::read(message), Capability::read(message), dedup::filled(message));
    let _read = (ttl::expires_at(message), ttl::deadline(message, now()), dedup::Fingerprint::read(message));
    let _read = (lex::consent::withdrawn(message), derive(message, &Before::default()));
    let _read = (lex::closure::status(message), lex::acknowledgment::Incoming::read(message));
}

proptest! {
    #[test]
    fn any_json_gets_a_verdict(tree in tree()) {
        if let Ok(message) = Message::new(json!({"lex": {"header": tree.clone(), "payload": tree.clone()}})) {
            ask_everything(&message);
        }
        if let Ok(message) = Message::new(json!({"lex": tree})) {
            ask_everything(&message);
        }
    }

    #[test]
    fn a_message_with_one_thing_wrong_gets_a_verdict(base in 0..6_usize, place in any::<prop::sample::Index>(), value in tree()) {
        let bases = [full, lead, asset, closure, subscription, acknowledgment];
        let mut document = bases[base]();
        let places = places(&document);
        if let Some(target) = document.pointer_mut(&places[place.index(places.len())]) {
            *target = value;
        }
        if let Ok(message) = Message::new(document) {
            ask_everything(&message);
        }
    }
}

#[test]
fn the_samples_are_valid_to_the_letter() {
    for bytes in sample::leads(200) {
        let message = Message::from_json(&bytes).unwrap();
        let context = Context { now: now(), level: Level::L2, previous_status: None, strict: true };
        assert_eq!(check(&message, &context).errors, []);
    }
}
