//! Whatever is sent, the answer is one of the contract's, and what it says is what happened.

use crate::harness::{EVENTS, Harness, caller};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

const CASES: usize = 250;

/// Any JSON, nested some levels.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z.@ ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// An event whose members are sometimes right, sometimes anything.
fn any_event() -> impl Strategy<Value = Value> {
    let or_anything =
        |right: Vec<Value>| prop_oneof![6 => prop::sample::select(right), 1 => any_json()].boxed();
    let actor = or_anything(vec![
        json!({"email": "a@example.com"}),
        json!({"email": "A@Example.com", "externalId": "7"}),
        json!({"externalId": "7", "displayName": "Seven"}),
        json!({"externalId": "é\u{1F600}"}),
        json!({"workerId": "00000000-0000-7000-8000-000000000000"}),
        json!({}),
    ]);
    let members = (
        or_anything(vec![json!("ticket.resolved"), json!("abc")]),
        or_anything(vec![json!("other"), json!("code")]),
        prop::option::of(or_anything(vec![
            json!("2026-04-19T12:30:00Z"),
            json!("0000-01-01T00:00:00Z"),
            json!("9999-12-31T23:59:60+23:59"),
        ])),
        prop::option::of(or_anything(vec![json!(0), json!(86_400), json!(1.0)])),
        actor,
        prop::option::of(prop_oneof![
            prop::collection::vec((any::<String>(), any_json()), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            any_json(),
        ]),
    );
    members.prop_map(|(event_type, category, timestamp, duration, actor, metadata)| {
        let mut event = json!({"eventType": event_type, "category": category, "actor": actor});
        for (name, value) in [("timestamp", timestamp), ("duration", duration), ("metadata", metadata)] {
            if let Some(value) = value {
                event[name] = value;
            }
        }
        event
    })
}

fn any_body() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => any_json().prop_map(|body| body.to_string()),
        1 => any::<String>(),
        1 => any_json().prop_map(|events| json!({"events": events}).to_string()),
        8 => prop::collection::vec(prop_oneof![9 => any_event().boxed(), 1 => any_json().boxed()], 0..8)
            .prop_map(|events| json!({"events": events}).to_string()),
    ]
}

#[tokio::test]
async fn arbitrary_json_gets_a_documented_answer_and_accepted_events_are_there_once() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let seed: [u8; 32] = platform::secrets::digest(testkit::unique_id().as_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (bodies, mut total) = (any_body(), 0);
    for _ in 0..CASES {
        let body = bodies.new_tree(&mut runner).unwrap().current();
        let request = ingest.service.request(&acme, Method::POST, EVENTS);
        let request = request.header("content-type", "application/json").body(body.clone());
        let (status, answer) = testkit::answer(request).await;
        if status == 202 || status == 207 {
            let sent: Value = serde_json::from_str(&body).unwrap();
            let sent = sent["events"].as_array().unwrap().len() as u64;
            let figure = |name: &str| answer[name].as_u64().unwrap();
            assert_eq!(figure("accepted") + figure("rejected"), sent, "{body}");
            assert_eq!(answer["results"]["accepted"].as_array().unwrap().len() as u64, figure("accepted"));
            assert_eq!(answer["results"]["rejected"].as_array().unwrap().len() as u64, figure("rejected"));
            assert_eq!(status == 202, figure("rejected") == 0);
            total += figure("accepted");
        } else {
            let code = answer["error"]["code"].as_str().unwrap();
            assert_eq!((status, code), (400, "invalid_body"), "{seed:?}: {body}");
        }
    }
    assert!(total > 50, "only {total} events were accepted");
    let timelines = ingest.timelines(&acme).await;
    let ids: HashSet<_> = timelines.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!((timelines.len() as u64, ids.len() as u64), (total, total));
}
