//! Looking at dead letters and sending them back, with the process gone at the worst moments.

use crate::harness::{DEAD_LETTERS, Process, QUEUE, TOPOLOGY, large_order, publish};
use bytes::Bytes;
use platform::messaging::OutboundMessage;
use platform_broker::dead_letters::{DeadLetter, DeadLetters, Marks, Walk};
use std::time::Duration;
use testkit::broker::{QueuedMessage, TestBroker};
use testkit::eventually;
use uuid::Uuid;

const NOW: Duration = Duration::ZERO;

async fn broker_with(letters: u128) -> (TestBroker, DeadLetters) {
    let broker = TestBroker::start().await;
    broker.apply(TOPOLOGY).await;
    let headers = [
        ("x-error", "no"),
        ("x-error-kind", "permanent"),
        ("x-attempt", "4"),
        ("x-attempts", "4"),
        ("tenant-id", "t"),
    ];
    let letter = |number| OutboundMessage {
        message_id: Uuid::from_u128(number),
        exchange: "",
        routing_key: DEAD_LETTERS.to_owned(),
        kind: "order.created".to_owned(),
        content_type: "application/json",
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        payload: Bytes::from(format!("{{\"n\":{number}}}")),
    };
    let process = Process::start(&broker.settings());
    process.ready().await;
    publish(&process.broker, &(1..=letters).map(letter).collect::<Vec<_>>()).await;
    process.stop().await;
    let operator = connect(&broker).await;
    (broker, operator)
}

async fn connect(broker: &TestBroker) -> DeadLetters {
    DeadLetters::connect(&broker.settings(), "operator").await.expect("connection")
}

/// The next so many letters of a walk.
async fn next(walk: &mut Walk, count: usize) -> Vec<DeadLetter> {
    let mut letters = Vec::new();
    while letters.len() < count {
        match walk.next().await.expect("next letter") {
            Some(letter) => letters.push(letter),
            None => break,
        }
    }
    letters
}

async fn look(operator: &DeadLetters, count: usize) -> Vec<u128> {
    let mut walk = operator.walk(DEAD_LETTERS).await.expect("walk");
    let letters = next(&mut walk, count).await;
    walk.finish().await.expect("end of the walk");
    letters.iter().map(number).collect()
}

fn number(letter: &DeadLetter) -> u128 {
    letter.message_id().expect("message id").parse::<Uuid>().expect("uuid").as_u128()
}

fn numbers(messages: &[QueuedMessage]) -> Vec<u128> {
    let mut numbers: Vec<_> = messages
        .iter()
        .map(|message| message.message_id().parse::<Uuid>().expect("uuid").as_u128())
        .collect();
    numbers.sort_unstable();
    numbers
}

async fn depth(operator: &DeadLetters, queue: &str) -> u32 {
    operator.depth(queue).await.expect("depth").expect("queue").messages
}

fn marks() -> Marks {
    Marks { by: "ada".to_owned(), run: "run-1".to_owned() }
}

#[tokio::test]
async fn looking_at_some_or_all_leaves_every_letter_where_it_lay() {
    // More than two consumers of a walk hold.
    let (_broker, operator) = broker_with(1_100).await;
    let all: Vec<_> = (1..=1_100).collect();
    for count in [10, 3, 1_100, 1, 600, 1_100] {
        assert_eq!(look(&operator, count).await, all[..count], "a look at {count}");
    }
    assert_eq!(depth(&operator, DEAD_LETTERS).await, 1_100);
}

#[tokio::test]
async fn what_is_taken_out_is_gone_and_the_rest_is_there() {
    let (_broker, operator) = broker_with(1_100).await;
    let mut walk = operator.walk(DEAD_LETTERS).await.expect("walk");
    let mut odd = Vec::new();
    while let Some(letter) = walk.next().await.expect("next letter") {
        if number(&letter) % 2 == 1 {
            odd.push(letter);
        }
        if walk.is_full() || walk.left() == 0 {
            walk.remove(&odd).await.expect("removed");
            odd.clear();
        }
    }
    walk.finish().await.expect("end of the walk");
    let even: Vec<_> = (1..=1_100).filter(|number| number % 2 == 0).collect();
    let mut left = look(&operator, 1_100).await;
    left.sort_unstable();
    assert_eq!(left, even);
}

#[tokio::test]
async fn a_payload_is_replaced_and_everything_else_of_the_letter_stays() {
    let (broker, operator) = broker_with(2).await;
    let mut walk = operator.walk(DEAD_LETTERS).await.expect("walk");
    let first = next(&mut walk, 1).await.remove(0);
    walk.replace(vec![(first, b"{}".to_vec())]).await.expect("replaced");
    walk.finish().await.expect("end of the walk");
    let letters = broker.take(DEAD_LETTERS).await;
    assert_eq!(numbers(&letters), [1, 2]);
    let replaced = letters.iter().find(|letter| letter.payload == "{}").expect("the replaced letter");
    assert_eq!(replaced.header("x-error-kind"), "permanent");
    assert_eq!(replaced.properties["type"], "order.created");
}

#[tokio::test]
async fn a_compressed_letter_is_shown_as_it_was_and_stays_compressed() {
    let (broker, operator) = broker_with(0).await;
    let process = Process::start(&broker.settings());
    process.ready().await;
    let (order, body) = large_order(1, "succeed", 20_000);
    let letter = OutboundMessage { exchange: "", routing_key: DEAD_LETTERS.to_owned(), ..order };
    publish(&process.broker, &[letter]).await;
    process.stop().await;
    let mut walk = operator.walk(DEAD_LETTERS).await.expect("walk");
    let first = next(&mut walk, 1).await.remove(0);
    assert_eq!(first.payload(), body);
    walk.replace(vec![(first, b"{\"number\":2}".to_vec())]).await.expect("replaced");
    walk.finish().await.expect("end of the walk");
    let letters = broker.take(DEAD_LETTERS).await;
    assert_eq!(letters[0].payload, "{\"number\":2}");
    assert_eq!(letters[0].properties["content_encoding"], "zstd");
}

#[tokio::test]
async fn one_at_a_time_works_on_a_queue_and_a_killed_one_makes_room_at_once() {
    let (broker, first) = broker_with(5).await;
    let second = connect(&broker).await;
    let lock = first.lock(DEAD_LETTERS, NOW).await.expect("lock").expect("free");
    assert!(second.lock(DEAD_LETTERS, NOW).await.expect("lock").is_none());
    lock.release().await.expect("release");
    let lock = first.lock(DEAD_LETTERS, NOW).await.expect("lock").expect("free again");
    let mut walk = first.walk(DEAD_LETTERS).await.expect("walk");
    next(&mut walk, 3).await;
    drop((walk, lock, first));
    let held = second.lock(DEAD_LETTERS, Duration::from_secs(10)).await.expect("lock");
    assert!(held.is_some());
    assert_eq!(depth(&second, DEAD_LETTERS).await, 5, "what the first held is back before the second begins");
}

#[tokio::test]
async fn a_replayed_message_begins_anew_and_says_who_replayed_it() {
    let (broker, operator) = broker_with(3).await;
    let mut replay = operator.replay(QUEUE.name).await.expect("replay");
    assert!(replay.plan().is_none());
    replay.begin(b"the plan".to_vec()).await.expect("begun");
    let mut walk = operator.walk(DEAD_LETTERS).await.expect("walk");
    let letters = next(&mut walk, 2).await;
    replay.pass(&mut walk, &letters, &marks()).await.expect("passed");
    walk.finish().await.expect("end of the walk");
    replay.end().await.expect("ended");
    eventually("two messages", async || (depth(&operator, QUEUE.name).await == 2).then_some(())).await;
    let replayed = broker.take(QUEUE.name).await;
    assert_eq!(numbers(&replayed), [1, 2]);
    for message in &replayed {
        assert_eq!(message.header("x-replayed-by"), "ada");
        assert_eq!(message.header("x-replay-run"), "run-1");
        assert!(message.header("x-replay-of").is_string());
        assert_eq!(message.header("tenant-id"), "t");
        assert!(message.header("x-attempt").is_null() && message.header("x-error").is_null());
    }
    assert_eq!(look(&operator, 9).await, [3]);
    assert_eq!(depth(&operator, &format!("{}.replay", QUEUE.name)).await, 0);
}

/// The two moments at which a process that is killed leaves something half-done.
#[tokio::test]
async fn killed_before_or_after_the_letters_are_acked_each_is_replayed_once() {
    for acked in [false, true] {
        let (broker, operator) = broker_with(6).await;
        let mut replay = operator.replay(QUEUE.name).await.expect("replay");
        replay.begin(b"the plan".to_vec()).await.expect("begun");
        let mut walk = operator.walk(DEAD_LETTERS).await.expect("walk");
        let letters = next(&mut walk, 4).await;
        replay.stage(&letters[1..], &marks()).await.expect("staged");
        if acked {
            walk.remove(&letters[1..]).await.expect("removed");
        }
        drop((walk, replay, operator, letters));

        let operator = connect(&broker).await;
        let lock = operator.lock(DEAD_LETTERS, Duration::from_secs(10)).await.expect("lock").expect("free");
        let mut replay = operator.replay(QUEUE.name).await.expect("replay");
        assert_eq!(replay.plan(), Some(&b"the plan"[..]), "acked: {acked}");
        assert_eq!(replay.waiting(), 3);
        let walk = operator.walk(DEAD_LETTERS).await.expect("walk");
        assert_eq!(replay.go_on(walk).await.expect("gone on"), 3);
        let mut walk = operator.walk(DEAD_LETTERS).await.expect("walk");
        let rest = next(&mut walk, 9).await;
        assert_eq!(rest.iter().map(number).collect::<Vec<_>>(), [1, 5, 6], "acked: {acked}");
        replay.pass(&mut walk, &rest[1..], &marks()).await.expect("passed");
        walk.finish().await.expect("end of the walk");
        replay.end().await.expect("ended");
        lock.release().await.expect("release");

        eventually("five messages", async || (depth(&operator, QUEUE.name).await == 5).then_some(())).await;
        assert_eq!(numbers(&broker.take(QUEUE.name).await), [2, 3, 4, 5, 6]);
        assert_eq!(look(&operator, 9).await, [1]);
    }
}
