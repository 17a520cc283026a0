//! Counting answered requests and writing the counts down, without any request waiting for it.
//!
//! Counts are added up in memory and written every half second, in numbered batches. A batch whose outcome is
//! unknown is written again under its number until the database has said what became of it; meanwhile the
//! meter counts on, within its bounds. A process that is killed loses what it has not written.

use crate::domain::usage::{Consumer, Counted, Meter, Tally};
use crate::settings::UsageSettings;
use crate::store::usage;
use contracts::routes::Route;
use platform::clock::Clock;
use platform::lifecycle::{Process, Shutdown};
use platform_pg::{StoreError, within};
use sqlx::PgPool;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

/// Rows of one batch.
const BATCH: usize = 2_000;
/// The shortest time between two writes.
const SHORTEST: Duration = Duration::from_millis(10);
/// For the last batches of a process that is stopping.
const LAST_LIMIT: Duration = Duration::from_secs(8);
const LAST_TRIES: Duration = Duration::from_millis(200);

/// Counts answers that are in no figure.
const LOST: &str = "leadwire_usage_lost_total";
/// Counts tries to write that failed.
const FAILURES: &str = "leadwire_usage_write_failures_total";

/// Counts an answer. One for which there is no room is lost, and counted as such.
pub fn count(
    meter: &Meter,
    clock: &Clock,
    consumer: Consumer,
    route: &Route,
    status: u16,
    latency: Duration,
) {
    let now = clock.now();
    if !meter.count(Counted::at(consumer, route, status, now), latency, now) {
        lost(1);
    }
}

/// Starts a meter whose counts are written until the last request has been answered.
pub fn start(database: &PgPool, settings: &UsageSettings, process: &Process) -> Arc<Meter> {
    metrics::describe_counter!(LOST, "answered requests that are not in the figures of usage");
    metrics::describe_counter!(FAILURES, "tries to write figures of usage that failed");
    let meter = Arc::new(Meter::new(settings.capacity));
    let writer = Writer {
        meter: meter.clone(),
        database: database.clone(),
        clock: process.clock.clone(),
        id: process.ids.at(process.clock.now()),
        sequence: 0,
        waiting: VecDeque::new(),
        failing: false,
        timeout: settings.write_timeout,
    };
    let every = settings.write_every.max(SHORTEST);
    process.tasks.spawn("usage", writer.run(every, process.shutdown.clone()));
    meter
}

fn lost(requests: u64) {
    metrics::counter!(LOST).increment(requests);
}

/// Rows that are written together, once.
#[derive(Debug)]
struct Batch {
    sequence: i64,
    rows: Vec<(Counted, Tally)>,
}

/// Writes the counts of one process, one batch after the other.
struct Writer {
    meter: Arc<Meter>,
    database: PgPool,
    clock: Clock,
    /// Of this process, new with each.
    id: Uuid,
    sequence: i64,
    /// What was taken from the meter and may or may not be written.
    waiting: VecDeque<Batch>,
    failing: bool,
    /// For one try of a batch.
    timeout: Duration,
}

impl Writer {
    async fn run(mut self, every: Duration, shutdown: Shutdown) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.write_or_warn().await,
                () = shutdown.requests_ended() => break,
            }
        }
        self.write_last().await;
    }

    /// Writes what failed before, and then what the last requests have counted.
    async fn write_last(&mut self) {
        let until = Instant::now() + LAST_LIMIT;
        let mut tries = interval(LAST_TRIES);
        while self.has_more() && Instant::now() < until {
            tries.tick().await;
            self.write_or_warn().await;
        }
        let left = self.meter.take();
        let waiting = self.waiting.iter().flat_map(|batch| &batch.rows).map(|(_, tally)| tally.requests);
        let requests: u64 = left.values().map(|tally| tally.requests).chain(waiting).sum();
        if requests > 0 {
            tracing::error!(requests, "usage: not written before the end of the process");
            lost(requests);
        }
    }

    /// Whether anything is to be written. Takes from the meter only when nothing waits, so that no more is
    /// held in memory than the meter holds, twice.
    fn has_more(&mut self) -> bool {
        if self.waiting.is_empty() {
            let mut rows: Vec<_> = self.meter.take().into_iter().collect();
            while !rows.is_empty() {
                let rest = rows.split_off(rows.len().min(BATCH));
                self.sequence += 1;
                self.waiting.push_back(Batch { sequence: self.sequence, rows });
                rows = rest;
            }
        }
        !self.waiting.is_empty()
    }

    async fn write_or_warn(&mut self) {
        if !self.has_more() {
            return;
        }
        match self.write_waiting().await {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("usage: written again");
                }
            }
            Err(error) => {
                metrics::counter!(FAILURES).increment(1);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(
                        error = platform_http::edge::chain(&error),
                        "usage: not written, trying again"
                    );
                }
            }
        }
    }

    async fn write_waiting(&mut self) -> Result<(), StoreError> {
        while let Some(batch) = self.waiting.front() {
            let now = self.clock.now();
            let written = usage::write(&self.database, self.id, batch.sequence, &batch.rows, now);
            within(self.timeout, written).await?;
            self.waiting.pop_front();
        }
        Ok(())
    }
}
