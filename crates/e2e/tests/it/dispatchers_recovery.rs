//! A bulk recovery that is killed half-way and goes on.

use crate::dispatchers::{Company, IN_HAND, database, pending};
use contracts::Service;
use e2e::partner::new_slug;
use e2e::system::System;
use platform::clock::Clock;
use reqwest::Method;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use testkit::eventually_within;
use testkit::receiver::{Receiver, Reply};

const DISPATCHER: Service = Service::WebhookDispatcher;
/// Dead deliveries, from batches of the largest size.
const DEAD: usize = 10_000;
const BATCH: usize = 500;
const KIND: &str = "story.ended";
/// A second, the most that a subscription may have.
const RATE: u32 = 1_000;
const PATIENCE: Duration = Duration::from_mins(2);

/// How often each webhook id came, until a number of them is there.
async fn received(receiver: &Receiver, came: &mut BTreeMap<String, usize>, ids: usize) {
    eventually_within(PATIENCE, "deliveries", async || {
        for received in receiver.take() {
            *came.entry(received.header("webhook-id").unwrap().to_owned()).or_default() += 1;
        }
        (came.len() >= ids).then_some(())
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_dead_deliveries_recover_once_each_though_the_dispatcher_is_killed_half_way() {
    let system = System::start(&[]);
    let company = Company::sign_up(&system, &new_slug("recovery")).await;
    let since = Clock::system().now();
    let body = json!({"url": company.receiver.url("/hooks"), "events": [KIND]});
    let webhook = company.administer(Method::POST, &company.webhooks(), body, 201).await;
    let id = webhook["id"].as_str().unwrap();
    let path = format!("{}/{id}", company.webhooks());

    // What the receiver calls wrong is dead at once.
    company.receiver.always(Reply::Status(400));
    for _ in 0..DEAD / BATCH {
        company.ingest(KIND, BATCH).await;
    }
    let mut died = BTreeMap::new();
    received(&company.receiver, &mut died, DEAD).await;
    let dead = "select count(*) from webhook_dispatcher.deliveries
                where subscription_id = $1::uuid and state = 2 and replay = 0 and attempts = 1";
    let all = i64::try_from(DEAD).unwrap();
    eventually_within(PATIENCE, "dead letters", async || (system.count(dead, id).await == all).then_some(()))
        .await;

    company.receiver.always(Reply::Status(200));
    company.administer(Method::PUT, &path, json!({"rateLimit": RATE}), 200).await;
    let wish = json!({"since": since, "status": "dead_letter"});
    let begun = company.administer(Method::POST, &format!("{path}/recover"), wish, 202).await;
    assert_eq!(begun["done"], json!(false), "{begun}");
    let mut came = BTreeMap::new();
    // Early enough that it still goes on when the receiver is slower than the rate.
    received(&company.receiver, &mut came, DEAD / 10).await;
    system.signal(DISPATCHER, "KILL");
    let open = pending(&system, &company).await;
    let recovered = "select coalesce(sum(recovered), 0)::bigint from webhook_dispatcher.recoveries
                     where subscription_id = $1::uuid and (finished_at is null) = ($2 = 'running')";
    let so_far: i64 = sqlx::query_scalar(recovered)
        .bind(id)
        .bind("running")
        .fetch_one(&mut database(&system).await)
        .await
        .unwrap();
    assert!(0 < so_far && so_far < all, "the recovery was killed half-way: {so_far}");
    system.start_replica(DISPATCHER.name());
    received(&company.receiver, &mut came, DEAD).await;

    // Each was brought back once and delivered at the first attempt after that.
    let whole = "select count(*) from webhook_dispatcher.deliveries
                 where subscription_id = $1::uuid and state = 1 and replay = 1 and attempts = 1";
    eventually_within(PATIENCE, "settled deliveries", async || {
        (system.count(whole, id).await == all).then_some(())
    })
    .await;
    let finished: i64 = sqlx::query_scalar(recovered)
        .bind(id)
        .bind("finished")
        .fetch_one(&mut database(&system).await)
        .await
        .unwrap();
    assert_eq!(finished, all);
    received(&company.receiver, &mut came, DEAD).await;
    assert_eq!(came.keys().collect::<BTreeSet<_>>(), died.keys().collect(), "the same ids, and no other");
    // It came once more, unless it was on its way when the dispatcher was killed.
    let again: BTreeSet<_> = came.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.clone()).collect();
    assert!(again.is_subset(&open) && again.len() <= IN_HAND, "{} came twice", again.len());
    assert!(came.values().all(|times| *times <= 2));
}
