//! When each lead of a measurement was sent, answered and received, by its number, which is the second half of its
//! `correlation_id`.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// What is written down of one lead: microseconds since the book was begun, 0 for what has not happened.
struct Entry {
    sent: AtomicU64,
    answered: AtomicU64,
    received: Vec<AtomicU64>,
    /// How many endpoints lack it still.
    missing: AtomicU32,
}

/// The books of one measurement.
pub(in crate::bench) struct Book {
    run: u64,
    begun: Instant,
    entries: Vec<Entry>,
    next: AtomicUsize,
    answered: AtomicUsize,
    deliveries: AtomicUsize,
    complete: AtomicUsize,
    again: AtomicUsize,
    /// Who waits for room on the way: a place is given back with the last delivery of a lead.
    pub(in crate::bench) places: Semaphore,
}

/// Delays of a measurement in milliseconds, shortest first.
pub(in crate::bench) struct Delays(Vec<f64>);

impl Delays {
    pub(in crate::bench) fn percentile(&self, percent: usize) -> f64 {
        assert!(!self.0.is_empty(), "nothing was measured");
        self.0[(self.0.len() - 1) * percent / 100]
    }

    pub(in crate::bench) fn longest(&self) -> f64 {
        self.percentile(100)
    }
}

impl Book {
    /// Of so many leads for so many endpoints, of which at most `places` are on their way at once.
    pub(in crate::bench) fn new(leads: usize, endpoints: usize, places: usize) -> Self {
        let none = || AtomicU64::new(0);
        let entry = |_| Entry {
            sent: none(),
            answered: none(),
            received: (0..endpoints).map(|_| none()).collect(),
            missing: AtomicU32::new(u32::try_from(endpoints).unwrap()),
        };
        Self {
            run: testkit::unique_id().as_u64_pair().1,
            begun: Instant::now(),
            entries: (0..leads).map(entry).collect(),
            next: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            deliveries: AtomicUsize::new(0),
            complete: AtomicUsize::new(0),
            again: AtomicUsize::new(0),
            places: Semaphore::new(places),
        }
    }

    /// The body of the lead of a number.
    pub(in crate::bench) fn lead(&self, number: usize) -> Value {
        let mut lead = crate::partner::lead();
        lead["correlation_id"] = json!(Uuid::from_u64_pair(self.run, number as u64));
        lead
    }

    pub(in crate::bench) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of the next lead to send; `None` after the last.
    pub(in crate::bench) fn take(&self) -> Option<usize> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.entries.len()).then_some(number)
    }

    /// It is sent, or was to be sent, at a moment.
    pub(in crate::bench) fn sent(&self, number: usize, at: Instant) {
        self.entries[number].sent.store(self.micros(at), Ordering::Relaxed);
    }

    pub(in crate::bench) fn answered(&self, number: usize) {
        self.entries[number].answered.store(self.micros(Instant::now()), Ordering::Relaxed);
        self.answered.fetch_add(1, Ordering::AcqRel);
    }

    /// An endpoint has got a lead of some book.
    pub(in crate::bench) fn received(&self, endpoint: usize, correlation_id: Uuid) {
        let (run, number) = correlation_id.as_u64_pair();
        let entry = usize::try_from(number).ok().and_then(|number| self.entries.get(number));
        let Some(entry) = entry.filter(|_| run == self.run) else { return };
        let Some(received) = entry.received.get(endpoint) else { return };
        if received.swap(self.micros(Instant::now()), Ordering::AcqRel) != 0 {
            self.again.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.deliveries.fetch_add(1, Ordering::AcqRel);
        if entry.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.complete.fetch_add(1, Ordering::AcqRel);
            self.places.add_permits(1);
        }
    }

    /// So many were answered.
    pub(in crate::bench) fn accepted(&self) -> usize {
        self.answered.load(Ordering::Acquire)
    }

    /// So many have reached an endpoint.
    pub(in crate::bench) fn deliveries(&self) -> usize {
        self.deliveries.load(Ordering::Acquire)
    }

    /// So many came more than once.
    pub(in crate::bench) fn again(&self) -> usize {
        self.again.load(Ordering::Relaxed)
    }

    /// Waits until every accepted lead has reached every endpoint.
    pub(in crate::bench) async fn completed(&self, limit: Duration) {
        testkit::eventually_within(limit, "every accepted lead at every endpoint", async || {
            (self.complete.load(Ordering::Acquire) >= self.accepted()).then_some(())
        })
        .await;
    }

    /// From the moment that a lead was sent, or was to be sent, to its answer.
    pub(in crate::bench) fn to_the_answer(&self) -> Delays {
        self.delays(|entry| vec![&entry.answered])
    }

    /// To each of some endpoints.
    pub(in crate::bench) fn to_the_endpoints(&self, endpoints: std::ops::Range<usize>) -> Delays {
        self.delays(|entry| entry.received[endpoints.clone()].iter().collect())
    }

    fn delays(&self, until: impl Fn(&Entry) -> Vec<&AtomicU64>) -> Delays {
        let mut delays = Vec::new();
        for entry in &self.entries {
            let sent = entry.sent.load(Ordering::Relaxed);
            let ends = until(entry).into_iter().map(|end| end.load(Ordering::Acquire));
            delays.extend(ends.filter(|end| sent != 0 && *end != 0).map(|end| {
                let micros = u32::try_from(end.saturating_sub(sent)).unwrap_or(u32::MAX);
                f64::from(micros) / 1_000.0
            }));
        }
        delays.sort_by(f64::total_cmp);
        Delays(delays)
    }

    /// From the begin of the book to the first and the last delivery.
    pub(in crate::bench) fn first_and_last(&self) -> (Instant, Instant) {
        let times = self.entries.iter().flat_map(|entry| &entry.received);
        let times = times.map(|time| time.load(Ordering::Acquire)).filter(|time| *time != 0);
        let (first, last) =
            times.fold((u64::MAX, 0), |(first, last), time| (first.min(time), last.max(time)));
        let at = |micros| self.begun + Duration::from_micros(micros);
        (at(first.min(last)), at(last))
    }

    /// At least 1: 0 is never.
    fn micros(&self, at: Instant) -> u64 {
        let micros = at.saturating_duration_since(self.begun).as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX).max(1)
    }
}
