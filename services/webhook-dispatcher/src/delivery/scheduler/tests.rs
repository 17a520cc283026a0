//! Tests of the scheduler.

use super::*;
use crate::delivery::window::LEAST;
use crate::domain::event::tests::event;
use crate::store::deliveries::DueDelivery;
use chrono::TimeDelta;
use std::sync::Arc;
use uuid::Uuid;

fn subscription(number: u128) -> SubscriptionId {
    SubscriptionId::new(Uuid::from_u128(number))
}

fn due(subscription_number: u128, number: u128) -> Due {
    let key = DeliveryKey {
        event: EventId::new(Uuid::from_u128(number)),
        subscription: subscription(subscription_number),
    };
    Due {
        delivery: DueDelivery::first(key),
        event: Arc::new(event(1, "/leadwire/lead-intake", "lead.created")),
    }
}

fn scheduler(in_flight: usize, per_subscription: usize) -> Scheduler {
    Scheduler::new(Limits { in_flight, in_flight_per_subscription: per_subscription })
}

fn fill(scheduler: &mut Scheduler, subscription_number: u128, count: u128) {
    scheduler.mark(subscription(subscription_number));
    let asked = begin(scheduler);
    scheduler.end_refill(&asked, (1..=count).map(|number| due(subscription_number, number)).collect());
}

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn start(scheduler: &mut Scheduler) -> Option<Due> {
    scheduler.start(NOW, |_| Some(None))
}

fn begin(scheduler: &mut Scheduler) -> Vec<(SubscriptionId, usize)> {
    scheduler.begin_refill(NOW, |_| true)
}

fn end(scheduler: &mut Scheduler, number: u128) {
    scheduler.end(subscription(number), Health::Well, NOW);
}

fn settle(scheduler: &mut Scheduler, sent: &Due) {
    scheduler.settle(sent.delivery.key, None, Instant::now());
}

fn started(scheduler: &mut Scheduler) -> Vec<u128> {
    std::iter::from_fn(|| start(scheduler))
        .map(|due| due.delivery.key.subscription.as_uuid().as_u128())
        .collect()
}

#[test]
fn subscriptions_take_turns_within_their_caps() {
    let mut scheduler = scheduler(100, 3);
    fill(&mut scheduler, 1, 10);
    fill(&mut scheduler, 2, 2);
    assert_eq!(started(&mut scheduler), [1, 2, 1, 2, 1]);
    end(&mut scheduler, 1);
    assert_eq!(started(&mut scheduler), [1]);
}

#[test]
fn the_global_cap_holds() {
    let mut scheduler = scheduler(4, 16);
    fill(&mut scheduler, 1, 10);
    assert_eq!(started(&mut scheduler).len(), 4);
    assert_eq!(scheduler.in_flight(), 4);
}

#[test]
fn what_is_in_hand_is_not_taken_in_twice() {
    let mut scheduler = scheduler(100, 16);
    fill(&mut scheduler, 1, 3);
    fill(&mut scheduler, 1, 3);
    assert_eq!(scheduler.rows(), 3);
    assert_eq!(started(&mut scheduler).len(), 3);
}

#[test]
fn what_was_settled_while_a_refill_was_reading_is_not_sent_again() {
    let mut scheduler = scheduler(100, 16);
    fill(&mut scheduler, 1, 1);
    let sent = start(&mut scheduler).unwrap();
    scheduler.mark(subscription(1));
    let asked = begin(&mut scheduler);
    assert_eq!(asked, [(subscription(1), LEAST)]);
    end(&mut scheduler, 1);
    settle(&mut scheduler, &sent);
    scheduler.end_refill(&asked, vec![due(1, 1)]);
    assert_eq!((started(&mut scheduler).len(), scheduler.rows()), (0, 0));
}

#[test]
fn a_full_window_is_refilled_when_half_of_it_is_settled() {
    let mut scheduler = scheduler(1_000, 1_000);
    fill(&mut scheduler, 1, 64);
    scheduler.mark(subscription(1));
    assert!(begin(&mut scheduler).is_empty());
    let sent: Vec<_> = std::iter::from_fn(|| start(&mut scheduler)).collect();
    for due in &sent[..31] {
        settle(&mut scheduler, due);
    }
    assert!(begin(&mut scheduler).is_empty());
    settle(&mut scheduler, &sent[31]);
    assert_eq!(begin(&mut scheduler), [(subscription(1), LEAST)]);
}

#[test]
fn a_retry_becomes_due_at_its_time_and_the_earliest_counts() {
    let mut scheduler = scheduler(100, 16);
    let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
    scheduler.mark_at(subscription(1), at(20));
    scheduler.mark_at(subscription(1), at(10));
    scheduler.mark_at(subscription(1), at(30));
    assert_eq!(scheduler.next_time(), Some(at(10)));
    scheduler.ripen(at(9));
    assert!(begin(&mut scheduler).is_empty());
    scheduler.ripen(at(10));
    assert_eq!(begin(&mut scheduler), [(subscription(1), LEAST)]);
    assert_eq!(scheduler.next_time(), None);
}

#[test]
fn a_lost_shard_keeps_only_what_is_on_its_way() {
    let mut scheduler = scheduler(1, 16);
    fill(&mut scheduler, 1, 3);
    let sent = start(&mut scheduler).unwrap();
    scheduler.keep(Shards::NONE);
    assert_eq!((scheduler.rows(), scheduler.busy()), (1, Shards::one(1)));
    end(&mut scheduler, 1);
    settle(&mut scheduler, &sent);
    assert_eq!((scheduler.rows(), scheduler.busy()), (0, Shards::NONE));
}

#[test]
fn a_subscription_that_may_not_start_loses_what_it_has_ready() {
    let mut scheduler = scheduler(100, 16);
    fill(&mut scheduler, 1, 3);
    assert!(scheduler.start(NOW, |_| None).is_none());
    assert_eq!(scheduler.rows(), 0);
}

#[test]
fn a_rate_holds_one_subscription_back_and_no_other() {
    let mut scheduler = scheduler(100, 16);
    fill(&mut scheduler, 1, 3);
    fill(&mut scheduler, 2, 3);
    let limited = |id| Some((id == subscription(1)).then(|| NonZeroU32::new(2)).flatten());
    let mut numbers = |now| -> Vec<u128> {
        scheduler.ripen(now);
        std::iter::from_fn(|| scheduler.start(now, limited))
            .map(|due| due.delivery.key.subscription.as_uuid().as_u128())
            .collect()
    };
    assert_eq!(numbers(NOW), [1, 2, 2, 2]);
    assert_eq!(numbers(NOW + TimeDelta::milliseconds(499)), Vec::<u128>::new());
    assert_eq!(numbers(NOW + TimeDelta::milliseconds(500)), [1]);
    assert_eq!(numbers(NOW + TimeDelta::seconds(5)), [1]);
    assert_eq!(scheduler.next_time(), None);
}

#[test]
fn a_receiver_that_only_fails_gives_its_room_back_and_is_probed_by_one() {
    let mut scheduler = scheduler(100, 10);
    fill(&mut scheduler, 1, 20);
    let sent: Vec<_> = std::iter::from_fn(|| start(&mut scheduler)).collect();
    assert_eq!(sent.len(), 10);
    for due in &sent {
        scheduler.end(subscription(1), Health::Ill, NOW);
        settle(&mut scheduler, due);
    }
    assert_eq!((started(&mut scheduler).len(), scheduler.rows()), (0, 0));
    let probe = NOW + TimeDelta::seconds(10);
    // What comes meanwhile is not read, but for ending it.
    scheduler.mark(subscription(1));
    assert!(begin(&mut scheduler).is_empty());
    assert_eq!(scheduler.next_time(), Some(probe));
    scheduler.ripen(probe);
    let asked = scheduler.begin_refill(probe, |_| true);
    scheduler.end_refill(&asked, (21..=25).map(|number| due(1, number)).collect());
    let at_once: Vec<_> = std::iter::from_fn(|| scheduler.start(probe, |_| Some(None))).collect();
    assert_eq!(at_once.len(), 1);
    scheduler.end(subscription(1), Health::Well, probe);
    assert_eq!(std::iter::from_fn(|| scheduler.start(probe, |_| Some(None))).count(), 4);
}

#[test]
fn what_was_just_made_is_sent_without_being_read_once() {
    let mut scheduler = scheduler(100, 16);
    let (since, now) = (Instant::now(), Instant::now());
    scheduler.offer(due(1, 1), since, (NOW, now));
    scheduler.offer(due(1, 1), since, (NOW, now));
    assert!(begin(&mut scheduler).is_empty());
    let sent = start(&mut scheduler).unwrap();
    assert!(start(&mut scheduler).is_none());
    // Read besides, sent and settled in the meantime: it comes too late.
    settle(&mut scheduler, &sent);
    scheduler.offer(due(1, 1), since, (NOW, now));
    assert!(start(&mut scheduler).is_none());
    assert_eq!(begin(&mut scheduler), [(subscription(1), LEAST)]);
}

#[test]
fn what_was_just_made_does_not_go_before_what_waits_in_the_database() {
    let mut scheduler = scheduler(100, 16);
    fill(&mut scheduler, 1, 64);
    let now = Instant::now();
    scheduler.offer(due(1, 100), now, (NOW, now));
    assert_eq!(scheduler.rows(), 64);
    let sent: Vec<_> = std::iter::from_fn(|| start(&mut scheduler)).collect();
    settle(&mut scheduler, &sent[0]);
    scheduler.offer(due(1, 101), now, (NOW, now));
    assert_eq!(scheduler.rows(), 63);
}

#[test]
fn a_fast_receiver_gets_a_larger_window_and_loses_it_when_it_slows_down() {
    let mut scheduler = scheduler(10_000, 10_000);
    let start_at = Instant::now();
    let settle_many = |scheduler: &mut Scheduler, at: u64, numbers: std::ops::Range<u128>| {
        for number in numbers {
            let at = start_at + std::time::Duration::from_millis(at);
            scheduler.settle(due(1, number).delivery.key, None, at);
        }
    };
    let size = |scheduler: &mut Scheduler| {
        scheduler.mark(subscription(1));
        let asked = begin(scheduler);
        scheduler.end_refill(&asked, Vec::new());
        asked[0].1
    };
    fill(&mut scheduler, 1, 1);
    settle_many(&mut scheduler, 0, 0..200);
    assert_eq!(size(&mut scheduler), LEAST);
    settle_many(&mut scheduler, 260, 200..201);
    assert_eq!(size(&mut scheduler), 200);
    settle_many(&mut scheduler, 520, 201..202);
    assert_eq!(size(&mut scheduler), LEAST);
}
