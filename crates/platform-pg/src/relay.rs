//! From the outbox to the broker: a relay that publishes what was just committed, and a sweeper that picks up
//! what a crash or an outage left.
//!
//! A row is deleted only after the broker has confirmed its message, many rows at a time; a message may
//! therefore be published twice, always with the same `message_id`. HTTP never waits for either.
//!
//! # Order
//!
//! One relay publishes on one channel, window after window, each in the order of its outbox numbers. Writers
//! that take the aggregate's row lock before they insert into the outbox get numbers in the order of their
//! commits; so the events of one aggregate leave in the order of `aggregateversion` while they pass through
//! one process that hands over after each commit, and nothing fails.
//!
//! Not promised: order between replicas; across a failed or unknown publish (later windows go on, the sweeper
//! brings the earlier one after); across a hand-over that found the relay full; and between two requests
//! whose hand-overs were so far apart that the later commit's window had left already. Consumers therefore
//! ignore a version that is older than what they know.

use crate::bounded::{LIMIT, within};
use crate::error::StoreError;
use crate::outbox::OutboxEntry;
use crate::parcels::Parcels;
use crate::sweeper::Sweeper;
use platform::lifecycle::{Shutdown, Tasks};
use platform::messaging::Publish;
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Committed events that may wait for the relay. What does not fit is left to the sweeper.
const CAPACITY: usize = 16_384;
/// The bytes of their payloads that may wait: some are batches of hundreds of kilobytes.
const BYTES: usize = 64 * 1024 * 1024;

/// A window begins no sooner than this after the last one began, so that a busy relay publishes and deletes in
/// windows worth their round trips; the first message after a pause leaves at once.
const PACE: Duration = Duration::from_millis(4);
/// The same where a message carries hundreds of events: so many in a second that somebody waits for one of them are
/// rare.
const PACE_OF_BATCHES: Duration = Duration::from_millis(20);
/// How long the first of a window waits for others where nobody waits for it: one message with the events of several
/// commits costs the broker, and whoever reads them, hardly more than one with a single event.
const LINGER: Duration = Duration::from_millis(50);
/// The most events of a window. They make fewer messages.
const WINDOW: usize = 1_024;
/// How long, and how many, published rows wait to be deleted together. A crash publishes them again.
const DELETE_AFTER: Duration = Duration::from_millis(200);
const DELETE_AT: usize = 1_024;

/// The entrance to the relay.
#[derive(Clone, Debug)]
pub struct Relay {
    sender: mpsc::Sender<OutboxEntry>,
    waiting: Arc<AtomicUsize>,
}

impl Relay {
    /// Starts relay and sweeper for the outbox of this pool's schema. What was committed leaves at once.
    pub fn start<P: Publish>(pool: &PgPool, publisher: P, tasks: &Tasks, shutdown: &Shutdown) -> Self {
        Self::with((Duration::ZERO, PACE), pool, publisher, tasks, shutdown)
    }

    /// The same for messages of many events each: when there is more than one of them in 20 ms, they leave together.
    pub fn of_batches<P: Publish>(pool: &PgPool, publisher: P, tasks: &Tasks, shutdown: &Shutdown) -> Self {
        Self::with((Duration::ZERO, PACE_OF_BATCHES), pool, publisher, tasks, shutdown)
    }

    /// The same for events that are not urgent: they leave in company, at most 50 ms later.
    pub fn lingering<P: Publish>(pool: &PgPool, publisher: P, tasks: &Tasks, shutdown: &Shutdown) -> Self {
        Self::with((LINGER, PACE), pool, publisher, tasks, shutdown)
    }

    fn with<P: Publish>(
        (linger, pace): (Duration, Duration),
        pool: &PgPool,
        publisher: P,
        tasks: &Tasks,
        shutdown: &Shutdown,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let (publisher, waiting) = (Arc::new(publisher), Arc::default());
        let window = Window { linger, receiver, entries: Vec::new(), until: Instant::now() };
        let relay =
            relay(pool.clone(), publisher.clone(), window, pace, Arc::clone(&waiting), shutdown.clone());
        tasks.spawn("relay", relay);
        tasks.spawn("sweeper", Sweeper::new(pool.clone(), publisher).run(shutdown.clone()));
        Self { sender, waiting }
    }

    /// Hands over what was just committed. Never waits: the rows are safe where they are.
    pub fn hand_over(&self, entries: impl IntoIterator<Item = OutboxEntry>) {
        for entry in entries {
            let bytes = entry.event.payload.len();
            let room = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= BYTES;
            if !room || self.sender.try_send(entry).is_err() {
                self.waiting.fetch_sub(bytes, Ordering::Relaxed);
                metrics::counter!("leadwire_outbox_left_to_sweeper_total").increment(1);
            }
        }
    }
}

/// What leaves together.
struct Window {
    linger: Duration,
    receiver: mpsc::Receiver<OutboxEntry>,
    entries: Vec<OutboxEntry>,
    /// When the first of the entries has waited long enough.
    until: Instant,
}

impl Window {
    /// Waits for the first entry and for its company. When it is not waited for to the end, it goes on from there.
    async fn fill(&mut self) {
        if self.entries.is_empty() {
            self.receiver.recv_many(&mut self.entries, WINDOW).await;
            self.until = Instant::now() + self.linger;
        }
        while !self.linger.is_zero() && self.entries.len() < WINDOW {
            let room = WINDOW - self.entries.len();
            let more = self.receiver.recv_many(&mut self.entries, room);
            if !matches!(tokio::time::timeout_at(self.until, more).await, Ok(1..)) {
                break;
            }
        }
    }
}

async fn relay<P: Publish>(
    pool: PgPool,
    publisher: Arc<P>,
    mut window: Window,
    pace: Duration,
    waiting: Arc<AtomicUsize>,
    shutdown: Shutdown,
) {
    let mut published = Vec::new();
    let mut delete_at = Instant::now();
    loop {
        tokio::select! {
            () = window.fill() => {}
            () = tokio::time::sleep_until(delete_at), if !published.is_empty() => {
                forget(&pool, &mut published).await;
                continue;
            }
            () = shutdown.requests_ended() => {
                // What is committed is safe; publish what fits into the drain all the same.
                window.receiver.close();
                let room = WINDOW.saturating_sub(window.entries.len());
                window.receiver.recv_many(&mut window.entries, room).await;
            }
        }
        let window = std::mem::take(&mut window.entries);
        if window.is_empty() {
            forget(&pool, &mut published).await;
            return;
        }
        let began = Instant::now();
        let bytes: usize = window.iter().map(|entry| entry.event.payload.len()).sum();
        let is_full = window.len() == WINDOW;
        let confirmed = Parcels::pack(window).publish(&*publisher).await;
        waiting.fetch_sub(bytes, Ordering::Relaxed);
        if published.is_empty() {
            delete_at = Instant::now() + DELETE_AFTER;
        }
        published.extend(confirmed);
        if published.len() >= DELETE_AT {
            forget(&pool, &mut published).await;
        }
        if !is_full {
            shutdown.sleep(pace.saturating_sub(began.elapsed())).await;
        }
    }
}

/// Deletes what the broker has.
async fn forget(pool: &PgPool, published: &mut Vec<i64>) {
    if let Err(error) = within(LIMIT, delete(pool, published)).await {
        tracing::warn!(%error, "outbox: published rows stay for the sweeper");
    }
    published.clear();
}

pub(crate) async fn delete<'e>(database: impl sqlx::PgExecutor<'e>, seqs: &[i64]) -> Result<(), StoreError> {
    if !seqs.is_empty() {
        sqlx::query("delete from outbox where seq = any($1)").bind(seqs).execute(database).await?;
    }
    Ok(())
}
