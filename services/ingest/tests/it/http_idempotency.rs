//! `Idempotency-Key`: the first answer for ten minutes.

use crate::harness::{EVENTS, Harness, SNAPSHOTS, caller, event};
use contracts::identity::Principal;
use contracts::ids::CredentialId;
use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::{Running, read};

async fn send(service: &Running, caller: &Principal, path: &str, key: &str, body: String) -> Response {
    let request = service.request(caller, Method::POST, path).header("idempotency-key", key).body(body);
    request.send().await.unwrap()
}

fn batch() -> String {
    json!({"events": [event("a@example.com")]}).to_string()
}

#[tokio::test]
async fn the_first_answer_is_repeated_byte_for_byte_whatever_is_sent_for_ten_minutes() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let first = send(&ingest.service, &acme, EVENTS, "k", batch()).await;
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first = first.bytes().await.unwrap();
    let restarted = ingest.another().await;
    for body in [batch(), json!({"events": [event("b@example.com")]}).to_string(), "nonsense".to_owned()] {
        let again = send(&restarted, &acme, EVENTS, "k", body).await;
        assert_eq!(
            (again.status().as_u16(), &again.headers()["idempotent-replayed"]),
            (202, &"true".parse().unwrap())
        );
        assert_eq!(again.bytes().await.unwrap(), first);
    }
    assert_eq!(ingest.timelines(&acme).await.len(), 1);
    ingest.service.process.clock.advance(chrono::TimeDelta::minutes(11));
    let later = send(&ingest.service, &acme, EVENTS, "k", batch()).await;
    assert_ne!(later.bytes().await.unwrap(), first);
    assert_eq!(ingest.timelines(&acme).await.len(), 2);
}

#[tokio::test]
async fn concurrent_requests_with_one_key_have_one_effect_and_one_answer() {
    let ingest = Harness::start().await;
    let other = ingest.another().await;
    let acme = caller("acme");
    let bodies = join_all((0..20).map(async |turn| {
        let service = if turn % 2 == 0 { &ingest.service } else { &other };
        let response = send(service, &acme, EVENTS, "k", batch()).await;
        assert_eq!(response.status().as_u16(), 202);
        response.bytes().await.unwrap()
    }))
    .await;
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(ingest.timelines(&acme).await.len(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_an_api_key_and_an_operation() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let mut other = acme.clone();
    other.credential.id = CredentialId::new(testkit::unique_id());
    let snapshot =
        json!({"snapshotType": "open", "actor": {"email": "a@example.com"}, "metrics": {}}).to_string();
    for (caller, path, body) in
        [(&acme, EVENTS, batch()), (&other, EVENTS, batch()), (&acme, SNAPSHOTS, snapshot)]
    {
        let response = send(&ingest.service, caller, path, "k", body).await;
        assert!(response.headers().get("idempotent-replayed").is_none());
        assert_eq!(response.status().as_u16(), 202);
    }
}

#[tokio::test]
async fn a_refusal_is_not_remembered_and_a_partial_success_is() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    assert_eq!(send(&ingest.service, &acme, EVENTS, "k", "{}".to_owned()).await.status().as_u16(), 400);
    let partial = json!({"events": [event("a@example.com"), 7]}).to_string();
    for _ in 0..2 {
        let (status, body) = read(send(&ingest.service, &acme, EVENTS, "k", partial.clone()).await).await;
        assert_eq!((status, &body["accepted"]), (207, &json!(1)));
    }
    assert_eq!(ingest.timelines(&acme).await.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_too_long_or_broken_is_refused() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    for (key, expected) in [("k".repeat(200), 202), ("k".repeat(201), 400), (String::new(), 400)] {
        let (status, body): (u16, Value) =
            read(send(&ingest.service, &acme, EVENTS, &key, batch()).await).await;
        assert_eq!(status, expected, "{body}");
    }
}
