//! `POST /api/v1/ingest/events`: verdicts and answers.

use crate::harness::{EVENTS, Harness, WORKERS, caller, caller_with, event, rejected, with};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::read;

#[tokio::test]
async fn a_batch_of_good_events_is_answered_as_the_contract_says() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let now = json!(ingest.service.process.clock.now());
    let sent = json!([
        with(
            event("alex@example.com"),
            &json!({
                "timestamp": "2026-04-19T14:30:00+02:00", "duration": 180, "metadata": {"ticket_id": "SUP-431"},
            })
        ),
        event("Alex@Example.com")
    ]);
    let response = ingest.send(&acme, EVENTS, &json!({"events": sent})).await;
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (status, body) = read(response).await;
    assert_eq!(status, 202);
    assert_eq!(
        body,
        json!({
            "requestId": request_id, "accepted": 2, "rejected": 0, "batchLimit": 500,
            "results": {
                "accepted": [
                    {"eventType": "ticket.resolved", "timestamp": "2026-04-19T12:30:00Z"},
                    {"eventType": "ticket.resolved", "timestamp": now},
                ],
                "rejected": [],
            },
        })
    );
    let workers = ingest.all(&acme, WORKERS, 10).await;
    assert_eq!((workers.len(), &workers[0]["email"]), (1, &json!("alex@example.com")));
    let timeline = ingest.timelines(&acme).await;
    assert_eq!(
        (&timeline[0]["timestamp"], &timeline[1]["timestamp"]),
        (&now, &json!("2026-04-19T12:30:00Z"))
    );
    assert_eq!(timeline[1]["metadata"], json!({"ticket_id": "SUP-431"}));
    assert_eq!((&timeline[1]["source"], &timeline[1]["duration"]), (&json!("custom:dialer"), &json!(180)));
}

#[tokio::test]
async fn every_event_has_a_verdict_of_its_own() {
    let ingest = Harness::start().await;
    let acme = caller_with("acme", |facts| {
        facts.app.allowed_event_types = Some(vec!["ticket.resolved".to_owned()]);
    });
    let globex = caller("globex");
    ingest.events(&globex, &json!([event("g@example.com")])).await;
    let foreign = ingest.all(&globex, WORKERS, 10).await[0]["id"].clone();
    let (status, body) = ingest
        .events(
            &acme,
            &json!([
                event("a@example.com"),
                with(event("a@example.com"), &json!({"category": "cooking"})),
                with(event("a@example.com"), &json!({"eventType": "ticket.opened"})),
                with(event("a@example.com"), &json!({"actor": {}})),
                with(event("a@example.com"), &json!({"actor": {"workerId": foreign}})),
                with(
                    event("a@example.com"),
                    &json!({"actor": {"workerId": "nobody", "email": "a@example.com"}})
                ),
                with(event("a@example.com"), &json!({"metadata": {"text": "x".repeat(17_000)}})),
                7,
                event("b@example.com"),
            ]),
        )
        .await;
    assert_eq!((status, &body["accepted"], &body["rejected"]), (207, &json!(2), &json!(7)));
    assert_eq!(
        rejected(&body),
        [
            (1, "invalid_body"),
            (2, "forbidden_event_type"),
            (3, "missing_actor"),
            (4, "worker_not_found"),
            (5, "worker_not_found"),
            (6, "invalid_body"),
            (7, "invalid_body"),
        ]
    );
    assert_eq!(ingest.timelines(&acme).await.len(), 2);
}

#[tokio::test]
async fn a_batch_of_which_nothing_is_taken_is_207_unless_every_type_is_forbidden() {
    let ingest = Harness::start().await;
    let acme =
        caller_with("acme", |facts| facts.app.allowed_event_types = Some(vec!["only.this".to_owned()]));
    let broken = with(event("a@example.com"), &json!({"category": 1}));
    let (status, body) = ingest.events(&acme, &json!([broken, event("a@example.com")])).await;
    assert_eq!((status, &body["accepted"], &body["rejected"]), (207, &json!(0), &json!(2)));
    let (status, body) = ingest.events(&acme, &json!([event("a@example.com"), event("b@example.com")])).await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!("forbidden_event_type")));
    assert_eq!(ingest.count("select count(*) from workers").await, 0);
}

#[tokio::test]
async fn what_is_no_batch_is_invalid_and_too_large_a_one_is_too_large() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let many = json!({"events": vec![event("a@example.com"); 501]}).to_string();
    let most = json!({"events": vec![event("a@example.com"); 500]}).to_string();
    let big = json!({"events": [with(event("a@example.com"), &json!({"more": "x".repeat(1024 * 1024)}))]});
    for (body, expected) in [
        (String::new(), (400, "invalid_body")),
        ("nonsense".to_owned(), (400, "invalid_body")),
        ("[]".to_owned(), (400, "invalid_body")),
        (r#"{"events": []}"#.to_owned(), (400, "invalid_body")),
        (r#"{"events": {"0": 1}}"#.to_owned(), (400, "invalid_body")),
        (many, (413, "batch_too_large")),
        (big.to_string(), (413, "batch_too_large")),
    ] {
        let request = ingest.service.request(&acme, Method::POST, EVENTS);
        let request = request.header("content-type", "application/json").body(body);
        let (status, answer) = read(request.send().await.unwrap()).await;
        assert_eq!((status, answer["error"]["code"].as_str().unwrap()), expected, "{answer}");
        assert!(answer["error"]["requestId"].is_string() && answer["error"]["message"].is_string());
    }
    let request = ingest.service.request(&acme, Method::POST, EVENTS).body(most);
    let (status, answer) = read(request.send().await.unwrap()).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(500)), "{answer}");
}

#[tokio::test]
async fn metadata_comes_back_as_it_was_sent() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let metadata = r#"{"z": 1.50, "a": [12345678901234567890, -0.0, null], "text": "\u00e9\ud83d\ude00"}"#;
    let body = format!(
        r#"{{"events":[{{"eventType":"abc","category":"other","actor":{{"externalId":"7"}},"metadata":{metadata}}}]}}"#
    );
    let response = ingest.service.request(&acme, Method::POST, EVENTS).body(body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
    let stored: String = sqlx::query_scalar("select metadata::text from events")
        .fetch_one(&ingest.database.pool())
        .await
        .unwrap();
    assert_eq!(stored, metadata);
    let timeline = ingest.timelines(&acme).await;
    assert_eq!(timeline[0]["metadata"], serde_json::from_str::<Value>(metadata).unwrap());
}

#[tokio::test]
async fn events_of_one_moment_keep_the_order_of_the_batch() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let events: Vec<Value> = (0..120)
        .map(|number| with(event("a@example.com"), &json!({"metadata": {"number": number}})))
        .collect();
    assert_eq!(ingest.events(&acme, &json!(events)).await.0, 202);
    let numbers: Vec<_> = ingest
        .timelines(&acme)
        .await
        .iter()
        .map(|event| event["metadata"]["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..120).rev().collect::<Vec<_>>());
}
