//! Sending dead letters back to work, and deleting them.

use super::broker::{dead_letter_queue, lock, work_queue};
use super::select::{Facts, Filter};
use super::{Answer, Connections, Replay as Wish};
use crate::audit::{Auditing, warn};
use crate::output::Format;
use crate::progress;
use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use platform::clock::Clock;
use platform::ids::IdSource;
use platform_broker::dead_letters::{DeadLetter, DeadLetters, Marks, Replay};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The most that is under way at once.
const BATCH: u32 = 100;
/// With a rate, this many batches a second.
const BATCHES: f64 = 10.0;
/// The broker takes messages away from who holds them for half an hour; what is not meant is held meanwhile.
const SESSION: Duration = Duration::from_mins(10);

/// What a replay does. It lies in the replay's queue until the replay has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    run: String,
    by: String,
    started: DateTime<Utc>,
    filter: Filter,
}

impl Plan {
    /// What died after the replay began is not meant, and what it has replayed itself least of all.
    fn wants(&self, letter: &DeadLetter) -> bool {
        let facts = Facts::of(letter);
        letter.replay_run().as_ref() != Some(&self.run)
            && facts.died.is_none_or(|died| died <= self.started)
            && self.filter.wants(&facts)
    }
}

/// Replays what the wish means of a queue.
pub async fn replay(connections: &Connections, queue: &str, wish: Wish) -> anyhow::Result<Answer> {
    let queue = work_queue(queue)?.name;
    let dead = dead_letter_queue(queue)?;
    let letters = connections.broker().await?;
    let held = lock(&letters, &dead).await?;
    if wish.dry_run {
        let wanted = |facts: &Facts| wish.filter.wants(facts);
        let Counted { letters: count, events } = count(&letters, &dead, wanted).await?;
        held.release().await?;
        let document = json!({"queue": queue, "wouldReplay": count, "events": events});
        let people = || format!("would replay {count} dead letter(s) of {queue}, {events} event(s)\n");
        return Ok(Answer::good(wish.format.answer(&document, people)));
    }
    let journal = wish.auditing.journal()?;
    let target = format!("queue:{queue}");
    let mut replay = letters.replay(queue).await?;
    let left_over = replay.waiting();
    let plan = match replay.plan() {
        Some(plan) if wish.resume => {
            let plan: Plan = serde_json::from_slice(plan).context("the plan of the replay is damaged")?;
            warn(&format!(
                "going on with the replay that {} began at {}: {}",
                plan.by,
                plan.started,
                plan.filter.line()
            ));
            plan
        }
        Some(_) => bail!("a replay of {queue} was interrupted: the same with --resume goes on with it"),
        None if wish.resume && left_over == 0 => {
            bail!("no replay of {queue} was interrupted: leave --resume out to begin one")
        }
        None => {
            let now = Clock::system().now();
            let run = IdSource::random().at(now).to_string();
            let plan = Plan { run, by: journal.operator(), started: now, filter: wish.filter.clone() };
            let document = json!({"run": plan.run, "filter": plan.filter, "ratePerSecond": wish.rate});
            journal.note("dlq.replay_started", target.clone(), document).await?;
            replay.begin(serde_json::to_vec(&plan)?).await?;
            plan
        }
    };
    let replayed = all(&letters, queue, replay, &plan, wish.rate).await?;
    let document = json!({"queue": queue, "run": plan.run, "replayed": replayed, "resumed": wish.resume});
    journal.note("dlq.replayed", target, document.clone()).await?;
    held.release().await?;
    letters.close_connection().await;
    let people = || format!("replayed {replayed} dead letter(s) of {queue}\n");
    Ok(Answer::good(wish.format.answer(&document, people)))
}

/// Replays everything that the plan means, and ends it.
async fn all(
    letters: &DeadLetters,
    queue: &str,
    mut replay: Replay,
    plan: &Plan,
    rate: Option<f64>,
) -> anyhow::Result<u64> {
    let dead = dead_letter_queue(queue)?;
    let marks = Marks { by: plan.by.clone(), run: plan.run.clone() };
    let mut replayed = 0;
    let mut pace = Pace::new(rate);
    loop {
        if replay.waiting() > 0 {
            let sent = replay.go_on(letters.walk(&dead).await?).await?;
            replayed += u64::try_from(sent)?;
        }
        let mut walk = letters.walk(&dead).await?;
        let bar = progress::bar(walk.left().into(), "replaying");
        let began = Instant::now();
        let mut batch = Vec::new();
        let ended = loop {
            let next = walk.next().await?;
            bar.inc(1);
            let end = next.is_none();
            batch.extend(next.filter(|letter| plan.wants(letter)));
            if !batch.is_empty() && (end || batch.len() >= pace.batch || walk.is_full()) {
                pace.wait(batch.len()).await;
                replay.pass(&mut walk, &batch, &marks).await?;
                replayed += u64::try_from(batch.len())?;
                batch.clear();
            }
            if end || began.elapsed() >= SESSION {
                break end;
            }
        };
        walk.finish().await?;
        bar.finish_and_clear();
        if ended {
            replay.end().await?;
            return Ok(replayed);
        }
        replay.pause().await?;
        replay = letters.replay(queue).await?;
    }
}

/// Deletes what the filter means, when it is confirmed.
pub async fn purge(
    connections: &Connections,
    queue: &str,
    filter: &Filter,
    confirmed: Option<&Auditing>,
    format: Format,
) -> anyhow::Result<Answer> {
    let dead = dead_letter_queue(queue)?;
    let letters = connections.broker().await?;
    let held = lock(&letters, &dead).await?;
    let wanted = |facts: &Facts| filter.wants(facts);
    let Some(auditing) = confirmed else {
        let Counted { letters: count, events } = count(&letters, &dead, wanted).await?;
        held.release().await?;
        let document = json!({"queue": dead, "wouldPurge": count, "events": events});
        let people = || {
            format!(
                "would delete {count} dead letter(s) of {dead}, {events} event(s), for good: --confirm does\n"
            )
        };
        return Ok(Answer { text: format.answer(&document, people), good: false });
    };
    let journal = auditing.journal()?;
    let target = format!("queue:{dead}");
    journal.note("dlq.purge_started", target.clone(), json!({"filter": filter})).await?;
    let mut walk = letters.walk(&dead).await?;
    let bar = progress::bar(walk.left().into(), "purging");
    let (mut purged, mut batch) = (0_u64, Vec::new());
    loop {
        let next = walk.next().await?;
        bar.inc(1);
        let end = next.is_none();
        batch.extend(next.filter(|letter| wanted(&Facts::of(letter))));
        if end || batch.len() >= size(BATCH) || walk.is_full() {
            walk.remove(&batch).await?;
            purged += u64::try_from(batch.len())?;
            batch.clear();
        }
        if end {
            break;
        }
    }
    walk.finish().await?;
    bar.finish_and_clear();
    let document = json!({"queue": dead, "filter": filter, "purged": purged});
    journal.note("dlq.purged", target, document.clone()).await?;
    held.release().await?;
    letters.close_connection().await;
    let people = || format!("deleted {purged} dead letter(s) of {dead}\n");
    Ok(Answer::good(format.answer(&document, people)))
}

/// How many letters there are, and events in them.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    letters: u64,
    events: u64,
}

/// What of a locked queue is wanted.
async fn count(
    letters: &DeadLetters,
    queue: &str,
    wanted: impl Fn(&Facts) -> bool,
) -> anyhow::Result<Counted> {
    let mut walk = letters.walk(queue).await?;
    let mut count = Counted::default();
    while let Some(letter) = walk.next().await? {
        let facts = Facts::of(&letter);
        if wanted(&facts) {
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
        Self { rate, batch: size(batch), next: Instant::now() }
    }

    /// Waits until so many more may go.
    async fn wait(&mut self, count: usize) {
        let Some(rate) = self.rate else { return };
        sleep_until(self.next).await;
        self.next =
            Instant::now() + Duration::from_secs_f64(f64::from(u32::try_from(count).unwrap_or(BATCH)) / rate);
    }
}

fn size(batch: u32) -> usize {
    usize::try_from(batch).unwrap_or(usize::MAX)
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
