//! Sending dead letters back to work, and deleting them.

use super::broker::{dead_letter_queue, lock, work_queue};
use super::{Answer, Connections, Replay as Wish};
use crate::audit::{Auditing, warn};
use crate::output::Format;
use crate::progress;
use anyhow::{Context, bail};
use contracts::topology::WorkQueue;
use indicatif::ProgressBar;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::lifecycle::Shutdown;
use platform_broker::dead_letters::{
    Counted, DeadLetter, DeadLetters, Facts, Filter, Plan, Replay, Step, carry_out, count,
};
use serde_json::json;

/// How many letters are deleted at once.
const BATCH: usize = 100;

/// Replays what the wish means of a queue.
pub async fn replay(
    connections: &Connections,
    queue: &str,
    filter: Filter,
    wish: Wish,
) -> anyhow::Result<Answer> {
    let work = work_queue(queue)?;
    let (queue, dead) = (work.name, work.dead_letter_queue());
    let letters = connections.broker().await?;
    let held = lock(&letters, &dead).await?;
    if wish.dry_run {
        let wanted = |_: &DeadLetter, facts: &Facts| filter.wants(facts);
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
            let plan = Plan { run, by: journal.operator(), started: now, filter };
            let document = json!({"run": plan.run, "filter": plan.filter, "ratePerSecond": wish.rate});
            journal.note("dlq.replay_started", target.clone(), document).await?;
            replay.begin(serde_json::to_vec(&plan)?).await?;
            plan
        }
    };
    let replayed = all(&letters, work, replay, &plan, wish.rate).await?;
    let document = json!({"queue": queue, "run": plan.run, "replayed": replayed, "resumed": wish.resume});
    journal.note("dlq.replayed", target, document.clone()).await?;
    held.release().await?;
    letters.close_connection().await;
    let people = || format!("replayed {replayed} dead letter(s) of {queue}\n");
    Ok(Answer::good(wish.format.answer(&document, people)))
}

/// Replays everything that the plan means, with a bar for whoever waits.
async fn all(
    letters: &DeadLetters,
    queue: WorkQueue,
    replay: Replay,
    plan: &Plan,
    rate: Option<f64>,
) -> anyhow::Result<usize> {
    let (mut replayed, mut bar) = (0, None);
    let tell = |step| match step {
        Step::Walk(left) => bar = Some(progress::bar(left.into(), "replaying")),
        Step::Look => bar.iter().for_each(|bar| bar.inc(1)),
        Step::Move(count) => replayed += count,
    };
    carry_out(letters, queue, replay, plan, rate, &Shutdown::new(), tell).await?;
    bar.iter().for_each(ProgressBar::finish_and_clear);
    Ok(replayed)
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
    let wanted = |_: &DeadLetter, facts: &Facts| filter.wants(facts);
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
        batch.extend(next.filter(|letter| wanted(letter, &Facts::of(letter))));
        if end || batch.len() >= BATCH || walk.is_full() {
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
