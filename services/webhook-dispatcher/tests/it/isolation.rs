//! One slow subscriber harms only itself.

use crate::harness::{Harness, webhook_ids};
use contracts::event::CloudEvent;
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;
use testkit::receiver::{Receiver, Reply};

#[tokio::test]
async fn a_hanging_endpoint_does_not_delay_another() {
    let mut harness = Harness::start().await;
    let (hanging, quick) = (Receiver::start().await, Receiver::start().await);
    hanging.always(Reply::Hang);
    harness.subscribe(&hanging.url("/"), &["*"]).await;
    harness.subscribe(&quick.url("/"), &["*"]).await;
    harness.start_engine();
    for _ in 0..40 {
        harness.publish(&harness.lead_created()).await;
    }
    let received = quick.wait_for(40).await;
    assert_eq!(webhook_ids(&received).into_iter().collect::<HashSet<_>>().len(), 40);
    // It has as many as its cap allows, and none of them is over yet.
    assert_eq!(hanging.received().len(), 16);
}

#[tokio::test]
async fn a_backlog_beyond_the_window_is_worked_off_once() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    for _ in 0..200 {
        harness.publish(&harness.lead_created()).await;
    }
    harness.wait_for_deliveries(200).await;
    harness.deliver().await;
    let received = receiver.received();
    assert_eq!(
        (received.len(), webhook_ids(&received).into_iter().collect::<HashSet<_>>().len()),
        (200, 200)
    );
    assert_eq!(harness.deliveries("state = 1").await, 200);
}

#[tokio::test]
async fn a_tar_pit_with_half_of_the_traffic_harms_only_itself_and_stays_active() {
    const HEALTHY: usize = 5;
    const EACH: usize = 20;
    let mut harness = Harness::start_with(|settings| {
        settings.delivery.response_budget = Duration::from_secs(1);
    })
    .await;
    let pit = Receiver::start().await;
    pit.always(Reply::Drip(200));
    let stuck = harness.subscribe(&pit.url("/"), &["lead.pit"]).await;
    let mut healthy = Vec::new();
    for number in 0..HEALTHY {
        let receiver = Receiver::start().await;
        harness.subscribe(&receiver.url("/"), &[&format!("lead.healthy_{number}")]).await;
        healthy.push(receiver);
    }
    harness.start_engine();
    let kinds = (0..HEALTHY * EACH)
        .flat_map(|number| [format!("lead.healthy_{}", number % HEALTHY), "lead.pit".to_owned()]);
    let events: Vec<_> = kinds.map(|kind| CloudEvent { kind, ..harness.lead_created() }).collect();
    harness.publish_together(&events).await;
    for receiver in &healthy {
        let received = receiver.wait_for(EACH).await;
        assert_eq!(webhook_ids(&received).into_iter().collect::<HashSet<_>>().len(), EACH);
        assert_eq!(received.len(), EACH);
    }
    // The pit has had no more than fits into it, and its own deliveries wait.
    let shown = testkit::eventually("failures of the pit", async || {
        let shown = harness.list().await.into_iter().find(|shown| shown["id"] == json!(stuck.id))?;
        (shown["consecutive_failures"].as_i64() >= Some(10)).then_some(shown)
    })
    .await;
    assert_eq!(shown["active"], true);
    let all = i64::try_from(HEALTHY * EACH).unwrap();
    testkit::eventually("the healthy ones settled", async || {
        (harness.deliveries("state = 1").await == all).then_some(())
    })
    .await;
    assert_eq!(harness.deliveries("state = 0").await, all);
    assert!(pit.received().len() <= 32, "{}", pit.received().len());
}
