//! `POST /api/v1/ingest/snapshots` and the cards.

use crate::harness::{Harness, SNAPSHOTS, WORKERS, caller, caller_with, with};
use serde_json::{Value, json};
use testkit::read;

fn snapshot(time: &str, open: u64) -> Value {
    json!({
        "snapshotType": "tickets_open", "timestamp": time,
        "actor": {"email": "a@example.com", "displayName": "Ada"}, "metrics": {"open": open},
    })
}

#[tokio::test]
async fn a_snapshot_is_a_card_and_an_event() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let metrics =
        json!({"open": 7, "mood": "calm", "sla": {"value": 0.92, "unit": "ratio", "label": "SLA %"}});
    let sent = with(snapshot("2026-04-19T12:30:00Z", 7), &json!({"metrics": metrics}));
    let (status, body) = read(ingest.send(&acme, SNAPSHOTS, &sent).await).await;
    let worker = ingest.all(&acme, WORKERS, 10).await[0]["id"].clone();
    assert_eq!((status, &body["ok"], &body["snapshotType"]), (202, &json!(true), &json!("tickets_open")));
    assert_eq!(body["worker"], json!({"id": worker, "displayName": "Ada"}));
    assert!(body["requestId"].is_string());
    let cards = ingest.all(&acme, &format!("{WORKERS}/{}/snapshots", worker.as_str().unwrap()), 10).await;
    assert_eq!(
        cards,
        [json!({
            "snapshotType": "tickets_open", "app": "dialer", "timestamp": "2026-04-19T12:30:00Z", "metrics": metrics,
        })]
    );
    let timeline = ingest.timelines(&acme).await;
    assert_eq!(
        (&timeline[0]["eventType"], &timeline[0]["category"]),
        (&json!("tickets_open"), &json!("other"))
    );
    assert_eq!(timeline[0]["metadata"], json!({"metrics": metrics}));
}

#[tokio::test]
async fn a_later_snapshot_takes_the_card_and_an_older_one_is_history() {
    let ingest = Harness::start().await;
    let (acme, desk) = (caller("acme"), caller_with("acme", |facts| facts.app.slug = "desk".to_owned()));
    for (caller, time, open) in [
        (&acme, "2026-04-19T12:30:00Z", 1),
        (&acme, "2026-04-19T12:31:00Z", 2),
        (&acme, "2026-04-19T12:29:00Z", 3),
        (&desk, "2026-04-19T12:00:00Z", 4),
    ] {
        assert_eq!(ingest.send(caller, SNAPSHOTS, &snapshot(time, open)).await.status().as_u16(), 202);
    }
    let worker = ingest.all(&acme, WORKERS, 10).await[0]["id"].as_str().unwrap().to_owned();
    let cards = ingest.all(&acme, &format!("{WORKERS}/{worker}/snapshots"), 1).await;
    let shown: Vec<_> = cards.iter().map(|card| (&card["app"], &card["metrics"]["open"])).collect();
    assert_eq!(shown, [(&json!("desk"), &json!(4)), (&json!("dialer"), &json!(2))]);
    assert_eq!(ingest.timelines(&acme).await.len(), 4);
}

#[tokio::test]
async fn what_is_wrong_with_a_snapshot_is_the_answer() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let good = snapshot("2026-04-19T12:30:00Z", 1);
    for (members, expected) in [
        (json!({"metrics": {"open": null}}), "invalid_body"),
        (json!({"metrics": {"a\u{0}b": 1}}), "invalid_body"),
        (json!({"snapshotType": "x"}), "invalid_body"),
        (json!({"actor": {}}), "missing_actor"),
        (json!({"actor": null}), "missing_actor"),
        (json!({"actor": {"workerId": testkit::unique_id()}}), "worker_not_found"),
    ] {
        let (status, body) = read(ingest.send(&acme, SNAPSHOTS, &with(good.clone(), &members)).await).await;
        assert_eq!((status, body["error"]["code"].as_str().unwrap()), (400, expected), "{members}");
    }
    assert_eq!(ingest.count("select count(*) from events").await, 0);
}
