//! What makes runs go on: takes those that are due, a bounded number at once, and takes their steps. Any number of
//! replicas share the work; what a dead one held is taken over when its lease is over.

use crate::domain::run::Run;
use crate::state::State;
use crate::store::runs;
use crate::usecases::take_step::take_step;
use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use platform::lifecycle::Shutdown;
use platform_pg::bounded::{LIMIT, within};
use std::pin::pin;
use std::time::Duration;
use uuid::Uuid;

/// Runs at once.
const MOST: usize = 16;
const PURGE_INTERVAL: Duration = Duration::from_mins(10);
const PURGE_BATCH: i64 = 1_000;
/// How long a finished run is kept.
const RETENTION: TimeDelta = TimeDelta::days(30);

/// Takes steps until the shutdown begins, and ends those that it is at.
pub async fn run(state: State, poll_interval: Duration, shutdown: Shutdown) {
    let token = state.ids.at(state.clock.now());
    let mut at_work = FuturesUnordered::new();
    while !shutdown.has_begun() {
        let room = MOST - at_work.len();
        if room > 0 {
            let mut taking = pin!(take(&state, token, room));
            // Those at work go on meanwhile: they may hold every connection that this one waits for.
            let taken = loop {
                tokio::select! {
                    taken = &mut taking => break taken,
                    _ = at_work.next(), if !at_work.is_empty() => {}
                }
            };
            at_work.extend(taken.into_iter().map(|run| go(&state, run, token, &shutdown)));
        }
        tokio::select! {
            _ = at_work.next(), if !at_work.is_empty() => {}
            () = state.wake.notified() => {}
            _ = shutdown.sleep(poll_interval) => {}
        }
    }
    while at_work.next().await.is_some() {}
}

async fn take(state: &State, token: Uuid, room: usize) -> Vec<Run> {
    let now = state.clock.now();
    let most = i64::try_from(room).unwrap_or(1);
    match within(LIMIT, runs::take(&state.database, token, now, now + state.lease, most)).await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::warn!(%error, "no runs of automations taken, trying again");
            Vec::new()
        }
    }
}

/// Takes steps while they are due.
async fn go(state: &State, run: Run, token: Uuid, shutdown: &Shutdown) {
    let mut next = Some(run);
    while let Some(run) = next {
        let id = run.id;
        next = match take_step(state, run, token, !shutdown.has_begun()).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, run = %id, "a step was not taken, the run is taken again");
                None
            }
        };
    }
}

/// Deletes runs that were finished long ago, until the shutdown.
pub async fn purge_regularly(state: State, shutdown: Shutdown) {
    while shutdown.sleep(PURGE_INTERVAL).await {
        let before = state.clock.now() - RETENTION;
        loop {
            match within(LIMIT, runs::purge(&state.database, before, PURGE_BATCH)).await {
                Ok(purged) if purged == PURGE_BATCH.unsigned_abs() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "old runs are not purged, trying again");
                    break;
                }
            }
        }
    }
}
