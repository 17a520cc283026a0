//! Replays of the broker's dead letters as they are asked for: begun, cancelled, resumed. Who carries them out is in
//! `carry_out_replays`.

use super::change::Change;
use super::look_at_dead_letters::DeadLetterQueue;
use crate::domain::audit::named;
use crate::domain::client::Paging;
use crate::domain::replay::{Replay, ReplayState};
use crate::state::State;
use crate::store::replays;
use platform_broker::dead_letters::Filter;
use platform_pg::{StoreError, begin_reading};
use serde_json::json;
use uuid::Uuid;

/// Why a replay is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("there is no such queue of dead letters")]
    NoSuchQueue,
    #[error("there is no such replay of this queue")]
    NoSuchReplay,
    #[error("events that no queue wanted have none to go back to")]
    Unrouted,
    #[error("a replay of this queue is under way: wait for its end, or cancel it")]
    UnderWay,
    #[error("the replay has come to its end")]
    Ended,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Begins one; the change says who asked for it.
pub async fn begin(
    change: &mut Change<'_>,
    queue: DeadLetterQueue,
    filter: Filter,
    rate: Option<f64>,
) -> Result<Replay, ReplayError> {
    let work = queue.work.ok_or(ReplayError::Unrouted)?;
    let now = change.state.clock.now();
    let replay = Replay {
        id: change.state.ids.at(now),
        queue: work.name.to_owned(),
        filter,
        rate,
        state: ReplayState::Queued,
        total: None,
        moved: 0,
        error: None,
        requested_by: named("client", change.caller.client_id),
        created_at: now,
        updated_at: now,
        ended_at: None,
    };
    replays::insert(&mut change.transaction, &replay).await.map_err(under_way)?;
    record(change, "dlq.replay_started", &replay).await?;
    Ok(replay)
}

/// Has one stop as soon as nothing is half-done. Safe to repeat.
pub async fn cancel(change: &mut Change<'_>, queue: &str, id: Uuid) -> Result<Replay, ReplayError> {
    use ReplayState as S;
    let replay = hold(change, queue, id).await?;
    let next = match replay.state {
        S::Cancelling | S::Cancelled => return Ok(replay),
        S::Completed => return Err(ReplayError::Ended),
        S::Queued | S::Failed => S::Cancelled,
        S::Running => S::Cancelling,
    };
    set(change, replay, next, "dlq.replay_cancelled").await
}

/// Has one go on that was cancelled or has failed, with the filter that it was begun with. Safe to repeat.
pub async fn resume(change: &mut Change<'_>, queue: &str, id: Uuid) -> Result<Replay, ReplayError> {
    use ReplayState as S;
    let replay = hold(change, queue, id).await?;
    match replay.state {
        S::Queued | S::Running => Ok(replay),
        S::Completed => Err(ReplayError::Ended),
        S::Cancelling => Err(ReplayError::UnderWay),
        S::Cancelled | S::Failed => set(change, replay, S::Queued, "dlq.replay_resumed").await,
    }
}

/// One of a queue.
pub async fn find_replay(state: &State, queue: &str, id: Uuid) -> Result<Replay, ReplayError> {
    let mut transaction = begin_reading(&state.database).await.map_err(StoreError::from)?;
    replays::find(&mut transaction, queue, id).await?.ok_or(ReplayError::NoSuchReplay)
}

/// A page of those of a queue, newest first, and how many there are.
pub async fn list_replays(
    state: &State,
    queue: &str,
    paging: Paging,
) -> Result<(Vec<Replay>, i64), ReplayError> {
    let mut transaction = begin_reading(&state.database).await.map_err(StoreError::from)?;
    Ok(replays::list(&mut transaction, queue, paging).await?)
}

async fn hold(change: &mut Change<'_>, queue: &str, id: Uuid) -> Result<Replay, ReplayError> {
    replays::hold(&mut change.transaction, queue, id).await?.ok_or(ReplayError::NoSuchReplay)
}

async fn set(
    change: &mut Change<'_>,
    replay: Replay,
    next: ReplayState,
    action: &str,
) -> Result<Replay, ReplayError> {
    let now = change.state.clock.now();
    replays::set_state(&mut change.transaction, replay.id, next, now).await.map_err(under_way)?;
    record(change, action, &replay).await?;
    replays::find(&mut change.transaction, &replay.queue, replay.id).await?.ok_or(ReplayError::NoSuchReplay)
}

async fn record(change: &mut Change<'_>, action: &str, replay: &Replay) -> Result<(), StoreError> {
    let said = json!({
        "run": replay.id,
        "filter": replay.filter,
        "ratePerSecond": replay.rate,
        "total": replay.total,
        "moved": replay.moved,
    });
    change.record_of_platform(action, named("queue", &replay.queue), said).await
}

fn under_way(error: StoreError) -> ReplayError {
    if error.violates(replays::UNDER_WAY) { ReplayError::UnderWay } else { error.into() }
}
