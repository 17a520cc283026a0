//! From the outbox to the broker.

use crate::harness::{Harness, lead};
use contracts::event::CloudEvent;
use contracts::lead::LeadCreated;
use serde_json::json;
use testkit::{eventually, read};

const QUEUE: &str = contracts::topology::WEBHOOK_DISPATCHER_EVENTS.name;

#[tokio::test]
async fn every_accepted_lead_becomes_one_event_and_leaves_the_outbox() {
    let intake = Harness::start().await;
    let submitted = lead();
    let response = intake.submit(&submitted).await;
    let request = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (_, created) = read(response).await;
    intake.submit(&submitted).await;
    let messages = eventually("the event on the queue", async || {
        let messages = intake.broker.peek(QUEUE).await;
        (!messages.is_empty()).then_some(messages)
    })
    .await;
    assert_eq!(messages.len(), 1);
    let event: CloudEvent<LeadCreated> = serde_json::from_str(&messages[0].payload).unwrap();
    assert_eq!(event.id.to_string(), messages[0].message_id());
    assert_eq!(messages[0].routing_key, "intake.lead.created.v1");
    assert_eq!((event.kind.as_str(), event.source.as_str()), ("lead.created", "/leadwire/lead-intake"));
    assert_eq!((event.aggregateversion, event.trackdelivery), (1, true));
    assert_eq!(event.requestid, Some(request), "it says which request it comes from");
    assert_eq!(json!(event.data.lead_id), created["data"]["lead_id"]);
    assert_eq!(event.data.customer.phone_e164.as_deref(), Some("+15122321234"));
    let pool = intake.database.pool();
    eventually("an empty outbox", async || {
        let left: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&pool).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
}
