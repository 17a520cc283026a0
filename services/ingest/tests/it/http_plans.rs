//! The plan: what it includes, and what is answered when that is used up.

use crate::harness::{EVENTS, Harness, SNAPSHOTS, caller_with, event, with};
use chrono::Datelike as _;
use chrono::{Months, NaiveTime};
use contracts::identity::Principal;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::read;

fn of_quota(quota: i64) -> Principal {
    caller_with("acme", |facts| facts.monthly_event_quota = quota)
}

fn events(count: usize) -> Value {
    json!(vec![event("a@example.com"); count])
}

#[tokio::test]
async fn the_quota_is_exact_over_replicas_and_refuses_a_batch_whole() {
    let ingest = Harness::start().await;
    let other = ingest.another().await;
    let acme = of_quota(100);
    let answers = join_all((0..30).map(async |turn| {
        let service = if turn % 2 == 0 { &ingest.service } else { &other };
        let request = service.request(&acme, Method::POST, EVENTS).json(&json!({"events": events(7)}));
        testkit::answer(request).await
    }))
    .await;
    let accepted = answers.iter().filter(|(status, _)| *status == 202).count();
    assert_eq!(accepted, 14);
    for (status, body) in answers.iter().filter(|(status, _)| *status != 202) {
        assert_eq!((*status, &body["error"]["code"]), (429, &json!("quota_exceeded")));
    }
    assert_eq!(ingest.timelines(&acme).await.len(), 98);
    assert_eq!(ingest.events(&acme, &events(3)).await.0, 429);
    assert_eq!(ingest.events(&acme, &events(2)).await.0, 202);
    assert_eq!(ingest.count("select used from event_usage").await, 100);
}

#[tokio::test]
async fn the_quota_begins_anew_with_the_calendar_month() {
    let ingest = Harness::start().await;
    let acme = of_quota(2);
    assert_eq!(ingest.events(&acme, &events(2)).await.0, 202);
    let response = ingest.send(&acme, EVENTS, &json!({"events": events(1)})).await;
    let wait: i64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let clock = &ingest.service.process.clock;
    let day = clock.now().date_naive();
    let next = (day.with_day(1).unwrap() + Months::new(1)).and_time(NaiveTime::MIN).and_utc();
    assert!((0..2).contains(&(wait - (next - clock.now()).num_seconds())), "{wait}");
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("quota_exceeded")));
    clock.advance(chrono::TimeDelta::seconds(wait));
    assert_eq!(ingest.events(&acme, &events(2)).await.0, 202);
}

#[tokio::test]
async fn refused_events_use_no_quota_and_a_snapshot_uses_one() {
    let ingest = Harness::start().await;
    let acme = of_quota(2);
    let broken = with(event("a@example.com"), &json!({"category": 1}));
    let (status, body) = ingest.events(&acme, &json!([broken, broken, event("a@example.com")])).await;
    assert_eq!((status, &body["accepted"]), (207, &json!(1)));
    let snapshot =
        json!({"snapshotType": "open", "actor": {"email": "a@example.com"}, "metrics": {"open": 1}});
    let send = async || read(ingest.send(&acme, SNAPSHOTS, &snapshot).await).await;
    assert_eq!(send().await.0, 202);
    let (status, body) = send().await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("quota_exceeded")));
    assert_eq!(ingest.events(&acme, &json!([broken])).await.0, 207);
}

#[tokio::test]
async fn a_batch_over_the_quota_leaves_nothing_behind() {
    let ingest = Harness::start().await;
    let acme = of_quota(1);
    let (status, _) = ingest.events(&acme, &json!([event("a@example.com"), event("b@example.com")])).await;
    assert_eq!(status, 429);
    for table in
        ["select count(*) from workers", "select count(*) from events", "select count(*) from outbox"]
    {
        assert_eq!(ingest.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_snapshot_of_somebody_new_over_the_cap_is_a_plan_limit() {
    let ingest = Harness::start().await;
    let acme = caller_with("acme", |facts| facts.max_workers = Some(0));
    let snapshot =
        json!({"snapshotType": "open", "actor": {"email": "a@example.com"}, "metrics": {"open": 1}});
    let (status, body) = read(ingest.send(&acme, SNAPSHOTS, &snapshot).await).await;
    assert_eq!((status, &body["error"]["code"]), (402, &json!("plan_limit")));
}
