//! Recovering in bulk: everything once, at a measured pace, also when it is interrupted.

use crate::harness::{Harness, platform, webhook_ids, webhooks};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;
use testkit::receiver::Receiver;
use testkit::{eventually, eventually_within};

const DEAD: usize = 1_200;

/// Copies the one dead delivery of a webhook many times.
const COPIES: &str = "with made as (
        insert into events (event_id, organization_id, source, kind, occurred_at, track_delivery, payload, received_at)
        select overlay(event_id::text placing lpad(to_hex(n), 12, '0') from 25)::uuid, organization_id, source, kind,
            occurred_at, false, payload, received_at
        from events, generate_series(1, $1) as n returning event_id
    )
    insert into deliveries (event_id, subscription_id, organization_id, state, attempts, next_at, created_at, ended_at)
    select made.event_id, subscription_id, organization_id, 2, 4, next_at, created_at, ended_at from made, deliveries";

#[tokio::test]
async fn thousands_of_dead_letters_are_recovered_once_although_a_replica_is_killed() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([testkit::receiver::Reply::Status(404)]);
    let made = harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"]})).await;
    let one = format!("{}/{}", webhooks(), made["id"].as_str().unwrap());
    harness.fan_out(1).await;
    harness.deliver().await;
    let copies = i32::try_from(DEAD - 1).unwrap();
    sqlx::query(COPIES).bind(copies).execute(&harness.pool).await.unwrap();
    assert_eq!(harness.deliveries("state = 2").await, i64::try_from(DEAD).unwrap());

    let since = json!({"since": harness.clock.now() - TimeDelta::hours(1), "status": "DEAD_LETTER"});
    let recover = format!("{one}/recover");
    let (status, begun) = harness.ask(&platform(), Method::POST, &recover, &since).await;
    assert_eq!((status, &begun["recovered"], &begun["done"]), (202, &json!(1_000), &json!(false)));
    assert_eq!(begun["status"], json!(["DEAD_LETTER"]));
    let (status, refused) = harness.ask(&platform(), Method::POST, &recover, &since).await;
    assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")), "{refused}");
    // A hundred a second, not all at once.
    harness.deliver_after(1).await;
    assert_eq!(receiver.received().len(), 1 + 101);
    // The one that began it is gone; another goes on when the first thousand had its time.
    harness.service.process.shutdown.begin();
    let (other, mut engine) = harness.replica().await;
    harness.clock.advance(TimeDelta::seconds(10));
    eventually("the next batch", async || (harness.deliveries("state = 2").await == 0).then_some(())).await;
    harness.clock.advance(TimeDelta::seconds(30));
    eventually_within(Duration::from_secs(30), "all of them", async || {
        engine.run_until_idle().await;
        (harness.deliveries("state = 1").await == i64::try_from(DEAD).unwrap()).then_some(())
    })
    .await;
    let received = receiver.received_after(1);
    let distinct: HashSet<_> = webhook_ids(&received).into_iter().collect();
    assert_eq!((received.len(), distinct.len()), (DEAD, DEAD));
    let running: i64 = sqlx::query_scalar("select count(*) from recoveries where finished_at is null")
        .fetch_one(&harness.pool)
        .await
        .unwrap();
    assert_eq!(running, 0);
    // It can be done again, and finds nothing.
    let (status, again) =
        testkit::answer(other.request(&platform(), Method::POST, &recover).json(&since)).await;
    assert_eq!((status, &again["recovered"], &again["done"]), (202, &json!(0), &json!(true)));
}

#[tokio::test]
async fn a_wish_is_checked() {
    let harness = Harness::start().await;
    let made = harness.webhook(&json!({"url": "https://93.184.216.34/", "events": ["*"]})).await;
    let recover = format!("{}/{}/recover", webhooks(), made["id"].as_str().unwrap());
    let now = harness.clock.now();
    let cases = [
        (json!({}), vec!["since"]),
        (json!({"since": "yesterday", "until": 5, "status": "delivered"}), vec!["since", "until", "status"]),
        (json!({"since": now - TimeDelta::weeks(10)}), vec!["since"]),
        (json!({"since": now, "until": now - TimeDelta::seconds(1)}), vec!["until"]),
        (json!({"since": now + TimeDelta::days(1)}), vec!["until"]),
    ];
    for (body, fields) in cases {
        let (status, refused) = harness.ask(&platform(), Method::POST, &recover, &body).await;
        let found: Vec<_> = refused["details"]["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["path"].as_str().unwrap())
            .collect();
        assert_eq!((status, found), (400, fields), "{body}");
    }
    let both = json!({"since": now, "status": ["dead_letter", "SKIPPED_DISABLED"]});
    let (status, begun) = harness.ask(&platform(), Method::POST, &recover, &both).await;
    assert_eq!((status, &begun["status"]), (202, &json!(["DEAD_LETTER", "SKIPPED_DISABLED"])));
    assert_eq!(begun["until"], json!(now));
    let none = harness.ask(&platform(), Method::POST, &recover, &Value::Null).await;
    assert_eq!(none.0, 400);
}
