//! One effect for one id, however often and wherever it is sent.

use crate::harness::{Harness, MESSAGES, organization, with, with_header};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

#[tokio::test]
async fn a_repetition_is_answered_as_the_first_time_whatever_is_sent() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "NOBODY-001");
    let first = lex.accept(&portal, &lead).await;
    assert_eq!(first["warnings"][0]["code"], "RECEIVER_NOT_REGISTERED");
    lex.service.process.clock.advance(TimeDelta::hours(2));
    for again in [
        lead.clone(),
        with(lead.clone(), "status", json!("NONSENSE")),
        lex.asset("M-1", "A-0001", "PORTAL-001"),
    ] {
        let mut again = lex.accept(&portal, &again).await;
        assert_eq!(again["idempotent"].take(), json!(true));
        let mut first = first.clone();
        first["idempotent"].take();
        assert_eq!(again, first);
    }
    assert_eq!(lex.count("select count(*) from messages").await, 1);
    lex.announced(1).await;
}

#[tokio::test]
async fn a_repetition_is_answered_although_its_time_to_live_is_over() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let lead = with_header(lead, "ttl", json!({"expiresAt": lex.time(60)}));
    lex.accept(&portal, &lead).await;
    lex.service.process.clock.advance(TimeDelta::minutes(2));
    assert_eq!(lex.accept(&portal, &lead).await["idempotent"], json!(true));
}

#[tokio::test]
async fn of_many_at_once_one_is_the_first() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let batch = json!({"messages": [lead, lead]});
    let singles = join_all((0..40).map(|_| lex.post(&portal, MESSAGES, &lead)));
    let batches = join_all((0..5).map(|_| lex.post(&portal, "/v1/messages/batch", &batch)));
    let (singles, batches) = tokio::join!(singles, batches);
    let results = batches.into_iter().flat_map(|(status, body)| {
        assert_eq!(status, 200, "{body}");
        body["results"].as_array().unwrap().clone()
    });
    let answers: Vec<Value> = singles.into_iter().map(|(_, body)| body).chain(results).collect();
    assert_eq!(answers.len(), 50);
    assert!(answers.iter().all(|answer| answer["valid"] == true), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer["idempotent"] == false).count(), 1);
    assert_eq!(lex.count("select count(*) from messages").await, 1);
    lex.announced(1).await;
}

#[tokio::test]
async fn ids_belong_to_the_organisation_that_gave_them() {
    let lex = Harness::start().await;
    for name in ["PORTAL-001", "PORTAL-002"] {
        let lead = lex.lead("M-1", &format!("LEAD-{name}"), name, "LEX-PLATFORM");
        assert_eq!(lex.accept(&organization(name), &lead).await["idempotent"], json!(false));
    }
    let record = lex.record(&organization("PORTAL-002"), "M-1").await;
    assert_eq!(record["senderId"], "PORTAL-002");
}
