//! One slow subscriber harms only itself.

use crate::harness::{Harness, webhook_ids};
use std::collections::HashSet;
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
