//! Batches: in order, each message by itself, charged before anything is stored.

use crate::harness::{BATCH, Harness, codes, organization, with, with_facts};
use contracts::limits::{LIMIT_HEADER, LimitWindow, REMAINING_HEADER, RESET_HEADER};
use serde_json::{Value, json};
use testkit::read;

#[tokio::test]
async fn a_hundred_messages_are_answered_in_order_and_each_by_itself() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let messages: Vec<Value> = (0..100)
        .map(|number| {
            let id = format!("M-{number:03}");
            match number % 10 {
                3 => with(lex.lead(&id, "LEAD-BAD", "PORTAL-001", "LEX-PLATFORM"), "status", json!("SOON")),
                5 => lex.lead(&id, "LEAD-FOREIGN", "STRANGER-1", "LEX-PLATFORM"),
                7 => json!(number),
                9 => lex.lead("M-000", "LEAD-000000", "PORTAL-001", "LEX-PLATFORM"),
                _ => lex.lead(&id, &format!("LEAD-{number:06}"), "PORTAL-001", "LEX-PLATFORM"),
            }
        })
        .collect();
    let (status, body) = lex.post(&portal, BATCH, &json!({"messages": messages})).await;
    assert_eq!(status, 200, "{body}");
    let counts = [&body["totalCount"], &body["successCount"], &body["failureCount"]];
    assert_eq!(counts, [&json!(100), &json!(70), &json!(30)]);
    for (number, result) in body["results"].as_array().unwrap().iter().enumerate() {
        assert!(result["processedAt"].is_string());
        let (id, valid) = (format!("M-{number:03}"), result["valid"] == true);
        match number % 10 {
            3 => {
                assert_eq!((valid, codes(&result["errors"])), (false, vec!["INVALID_ENUM_VALUE".to_owned()]));
            }
            5 => assert_eq!(codes(&result["errors"]), ["SENDER_MISMATCH"]),
            7 => assert_eq!(
                (codes(&result["errors"]), &result["messageId"]),
                (vec!["INVALID_FORMAT".to_owned()], &json!(""))
            ),
            9 => assert_eq!(
                (valid, &result["idempotent"], &result["messageId"]),
                (true, &json!(true), &json!("M-000"))
            ),
            _ => assert_eq!((valid, &result["messageId"]), (true, &json!(id))),
        }
    }
    assert_eq!(lex.count("select count(*) from leads").await, 60);
}

#[tokio::test]
async fn messages_of_one_lead_are_taken_in_their_order() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = |id: &str, status: &str| {
        with(lex.lead(id, "LEAD-000001", "PORTAL-001", "LEX-PLATFORM"), "status", json!(status))
    };
    let messages = json!({"messages": [
        lead("M-1", "SHOPPING"), lead("M-2", "ORDER"), lead("M-3", "SHOPPING"), lead("M-4", "DELIVERED"),
    ]});
    let (_, body) = lex.post(&portal, BATCH, &messages).await;
    let valid: Vec<_> =
        body["results"].as_array().unwrap().iter().map(|result| result["valid"] == true).collect();
    assert_eq!(valid, [true, true, false, true]);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    for size in [0, 101] {
        let (status, body) = lex.post(&portal, BATCH, &json!({"messages": vec![lead.clone(); size]})).await;
        assert_eq!((status, &body["error"]), (400, &json!("INVALID_BATCH_SIZE")), "{size}");
        assert!(body["requestId"].is_string() && body["message"].is_string());
    }
    for body in [json!({}), json!([lead]), json!({"messages": {}}), json!({"messages": null}), json!(7)] {
        let (status, answer) = lex.post(&portal, BATCH, &body).await;
        assert_eq!((status, &answer["error"]), (400, &json!("BAD_REQUEST")), "{body}");
    }
    assert_eq!(lex.count("select count(*) from messages").await, 0);
}

#[tokio::test]
async fn a_batch_is_charged_by_its_messages_before_anything_is_stored() {
    let lex = Harness::start().await;
    let window = LimitWindow { key: format!("{{{}}}:lex", testkit::unique_id()), limit: 15 };
    let portal = with_facts("PORTAL-001", |facts| facts.window = Some(window));
    let batch = |from: usize| {
        let leads: Vec<_> = (from..from + 10)
            .map(|number| {
                lex.lead(&format!("M-{number}"), &format!("LEAD-{number:06}"), "PORTAL-001", "LEX-PLATFORM")
            })
            .collect();
        json!({"messages": leads})
    };
    let response = lex.send(&portal, BATCH, &batch(0)).await;
    let figure = |response: &reqwest::Response, name| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (figure(&response, LIMIT_HEADER), figure(&response, REMAINING_HEADER)),
        ("15".into(), "6".into())
    );
    assert!(response.headers().contains_key(RESET_HEADER));
    let response = lex.send(&portal, BATCH, &batch(10)).await;
    assert_eq!(figure(&response, REMAINING_HEADER), "6");
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]), (429, &json!("RATE_LIMITED")));
    assert_eq!(lex.count("select count(*) from messages").await, 10);
}
