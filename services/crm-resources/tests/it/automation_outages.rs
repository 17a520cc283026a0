//! Receivers of automations' requests that do not work: runs wait, nobody else does, and no attempt is used up.

use crate::harness::{Harness, admin, apply, runs_of, waited_run};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::TcpListener;
use testkit::receiver::{Receiver, Reply};
use testkit::{callers, eventually};

/// As many as one host gets at once: more would wait for the clock, which stands still.
const RUNS: usize = 4;

/// An automation that posts every new product.
async fn posting(crm: &Harness, name: &str, url: &str) -> Value {
    apply(crm, name, "product_created", json!([{"http_request": {"url": url}}])).await
}

/// All runs of an automation, once each is as it is waited for.
async fn all(crm: &Harness, applied: &Value, count: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    eventually("all runs", async || {
        let runs = runs_of(crm, applied).await;
        (runs.len() == count && runs.iter().all(&wanted)).then_some(runs)
    })
    .await
}

fn next_at(run: &Value) -> DateTime<Utc> {
    serde_json::from_value(run["next_at"].clone()).unwrap()
}

fn outcomes(run: &Value) -> Vec<&str> {
    run["log"].as_array().unwrap().iter().map(|entry| entry["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn during_an_outage_one_request_at_a_time_finds_out_and_other_receivers_are_served() {
    let (crm, _broker) = Harness::with_broker().await;
    let clock = crm.service.process.clock.clone();
    let (broken, working) = (Receiver::start().await, Receiver::start().await);
    broken.always(Reply::Status(503));
    let waits = posting(&crm, "Broken", &broken.url("/")).await;
    let other = posting(&crm, "Working", &working.url("/")).await;
    for number in 0..RUNS {
        crm.make("/products", json!({"name": format!("product {number}")})).await;
    }
    all(&crm, &other, RUNS, |run| run["state"] == "completed").await;
    for run in all(&crm, &waits, RUNS, |run| run["waiting_since"].is_string()).await {
        assert_eq!(
            (&run["state"], &run["attempts"], outcomes(&run)),
            (&json!("pending"), &json!(0), vec!["waiting"])
        );
        assert!(run["error"].as_str().unwrap().ends_with("answered 503"), "{run}");
    }
    let before = broken.received().len();
    assert!(before <= RUNS, "{before} before the first answer");

    clock.advance(TimeDelta::seconds(5));
    all(&crm, &waits, RUNS, |run| next_at(run) > clock.now()).await;
    assert_eq!(broken.received().len(), before + 1, "one finds out");

    broken.always(Reply::Status(204));
    let done = eventually("the end of all runs", async || {
        clock.advance(TimeDelta::seconds(5));
        let runs = runs_of(&crm, &waits).await;
        runs.iter().all(|run| run["state"] == "completed").then_some(runs)
    })
    .await;
    for run in done {
        assert_eq!((outcomes(&run), &run["waiting_since"]), (vec!["waiting", "done"], &Value::Null));
    }
    let received = broken.received();
    let ids: BTreeSet<_> = received.iter().map(|request| request.header("webhook-id").unwrap()).collect();
    assert_eq!(ids.len(), RUNS);
}

#[tokio::test]
async fn every_way_not_to_work_is_waited_for_and_a_wish_is_granted() {
    let (crm, _broker) = Harness::with_broker().await;
    let mut receivers = Vec::new();
    let mut expected = Vec::new();
    for (name, reply, seconds) in [
        ("500", Reply::Status(500), 5),
        ("408", Reply::Status(408), 5),
        ("425", Reply::Status(425), 5),
        ("429", Reply::with_header(429, "retry-after", "3600"), 3600),
        ("reset", Reply::Reset, 5),
    ] {
        let receiver = Receiver::start().await;
        receiver.always(reply);
        expected.push((posting(&crm, name, &receiver.url("/")).await, seconds));
        receivers.push(receiver);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    expected.push((posting(&crm, "refused", &format!("http://{nobody}/")).await, 5));
    crm.make("/products", json!({"name": "x"})).await;
    for (applied, seconds) in expected {
        let run = waited_run(&crm, &applied, |run| run["waiting_since"].is_string()).await;
        assert_eq!((&run["state"], &run["attempts"]), (&json!("pending"), &json!(0)));
        let pause = next_at(&run) - crm.service.process.clock.now();
        assert_eq!(pause.num_seconds(), seconds, "{run}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_for_days_makes_a_dead_letter_that_can_be_replayed() {
    let (crm, _broker) = Harness::with_broker().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(503));
    let applied = posting(&crm, "Away", &receiver.url("/")).await;
    crm.make("/products", json!({"name": "x"})).await;
    waited_run(&crm, &applied, |run| run["waiting_since"].is_string()).await;
    crm.service.process.clock.advance(TimeDelta::days(3) - TimeDelta::seconds(1));
    waited_run(&crm, &applied, |run| next_at(run) > crm.service.process.clock.now()).await;
    crm.service.process.clock.advance(TimeDelta::minutes(5));
    let dead = waited_run(&crm, &applied, |run| run["state"] == "dead_letter").await;
    assert_eq!((&dead["error"], outcomes(&dead)), (&json!("answered 503"), vec!["waiting", "dead_letter"]));

    receiver.always(Reply::Status(204));
    crm.service.process.clock.advance(TimeDelta::minutes(5));
    let organization = callers::organization_id("acme");
    let replay = async |automation: &str| {
        let run = dead["id"].as_str().unwrap();
        let path = format!("/api/v1/organizations/{organization}/automations/{automation}/runs/{run}/replay");
        crm.service.request(&admin(), Method::POST, &path).send().await.unwrap().status().as_u16()
    };
    assert_eq!(replay("000000000000000000000000").await, 409, "of another automation");
    assert_eq!(replay("x").await, 404);
    assert_eq!(replay(applied["id"].as_str().unwrap()).await, 204);
    let done = waited_run(&crm, &applied, |run| run["state"] == "completed").await;
    assert_eq!(outcomes(&done), ["waiting", "dead_letter", "done"]);
    let received = receiver.received();
    assert!(received.windows(2).all(|pair| pair[0].header("webhook-id") == pair[1].header("webhook-id")));
}
