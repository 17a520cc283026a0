//! Whom events are about: found by their names, made once.

use crate::harness::{EVENTS, Harness, WORKERS, caller, caller_with, event, rejected, with};
use futures_util::future::join_all;
use serde_json::{Value, json};

fn about(actor: &Value) -> Value {
    with(event("unused@example.com"), &json!({"actor": actor}))
}

#[tokio::test]
async fn fifty_concurrent_batches_that_name_the_same_twenty_new_people_make_twenty_workers() {
    let ingest = Harness::start().await;
    let other = ingest.another().await;
    let acme = caller("acme");
    let people = |turn: usize| -> Value {
        (0..20)
            .map(|number| {
                let number = (number + turn) % 20;
                match turn % 3 {
                    0 => about(&json!({"externalId": format!("p{number}"), "email": format!("p{number}@example.com")})),
                    1 => about(&json!({"externalId": format!("p{number}"), "email": format!("P{number}@EXAMPLE.com")})),
                    _ => about(&json!({"email": format!("p{number}@Example.com"), "externalId": format!("p{number}"),
                        "displayName": "somebody"})),
                }
            })
            .collect()
    };
    let statuses = join_all((0..50).map(async |turn| {
        let service = if turn % 2 == 0 { &ingest.service } else { &other };
        let request = service.request(&acme, reqwest::Method::POST, EVENTS);
        testkit::answer(request.json(&json!({"events": people(turn)}))).await
    }))
    .await;
    for (status, body) in statuses {
        assert_eq!(status, 202, "{body}");
    }
    assert_eq!(ingest.all(&acme, WORKERS, 7).await.len(), 20);
    assert_eq!(ingest.count("select workers from accounts").await, 20);
    assert_eq!(ingest.count("select count(*) from worker_identities").await, 40);
    assert_eq!(ingest.timelines(&acme).await.len(), 1000);
}

#[tokio::test]
async fn a_worker_is_found_by_id_then_by_external_id_then_by_address() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    ingest.events(&acme, &json!([about(&json!({"externalId": "7"})), event("ada@example.com")])).await;
    let workers = ingest.all(&acme, WORKERS, 10).await;
    let id_of = |name: &str, value: &str| {
        workers.iter().find(|worker| worker[name] == value).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (seven, ada) = (id_of("externalId", "7"), id_of("email", "ada@example.com"));
    let (status, _) = ingest
        .events(
            &acme,
            &json!([
                about(&json!({"workerId": ada.to_uppercase(), "externalId": "7"})),
                about(&json!({"externalId": "7", "email": "ada@example.com", "displayName": "Seven"})),
                about(&json!({"externalId": "8", "email": "ADA@example.com", "displayName": "Ada"})),
                about(&json!({"externalId": "8"})),
            ]),
        )
        .await;
    assert_eq!(status, 202);
    let timeline = async |id: &str| ingest.all(&acme, &format!("{WORKERS}/{id}/timeline"), 10).await.len();
    assert_eq!((timeline(&seven).await, timeline(&ada).await), (2, 4));
    let workers = ingest.all(&acme, WORKERS, 10).await;
    assert_eq!(workers.len(), 2);
    let ada = workers.iter().find(|worker| worker["email"] == "ada@example.com").unwrap();
    assert_eq!((&ada["displayName"], &ada["externalId"]), (&json!("Ada"), &json!("8")));
}

#[tokio::test]
async fn two_applications_share_people_by_address_and_not_by_external_id() {
    let ingest = Harness::start().await;
    let (dialer, desk) = (caller("acme"), caller_with("acme", |facts| facts.app.slug = "desk".to_owned()));
    ingest.events(&dialer, &json!([about(&json!({"externalId": "7"})), event("a@example.com")])).await;
    ingest.events(&desk, &json!([about(&json!({"externalId": "7"})), event("a@example.com")])).await;
    assert_eq!(ingest.all(&dialer, WORKERS, 10).await.len(), 3);
    assert_eq!(ingest.all(&caller("globex"), WORKERS, 10).await.len(), 0);
}

#[tokio::test]
async fn the_cap_on_workers_holds_for_replicas_together_and_refuses_single_events() {
    let ingest = Harness::start().await;
    let other = ingest.another().await;
    let acme = caller_with("acme", |facts| facts.max_workers = Some(5));
    let answers = join_all((0..8).map(async |turn| {
        let service = if turn % 2 == 0 { &ingest.service } else { &other };
        let events = json!([event(&format!("{turn}@example.com")), event(&format!("{turn}b@example.com"))]);
        let request = service.request(&acme, reqwest::Method::POST, EVENTS);
        testkit::answer(request.json(&json!({"events": events}))).await
    }))
    .await;
    let accepted: u64 = answers.iter().map(|(_, body)| body["accepted"].as_u64().unwrap()).sum();
    assert_eq!(accepted, 5);
    assert!(answers.iter().all(|(_, body)| rejected(body).iter().all(|(_, code)| *code == "plan_limit")));
    assert_eq!(ingest.all(&acme, WORKERS, 10).await.len(), 5);
    let known = ingest.all(&acme, WORKERS, 10).await[0]["email"].clone();
    assert_eq!(ingest.events(&acme, &json!([event(known.as_str().unwrap())])).await.0, 202);
}
