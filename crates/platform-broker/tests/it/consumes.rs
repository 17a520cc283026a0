//! Consuming: what becomes of messages that succeed, fail, cannot be read or have to wait.

use crate::harness::{
    DEAD_LETTERS, Orders, Patient, QUEUE, TOPOLOGY, TRACEPARENT, bare, kinds, large_order, lying, new_id,
    order, publish, running,
};
use platform::messaging::OutboundMessage;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{eventually, eventually_within};

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_have_arrived_are_handled_together_and_acked() {
    let (vhost, process) = running().await;
    let mut window: Vec<_> = (1..=8).map(|number| order(number, "succeed")).collect();
    window.insert(0, order(0, "wait"));
    publish(&process.broker, &window).await;
    let (handler, mut calls) = Orders::<4>::new();
    process.broker.consume(handler);
    let mut seen = calls.next_numbers().await;
    calls.permits.add_permits(1);
    let mut largest = seen.len();
    while seen.len() < 9 {
        let batch = calls.next_numbers().await;
        largest = largest.max(batch.len());
        seen.extend(batch);
    }
    assert_eq!(seen, (0..9).collect::<Vec<_>>());
    assert!((2..=4).contains(&largest), "the largest batch had {largest} messages");
    process.stop().await;
    assert!(vhost.peek(QUEUE.name).await.is_empty(), "everything is acked");
}

#[tokio::test(flavor = "multi_thread")]
async fn acks_leave_together_for_half_a_batch_and_when_the_process_ends() {
    let (vhost, process) = running().await;
    let (handler, mut calls) = Orders::<8>::new();
    process.broker.consume(Patient(handler));
    // More than the broker sends ahead: the later ones come only because the earlier ones were acked.
    let window: Vec<_> = (0..41).map(|number| order(number, "succeed")).collect();
    publish(&process.broker, &window).await;
    let mut seen = Vec::new();
    while seen.len() < window.len() {
        seen.extend(calls.next_numbers().await);
    }
    publish(&process.broker, &[order(41, "fail_for_good"), order(42, "succeed")]).await;
    while seen.last() != Some(&42) {
        seen.extend(calls.next_numbers().await);
    }
    process.stop().await;
    assert!(vhost.peek(QUEUE.name).await.is_empty(), "everything is acked");
    assert_eq!(vhost.peek(DEAD_LETTERS).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_ack_comes_again_after_a_lost_connection() {
    let (vhost, process) = running().await;
    let (handler, mut calls) = Orders::<8>::new();
    process.broker.consume(Patient(handler));
    publish(&process.broker, &[order(1, "succeed")]).await;
    assert!(!calls.next().await[0].redelivered);
    eventually_within(Duration::from_secs(30), "the connection is listed and closed", async || {
        (vhost.close_connections("crm-resources consume").await > 0).then_some(())
    })
    .await;
    let again = calls.next().await;
    assert_eq!((again[0].message.number, again[0].redelivered), (1, true));
    process.stop().await;
    assert!(vhost.peek(QUEUE.name).await.is_empty(), "everything is acked");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_come_whole_and_few_at_a_time() {
    const LARGE: usize = 600_000;
    let (_vhost, process) = running().await;
    let mut window = vec![order(0, "wait")];
    for number in 1..=6 {
        let body = json!({"number": number, "padding": "x".repeat(LARGE)}).to_string();
        window.push(OutboundMessage { payload: body.into(), ..order(number, "succeed") });
    }
    publish(&process.broker, &window).await;
    let (handler, mut calls) = Orders::<8>::new();
    process.broker.consume(handler);
    let mut seen = Vec::new();
    calls.permits.add_permits(1);
    while seen.len() < window.len() {
        let batch = calls.next().await;
        let large = batch.iter().filter(|incoming| incoming.payload.len() > LARGE).count();
        assert!(large <= 2, "{large} of 600 kB at once, where a megabyte is enough");
        seen.extend(batch.into_iter().map(|incoming| incoming.payload));
    }
    assert!(seen.iter().zip(&window).all(|(seen, sent)| seen == &sent.payload));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_with_its_facts() {
    let (_vhost, process) = running().await;
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    let message = order(7, "succeed");
    publish(&process.broker, std::slice::from_ref(&message)).await;
    let batch = calls.next().await;
    let incoming = &batch[0];
    assert_eq!(incoming.message.number, 7);
    assert_eq!(incoming.payload, message.payload);
    assert_eq!(incoming.message_id, message.message_id);
    assert_eq!(incoming.kind.as_deref(), Some("order.placed"));
    assert_eq!(incoming.traceparent.as_deref(), Some(TRACEPARENT));
    assert_eq!(incoming.attempt, 1);
    assert!(!incoming.redelivered);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_message_is_handled_as_it_was_and_counts_for_what_it_is() {
    let (vhost, process) = running().await;
    let (handler, mut calls) = Orders::<16>::new();
    process.broker.consume(handler);
    publish(&process.broker, &[order(0, "wait")]).await;
    assert_eq!(calls.next_numbers().await, [0]);
    let (messages, bodies): (Vec<_>, Vec<_>) =
        (1..=4).map(|number| large_order(number, "succeed", 600_000)).unzip();
    publish(&process.broker, &messages).await;
    let unknown = json!({"message_id": new_id().to_string(), "content_encoding": "br"});
    vhost.publish("", QUEUE.name, unknown, r#"{"number": 5}"#).await;
    calls.permits.add_permits(1);
    // A batch is bounded by what its bodies take when they are decoded, not by what came over the wire.
    let mut handled = calls.next().await;
    assert_eq!(handled.len(), 2);
    handled.extend(calls.next().await);
    let handled: Vec<_> = handled.into_iter().map(|incoming| incoming.payload).collect();
    assert_eq!(handled, bodies);
    let dead = lying(&vhost, DEAD_LETTERS, 1).await;
    assert_eq!(kinds(&dead), ["undecodable"]);
    assert_eq!(dead[0].properties["content_encoding"], "br");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_failure_climbs_the_ladder_and_is_dead_after_the_fourth_attempt() {
    let (vhost, process) = running().await;
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    let message = order(1, "fail_for_now");
    publish(&process.broker, std::slice::from_ref(&message)).await;
    for attempt in 1..=4 {
        let batch = calls.next().await;
        assert_eq!(batch[0].attempt, attempt);
        assert_eq!(batch[0].message_id, message.message_id);
        assert_eq!(batch[0].traceparent.as_deref(), Some(TRACEPARENT));
    }
    let dead = lying(&vhost, DEAD_LETTERS, 1).await;
    assert_eq!(kinds(&dead), ["exhausted"]);
    assert_eq!(dead[0].header("x-attempts"), 4);
    assert_eq!(dead[0].header("x-error"), "the moon is full");
    process.stop().await;
    for step in ["10s", "1m", "10m"] {
        assert!(vhost.peek(&QUEUE.retry_queue(step)).await.is_empty());
    }
    assert!(vhost.peek(QUEUE.name).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_messages_are_dead_lettered_with_a_reason_and_their_batch_goes_on() {
    let (vhost, process) = running().await;
    publish(&process.broker, &[order(0, "wait")]).await;
    let mut succeeding = Vec::new();
    for (number, act) in [(1, "succeed"), (2, "fail_for_good"), (3, "panic"), (4, "succeed")] {
        publish(&process.broker, &[order(number, act)]).await;
        if act == "succeed" {
            succeeding.push(number);
        }
    }
    let unreadable = r#"{"number": "Jane Doe <jane@example.com>"}"#;
    vhost.publish("", QUEUE.name, bare(&new_id().to_string()), unreadable).await;
    vhost.publish("", QUEUE.name, bare(&new_id().to_string()), "not json").await;
    vhost.publish("", QUEUE.name, json!({"type": "order.placed"}), r#"{"number": 5}"#).await;
    vhost.publish("", QUEUE.name, bare("not-a-uuid"), r#"{"number": 6}"#).await;
    publish(&process.broker, &[order(7, "succeed")]).await;
    succeeding.push(7);

    let (handler, mut calls) = Orders::<16>::new();
    process.broker.consume(handler);
    let mut alone = BTreeMap::<u32, usize>::new();
    calls.permits.add_permits(100);
    let dead = eventually("six dead letters", async || {
        while let Ok(batch) = calls.calls.try_recv() {
            if let [incoming] = batch.as_slice() {
                *alone.entry(incoming.message.number).or_default() += 1;
            }
        }
        let dead = vhost.peek(DEAD_LETTERS).await;
        (dead.len() == 6).then_some(dead)
    })
    .await;
    assert_eq!(
        kinds(&dead),
        ["panic", "permanent", "undecodable", "undecodable", "undecodable", "undecodable"]
    );
    for letter in &dead {
        assert_eq!(letter.header("x-first-queue"), QUEUE.name);
        assert_eq!(letter.header("x-attempts"), 1);
        let error = letter.header("x-error").as_str().expect("x-error");
        assert!(!error.is_empty() && !error.contains("Jane"), "{error}");
    }
    process.stop().await;
    assert!(vhost.peek(QUEUE.name).await.is_empty(), "the others are acked");
    assert!(alone.values().all(|count| *count <= 2), "{alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_keeps_the_story_of_its_message() {
    let (vhost, process) = running().await;
    let (handler, _calls) = Orders::<1>::new();
    process.broker.consume(handler);
    let message = order(1, "fail_for_good");
    publish(&process.broker, std::slice::from_ref(&message)).await;
    let dead = lying(&vhost, DEAD_LETTERS, 1).await;
    let properties = &dead[0].properties;
    assert_eq!(dead[0].payload.as_bytes(), message.payload);
    assert_eq!(dead[0].message_id(), message.message_id.to_string());
    assert_eq!(properties["type"], "order.placed");
    assert_eq!(properties["content_type"], "application/json");
    assert_eq!(properties["app_id"], "crm-resources");
    assert_eq!(properties["delivery_mode"], 2);
    assert!(properties["timestamp"].is_u64());
    assert_eq!(dead[0].header("traceparent"), TRACEPARENT);
    assert_eq!(dead[0].header("tenant"), "acme");
    assert_eq!(dead[0].header("x-error"), "no such customer");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_a_dependency_holds_messages_and_uses_up_nothing() {
    let (vhost, process) = running().await;
    let (handler, mut calls) = Orders::<4>::new();
    process.broker.consume(handler);
    publish(&process.broker, &[order(1, "depend"), order(2, "succeed")]).await;
    let mut tries = 0;
    while tries < 4 {
        let batch = calls.next().await;
        if batch.iter().any(|incoming| incoming.message.number == 1) {
            assert!(batch.iter().all(|incoming| incoming.attempt == 1 && !incoming.redelivered));
            tries += 1;
        }
    }
    assert!(process.problems().is_empty(), "the consumer itself is well");
    assert!(vhost.peek(DEAD_LETTERS).await.is_empty());
    assert!(vhost.peek(&QUEUE.retry_queue("10s")).await.is_empty());
    // A message that comes now is handled after what is held.
    publish(&process.broker, &[order(3, "succeed")]).await;
    calls.permits.add_permits(1);
    while !calls.next_numbers().await.contains(&3) {}
    process.stop().await;
    assert!(vhost.peek(QUEUE.name).await.is_empty(), "everything is acked");
    assert!(vhost.peek(DEAD_LETTERS).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_dead_letter_cannot_be_confirmed_is_held_until_it_can() {
    let (vhost, process) = running().await;
    vhost.delete_queue(DEAD_LETTERS).await;
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    publish(&process.broker, &[order(1, "fail_for_good")]).await;
    calls.next().await;
    vhost.apply(TOPOLOGY).await;
    let dead = lying(&vhost, DEAD_LETTERS, 1).await;
    assert_eq!(kinds(&dead), ["permanent"]);
    assert!(calls.calls.try_recv().is_err(), "the handler was called once");
    process.stop().await;
    assert!(vhost.peek(QUEUE.name).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_finishes_the_batch_in_hand_and_leaves_the_rest() {
    let (vhost, process) = running().await;
    publish(&process.broker, &[order(1, "wait"), order(2, "succeed"), order(3, "succeed")]).await;
    let (handler, mut calls) = Orders::<1>::new();
    process.broker.consume(handler);
    assert_eq!(calls.next_numbers().await, [1]);
    process.begin_shutdown();
    calls.permits.add_permits(1);
    process.stop().await;
    let mut left: Vec<_> = vhost.peek(QUEUE.name).await.into_iter().map(|message| message.payload).collect();
    left.sort_unstable();
    assert_eq!(left, [r#"{"number":2,"act":"succeed"}"#, r#"{"number":3,"act":"succeed"}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_gives_back_what_is_held() {
    let (vhost, process) = running().await;
    let (handler, mut calls) = Orders::<2>::new();
    process.broker.consume(handler);
    publish(&process.broker, &[order(1, "depend")]).await;
    calls.next().await;
    calls.next().await;
    process.stop().await;
    lying(&vhost, QUEUE.name, 1).await;
    assert!(vhost.peek(DEAD_LETTERS).await.is_empty());
}
