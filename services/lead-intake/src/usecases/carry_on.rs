//! Taking leads that wait for HubSpot, and keeping what came of it. Calls nobody: the orchestrator does,
//! between these transactions.

use super::change_status::{ChangeStatusError, apply_outcomes, change_status};
use crate::domain::life_cycle::Change;
use crate::domain::orchestration::{Lease, Task};
use crate::state::State;
use crate::store::orchestrations::{self, Postponed};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, LeadId};
use platform_pg::StoreError;
use std::collections::{HashMap, HashSet};

/// What came of a call, lead by lead.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Go on with their next step, which they already name.
    pub advanced: Vec<Task>,
    /// HubSpot has everything of them.
    pub upserted: Vec<Task>,
    /// Are put back, to be tried another time.
    pub postponed: Vec<Postponed>,
    /// HubSpot will not have them, for these reasons.
    pub refused: Vec<(EventId, String)>,
}

/// Takes leads that are due.
pub async fn take(state: &State, lease: Lease, limit: usize) -> Result<Vec<Task>, StoreError> {
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let tasks = orchestrations::claim(&mut transaction, lease, state.clock.now(), limit).await?;
    transaction.commit().await?;
    Ok(tasks)
}

/// Keeps what came of a call. Answers with the leads to go on with: one that somebody else has taken since is
/// not among them.
pub async fn keep(state: &State, lease: Lease, progress: Progress) -> Result<Vec<Task>, ChangeStatusError> {
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let mut entries = Vec::new();
    let references: Vec<&Task> = progress.advanced.iter().collect();
    let mine: HashSet<EventId> = if references.is_empty() {
        HashSet::new()
    } else {
        orchestrations::advance(&mut transaction, lease, &references).await?.into_iter().collect()
    };
    if !progress.postponed.is_empty() {
        orchestrations::postpone(&mut transaction, lease, &progress.postponed).await?;
    }
    if !progress.refused.is_empty() {
        let lost = orchestrations::give_up(&mut transaction, lease, &progress.refused).await?;
        let none = HashMap::new();
        entries
            .extend(change_status(state, &mut transaction, &[Change::Failed], &lost, &none).await?.entries);
    }
    if !progress.upserted.is_empty() {
        let events: Vec<EventId> = progress.upserted.iter().map(|task| task.event_id).collect();
        let deals: HashMap<LeadId, String> = progress
            .upserted
            .iter()
            .filter_map(|task| Some((task.lead.lead_id, task.deal_id.clone()?)))
            .collect();
        let waiting = orchestrations::await_deliveries(&mut transaction, lease, &events).await?;
        let upserted = [Change::HubspotUpserted];
        entries.extend(change_status(state, &mut transaction, &upserted, &waiting, &deals).await?.entries);
        entries.extend(apply_outcomes(state, &mut transaction, &waiting).await?);
    }
    transaction.commit().await?;
    state.relay.hand_over(entries);
    Ok(progress.advanced.into_iter().filter(|task| mine.contains(&task.event_id)).collect())
}

/// Lets leads pass HubSpot by, because there is none.
pub async fn pass_by(state: &State, lease: Lease, tasks: &[Task]) -> Result<(), ChangeStatusError> {
    let events: Vec<EventId> = tasks.iter().map(|task| task.event_id).collect();
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let waiting = orchestrations::await_deliveries(&mut transaction, lease, &events).await?;
    let entries = apply_outcomes(state, &mut transaction, &waiting).await?;
    transaction.commit().await?;
    state.relay.hand_over(entries);
    Ok(())
}

/// Puts leads back untouched until a time when HubSpot may be there.
pub async fn put_back(
    state: &State,
    lease: Lease,
    events: &[EventId],
    next_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut connection = state.database.acquire().await?;
    orchestrations::release(&mut connection, lease, events, next_at).await
}
