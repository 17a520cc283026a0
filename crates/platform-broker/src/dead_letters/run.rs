//! Carrying a replay out: everything that its plan means, at a rate, until it is done or told to stop.

use super::{DeadLetter, DeadLetters, Facts, Filter, Marks, Replay};
use crate::error::BrokerError;
use chrono::{DateTime, Utc};
use contracts::topology::WorkQueue;
use platform::lifecycle::Shutdown;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// The most that is under way at once.
const BATCH: u32 = 100;
/// With a rate, this many batches a second.
const BATCHES: f64 = 10.0;
/// The broker takes messages away from who holds them for half an hour; what is not meant is held meanwhile.
const SESSION: Duration = Duration::from_mins(10);

/// What a replay does. It lies in the replay's queue until the replay has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub run: String,
    /// Who wanted it.
    pub by: String,
    pub started: DateTime<Utc>,
    pub filter: Filter,
}

impl Plan {
    /// What died after the replay began is not meant, and what it has replayed itself least of all.
    pub fn wants(&self, letter: &DeadLetter, facts: &Facts) -> bool {
        letter.replay_run().as_ref() != Some(&self.run)
            && facts.died.is_none_or(|died| died <= self.started)
            && self.filter.wants(facts)
    }
}

/// What a replay has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It begins to go through the queue, which has so many letters.
    Walk(u32),
    /// A letter was looked at.
    Look,
    /// So many more letters are back at work.
    Move(usize),
}

/// Replays everything that a plan means, and ends it. With the lock of the dead-letter queue. A replay that is told to
/// stop comes back: nothing of it is half-done, and whether its plan stays is up to the caller.
///
/// # Errors
/// When the connection is lost; to be gone on with by whoever finds the plan.
pub async fn carry_out(
    letters: &DeadLetters,
    queue: WorkQueue,
    mut replay: Replay,
    plan: &Plan,
    rate: Option<f64>,
    stop: &Shutdown,
    mut tell: impl FnMut(Step),
) -> Result<Option<Replay>, BrokerError> {
    let dead = queue.dead_letter_queue();
    let marks = Marks { by: plan.by.clone(), run: plan.run.clone() };
    let mut pace = Pace::new(rate);
    loop {
        if replay.waiting() > 0 {
            tell(Step::Move(replay.go_on(letters.walk(&dead).await?).await?));
        }
        let mut walk = letters.walk(&dead).await?;
        tell(Step::Walk(walk.left()));
        let began = Instant::now();
        let mut batch = Vec::new();
        let ended = loop {
            let next = walk.next().await?;
            tell(Step::Look);
            let end = next.is_none();
            batch.extend(next.filter(|letter| plan.wants(letter, &Facts::of(letter))));
            if !batch.is_empty() && (end || batch.len() >= pace.batch || walk.is_full()) {
                if !pace.wait(batch.len(), stop).await {
                    break false;
                }
                replay.pass(&mut walk, &batch, &marks).await?;
                tell(Step::Move(batch.len()));
                batch.clear();
            }
            if end || stop.has_begun() || began.elapsed() >= SESSION {
                break end;
            }
        };
        walk.finish().await?;
        if ended {
            replay.end().await?;
            return Ok(None);
        }
        if stop.has_begun() {
            return Ok(Some(replay));
        }
        replay.pause().await?;
        replay = letters.replay(queue.name).await?;
    }
}

/// How many letters there are, and events in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub letters: u64,
    pub events: u64,
}

/// What of a locked queue is wanted.
///
/// # Errors
/// When the connection is lost.
pub async fn count(
    letters: &DeadLetters,
    queue: &str,
    wanted: impl Fn(&DeadLetter, &Facts) -> bool,
) -> Result<Counted, BrokerError> {
    let mut walk = letters.walk(queue).await?;
    let mut count = Counted::default();
    while let Some(letter) = walk.next().await? {
        let facts = Facts::of(&letter);
        if wanted(&letter, &facts) {
            count.letters += 1;
            count.events += facts.size();
        }
    }
    walk.finish().await?;
    Ok(count)
}

/// Keeps to a rate.
struct Pace {
    rate: Option<f64>,
    batch: usize,
    next: Instant,
}

impl Pace {
    fn new(rate: Option<f64>) -> Self {
        let wanted = rate.map_or(f64::from(BATCH), |rate| rate / BATCHES);
        let batch = (1..=BATCH).rev().find(|size| f64::from(*size) <= wanted).unwrap_or(1);
        Self { rate, batch: usize::try_from(batch).unwrap_or(1), next: Instant::now() }
    }

    /// Waits until so many more may go. False when it is told to stop.
    async fn wait(&mut self, count: usize, stop: &Shutdown) -> bool {
        let Some(rate) = self.rate else { return !stop.has_begun() };
        let rest = self.next.saturating_duration_since(Instant::now());
        if stop.has_begun() || !(rest.is_zero() || stop.sleep(rest).await) {
            return false;
        }
        let count = f64::from(u32::try_from(count).unwrap_or(BATCH));
        self.next = Instant::now() + Duration::from_secs_f64(count / rate);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_rate_takes_small_batches() {
        for (rate, batch) in [(None, 100), (Some(50.0), 5), (Some(0.5), 1), (Some(100_000.0), 100)] {
            assert_eq!(Pace::new(rate).batch, batch, "{rate:?}");
        }
    }
}
