//! Receivers that mean harm: each answer takes its slot for no longer than the budget, and memory for no more than
//! what is read of an answer.

use crate::harness::Harness;
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::receiver::{Receiver, Reply};

const BUDGET: Duration = Duration::from_secs(1);
/// Deliveries to each receiver: all that may be on their way at once.
const AT_ONCE: usize = 16;
/// What all of them together may take: what is read of an answer, and the buffers of both ends, which are in this
/// process.
const FLAT: u64 = 96 * 1024;

/// Between two pieces of what comes fast: eight megabytes a second from each connection, and the machine can still do
/// something else.
const FLOOD: Duration = Duration::from_millis(1);

const CHUNKED: &str = "HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n";

fn endless(head: &[u8], again: &[u8], pause: Duration) -> Reply {
    Reply::Endless { head: head.to_vec(), again: again.to_vec(), pause }
}

/// Gzip of zeros without an end: thirteen bytes for 2,064.
fn bomb() -> Reply {
    let mut head = b"HTTP/1.1 200 -\r\ncontent-type: text/plain\r\ncontent-encoding: gzip\r\n\r\n".to_vec();
    head.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0x62, 0x18, 0x05]);
    let zeros = [0xa3, 0x60, 0x14, 0x8c, 0x82, 0x51, 0x30, 0x0a, 0x46, 0xc1, 0x28, 0x18, 0x05];
    endless(&head, &zeros.repeat(630), FLOOD)
}

/// What an attack looks like, and what its delivery has come to.
fn attacks() -> Vec<(&'static str, Reply, &'static str, &'static str)> {
    let (drop_by_drop, flood) = (Duration::from_millis(20), FLOOD);
    let wide = format!("x-flood: {}\r\n", "a".repeat(8_000));
    let chunk = format!("1f40\r\n{}\r\n", "a".repeat(8_000));
    let timeout = "no answer within 1000 ms";
    vec![
        ("a body that drips", endless(CHUNKED.as_bytes(), b"1\r\n.\r\n", drop_by_drop), "pending", timeout),
        ("a body without an end", endless(CHUNKED.as_bytes(), chunk.as_bytes(), flood), "delivered", ""),
        (
            "a body of a terabyte",
            endless(b"HTTP/1.1 200 -\r\ncontent-length: 1099511627776\r\n\r\n", &[b'a'; 8_000], flood),
            "delivered",
            "",
        ),
        ("a gzip bomb", bomb(), "delivered", ""),
        ("a flood of headers", endless(b"HTTP/1.1 200 -\r\n", wide.as_bytes(), flood), "pending", ""),
        ("headers that drip", endless(b"HTTP/1.1 200 -\r\n", b"x: y\r\n", drop_by_drop), "pending", timeout),
        ("a head that never begins", endless(b"", b"\r\n", drop_by_drop), "pending", ""),
        ("interim answers alone", endless(b"", b"HTTP/1.1 103 -\r\n\r\n", drop_by_drop), "pending", timeout),
        ("noise", endless(b"", &[0xff; 8_000], flood), "pending", ""),
    ]
}

/// The most memory that this process has had so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_answer_frees_its_slot_within_the_budget_and_takes_no_memory() {
    let mut harness = Harness::start_with(|settings| settings.delivery.response_budget = BUDGET).await;
    let attacks = attacks();
    let mut receivers = Vec::new();
    for (_, reply, ..) in &attacks {
        let receiver = Receiver::start().await;
        receiver.always(reply.clone());
        let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
        receivers.push((receiver, made));
    }
    for _ in 0..AT_ONCE {
        harness.publish(&harness.lead_created()).await;
    }
    let all = AT_ONCE * attacks.len();
    harness.wait_for_deliveries(i64::try_from(all).unwrap()).await;

    let (before, began) = (peak(), Instant::now());
    harness.deliver().await;
    let (grown, took) = (peak() - before, began.elapsed());
    assert!(took < BUDGET * 10, "{all} deliveries took {took:?}");
    assert!(grown < FLAT, "{all} deliveries took {grown} KiB");
    for ((name, _, status, error), (receiver, made)) in attacks.iter().zip(&receivers) {
        assert_eq!(receiver.received().len(), AT_ONCE, "{name}");
        for delivery in harness.log(made).await {
            assert_eq!(delivery["status"], json!(status), "{name}: {delivery}");
            assert!(delivery["error"].as_str().unwrap_or("").starts_with(error), "{name}: {delivery}");
        }
    }
    // The slots are free: whoever behaves from now on gets everything.
    for (receiver, _) in &receivers {
        receiver.always(Reply::Status(200));
    }
    for _ in 0..4 {
        harness.deliver_after(60).await;
    }
    assert_eq!(harness.deliveries("state = 1").await, i64::try_from(all).unwrap());
}
