//! How deliveries stand, at a glance.

use crate::harness::{Harness, platform_key};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::receiver::{Receiver, Reply};
use testkit::{callers, eventually};

/// The figures, for an operator or a key of an organisation.
async fn summary(harness: &Harness, slug: Option<&str>, query: &str) -> Value {
    let (key, path) = match slug {
        None => (platform_key("platform", None, &["platform:admin"]), "admin/deliveries/summary".to_owned()),
        Some(slug) => {
            let path = format!("organizations/{}/deliveries/summary", callers::organization_id(slug));
            (platform_key(slug, None, &["webhooks:read"]), path)
        }
    };
    let path = format!("/api/v1/{path}{query}");
    let (status, body) = harness.ask(&key, Method::GET, &path, &Value::Null).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// One event with two deliveries, of which one arrives and one is refused.
async fn scene() -> (Harness, [Value; 2]) {
    let mut harness = Harness::start().await;
    let (well, ill) = (Receiver::start().await, Receiver::start().await);
    ill.always(Reply::Status(404));
    let webhook = async |harness: &Harness, url| {
        harness.webhook(&json!({"url": url, "events": ["lead.*"], "retryConfig": {"maxRetries": 0}})).await
    };
    let webhooks = [webhook(&harness, well.url("/in")).await, webhook(&harness, ill.url("/in")).await];
    harness.fan_out(2).await;
    harness.deliver().await;
    (harness, webhooks)
}

fn last(summary: &Value, name: &str) -> Value {
    summary["hours"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hour| hour[name].as_i64().unwrap_or(0))
        .sum::<i64>()
        .into()
}

#[tokio::test]
async fn what_happened_and_what_is_open_is_seen_at_a_glance() {
    let (harness, [well, ill]) = scene().await;
    let figures = summary(&harness, Some("acme"), "").await;
    let shown = ["acceptedLastMinute", "deliveredLastMinute", "pending", "due", "oldestDueAt", "deadLetters"];
    let shown: Vec<_> = shown.iter().map(|name| figures[*name].clone()).collect();
    assert_eq!(json!(shown), json!([1, 1, 0, 0, null, 1]), "{figures}");
    assert_eq!(figures["hours"].as_array().unwrap().len(), 24);
    for (name, count) in [("accepted", 1), ("delivered", 1), ("failed", 1), ("deadLettered", 1)] {
        assert_eq!(figures["hours"][23][name], count, "{name}: {figures}");
    }
    for (webhook, delivered, dead) in [(&well, 1, 0), (&ill, 0, 1)] {
        let one =
            summary(&harness, Some("acme"), &format!("?subscription={}", webhook["id"].as_str().unwrap()))
                .await;
        assert_eq!((&one["acceptedLastMinute"], &one["hours"][23]["accepted"]), (&json!(null), &json!(null)));
        assert_eq!(
            (&one["deliveredLastMinute"], &one["deadLetters"]),
            (&json!(delivered), &json!(dead)),
            "{one}"
        );
    }
    assert_eq!(last(&summary(&harness, None, "").await, "delivered"), 1);
    let other = summary(&harness, Some("globex"), "").await;
    assert_eq!((&other["acceptedLastMinute"], last(&other, "delivered")), (&json!(0), json!(0)));
    assert_eq!((&other["deadLetters"], last(&other, "deadLettered")), (&json!(0), json!(0)));
    let foreign = format!("?subscription={}", ill["id"].as_str().unwrap());
    let other = summary(&harness, Some("globex"), &foreign).await;
    assert_eq!((&other["deadLetters"], last(&other, "failed")), (&json!(0), json!(0)));
}

#[tokio::test]
async fn what_is_counted_once_is_counted_neither_twice_nor_forgotten() {
    let (harness, _) = scene().await;
    let counted = async || {
        let count = "select coalesce(sum(delivered), 0)::bigint from delivery_hours";
        sqlx::query_scalar::<_, i64>(count).fetch_one(&harness.pool).await.unwrap()
    };
    for (minutes, known) in [(1, 0), (5, 1), (50, 1), (70, 1)] {
        harness.clock.advance(TimeDelta::minutes(minutes));
        // Another replica begins by counting what there is to count.
        let (_replica, _engine) = harness.replica().await;
        let until = harness.clock.now() - TimeDelta::minutes(4);
        eventually("the hours are counted", async || {
            let up_to = "select until from hours_counted";
            let up_to: chrono::DateTime<chrono::Utc> =
                sqlx::query_scalar(up_to).fetch_one(&harness.pool).await.unwrap();
            (up_to >= until).then_some(())
        })
        .await;
        assert!(counted().await >= known, "after {minutes} min");
        let figures = summary(&harness, None, "").await;
        for (name, count) in [("accepted", 1), ("delivered", 1), ("failed", 1), ("deadLettered", 1)] {
            assert_eq!(last(&figures, name), count, "{name} after {minutes} min: {figures}");
        }
    }
}
