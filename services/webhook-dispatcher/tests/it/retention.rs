//! What is old is let go by the week, and what is still open then is given up and announced.

use crate::harness::Harness;
use chrono::TimeDelta;
use platform::ids::IdSource;
use serde_json::{Value, json};
use testkit::receiver::Receiver;
use webhook_dispatcher::{EndOpen, RETAINED};

#[tokio::test]
async fn a_delivery_that_is_open_when_its_week_goes_is_a_dead_letter() {
    let harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.subscribe(&receiver.url("/"), &["lead.created"]).await;
    let event = harness.fan_out(1).await;
    harness.set_state(&made, "paused").await;
    harness.calm().await;
    // Its week is over when its last day is five weeks ago.
    harness.clock.advance(TimeDelta::weeks(6) + TimeDelta::days(1));
    let settle = EndOpen { clock: harness.clock.clone(), ids: IdSource::random() };
    let now = harness.clock.now();
    let round = platform_pg::retention::expire(&harness.pool, RETAINED, now, &settle).await.unwrap();
    assert!(round.held_back.is_empty() && round.dropped.len() >= 3, "{round:?}");
    assert_eq!(harness.deliveries(&format!("event_id = '{}'", event.id)).await, 0);

    // What is said waits for the sweeper.
    let said: Vec<Vec<u8>> =
        sqlx::query_scalar("select payload from outbox order by seq").fetch_all(&harness.pool).await.unwrap();
    let said: Vec<Value> = said.iter().map(|event| serde_json::from_slice(event).unwrap()).collect();
    let types: Vec<_> = said.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["webhook.delivery.dead_lettered", "webhook.event.settled"]);
    assert_eq!(
        (&said[0]["data"]["subscription_id"], &said[0]["data"]["reason"]),
        (&json!(made.id), &json!("expired"))
    );
    let settled = json!({
        "event_id": event.id, "source": "lead-intake", "delivered": 0, "dead_letter": 1, "cancelled": 0,
        "expired": 1,
    });
    assert_eq!(said[1]["data"], settled);
}
