//! Tapes: what a queue was sent can be read again, whatever became of it there.

use crate::harness::{Process, large_order, order, publish};
use contracts::topology::{WEBHOOK_DISPATCHER_EVENTS, WEBHOOK_DISPATCHER_TAPE};
use platform::messaging::OutboundMessage;
use platform_broker::Recorded;
use platform_broker::topology::Topology;
use testkit::broker::TestBroker;
use testkit::eventually;

const TOPOLOGY: Topology<'static> = Topology { queues: &[WEBHOOK_DISPATCHER_EVENTS], retry_steps: &[] };

async fn all(process: &Process, from: Option<i64>, count: usize) -> Vec<Recorded> {
    let mut reading = process.broker.tape(WEBHOOK_DISPATCHER_TAPE).read(from).await.expect("the tape");
    let mut all = Vec::new();
    while all.len() < count {
        let next = reading.next(2).await.expect("messages");
        assert!(next.len() <= 2);
        all.extend(next);
    }
    assert_eq!(reading.next(2).await.expect("the end"), []);
    reading.close().await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tape_keeps_what_its_queue_has_lost_and_is_read_from_anywhere() {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let process = Process::start(&vhost.settings());
    process.ready().await;
    let created = |number| OutboundMessage {
        routing_key: "intake.lead.created.v1".to_owned(),
        ..order(number, "succeed")
    };
    let mut messages: Vec<_> = (1..=5).map(created).collect();
    let (large, body) = large_order(5, "succeed", 20_000);
    messages[4].payload = large.payload;
    publish(&process.broker, &messages).await;
    // The connection to consume on is opened with the first wish for it.
    let waiting =
        eventually("the queue", async || process.broker.waiting(WEBHOOK_DISPATCHER_EVENTS).await.ok());
    assert_eq!(waiting.await, 5);
    assert_eq!(vhost.take(WEBHOOK_DISPATCHER_EVENTS.name).await.len(), 5);
    assert_eq!(process.broker.waiting(WEBHOOK_DISPATCHER_EVENTS).await.expect("the queue"), 0);

    messages[4].payload = body;
    let recorded = all(&process, None, 5).await;
    for (number, (recorded, message)) in recorded.iter().zip(&messages).enumerate() {
        assert_eq!(recorded.offset, i64::try_from(number).expect("small"));
        assert_eq!(recorded.message_id, Some(message.message_id));
        assert_eq!(recorded.payload, message.payload);
        assert!(recorded.published_at.is_some());
    }
    assert_eq!(all(&process, Some(3), 2).await, recorded[3..]);
    process.stop().await;
}
