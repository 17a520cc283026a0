//! Servers that die under load: nothing accepted is lost, nothing has two effects, no retry is burnt.

use crate::story::Story;
use contracts::Service;
use e2e::partner::lead;
use std::time::{Duration, Instant};
use testkit::{eventually, eventually_within};

/// 20 s, or what `./dev chaos` wants.
fn outage_length() -> Duration {
    let seconds = testkit::optional("LEADWIRE_OUTAGE_SECONDS").map(|seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(20))
}

#[tokio::test]
async fn killing_broker_database_and_intake_under_load_loses_nothing_and_doubles_nothing() {
    let story = Story::begin().await;
    let load = story.submit_many(3_000, 16);
    // On a thread of its own: starting a server blocks.
    let trouble = tokio::task::spawn_blocking({
        let system = story.system.clone();
        move || {
            for server in ["rabbitmq", "postgres", "redis", "postgres", "rabbitmq"] {
                system.kill_server(server);
                system.start_server(server);
            }
            system.signal(Service::LeadIntake, "KILL");
            system.up();
        }
    });
    let (accepted, trouble) = tokio::join!(load, trouble);
    trouble.unwrap();
    assert_eq!(accepted.len(), 3_000);
    story.reconcile(&accepted, Duration::from_mins(2)).await;
    let stored = "select count(*) from lead_intake.leads where partner_slug = $1";
    assert_eq!(story.system.count(stored, &story.partner.slug).await, 3_000, "every lead is stored once");
}

#[tokio::test]
async fn a_database_outage_with_five_thousand_messages_queued_burns_no_attempt() {
    let story = Story::begin().await;
    story.system.signal(Service::WebhookDispatcher, "STOP");
    let accepted = story.submit_many(5_000, 32).await;
    eventually_within(Duration::from_mins(1), "everything published", async || {
        story.outbox_is_empty().await.then_some(())
    })
    .await;
    story.system.kill_server("postgres");
    story.system.signal(Service::WebhookDispatcher, "CONT");
    let (outage, length) = (Instant::now(), outage_length());
    eventually_within(length * 2, "the end of the outage", async || {
        assert_eq!(story.system.depth("webhook-dispatcher.events.dlq").await, 0);
        (outage.elapsed() > length).then_some(())
    })
    .await;
    story.system.start_server("postgres");
    story.reconcile(&accepted, Duration::from_mins(2)).await;
    let repeated = "select count(*) from webhook_dispatcher.deliveries \
                    where subscription_id = $1::uuid and attempts <> 1";
    let subscription = story.subscription["id"].as_str().unwrap();
    assert_eq!(story.system.count(repeated, subscription).await, 0, "the outage burnt attempts");
}

#[tokio::test]
async fn blocked_publishers_keep_no_lead_out_and_consumers_go_on() {
    let story = Story::begin().await;
    story.system.signal(Service::WebhookDispatcher, "STOP");
    let mut accepted = story.submit_many(200, 8).await;
    eventually("everything published", async || story.outbox_is_empty().await.then_some(())).await;
    story.system.memory_alarm(true);
    story.system.signal(Service::WebhookDispatcher, "CONT");
    eventually_within(Duration::from_secs(30), "the queued leads delivered during the alarm", async || {
        accepted.iter().all(|lead_id| story.delivered().by_lead.contains_key(lead_id)).then_some(())
    })
    .await;
    eventually_within(Duration::from_secs(30), "their messages acked during the alarm", async || {
        (story.system.messages("webhook-dispatcher.events").await == 0).then_some(())
    })
    .await;
    accepted.extend(story.submit_many(200, 8).await);
    assert!(!story.outbox_is_empty().await, "the broker takes nothing during its alarm");
    story.system.memory_alarm(false);
    story.reconcile(&accepted, Duration::from_mins(1)).await;
}

#[tokio::test]
async fn a_redis_that_is_frozen_and_then_forgets_everything_changes_nothing_for_leads() {
    let story = Story::begin().await;
    let before = lead();
    let first = story.partner.submit(&before).await;
    story.system.signal_server("redis", "STOP");
    let mut accepted = story.submit_many(50, 4).await;
    story.system.signal_server("redis", "CONT");
    story.system.forget_redis().await;
    assert_eq!(story.partner.submit(&before).await, first, "a replay is the stored answer");
    accepted.push(first["lead_id"].as_str().unwrap().to_owned());
    story.reconcile(&accepted, Duration::from_secs(30)).await;
}
