//! Noting what the dispatcher did with leads' events, in whatever order it is heard.

use super::change_status::{ChangeStatusError, apply_outcomes};
use crate::domain::orchestration::Outcome;
use crate::state::State;
use crate::store::orchestrations;
use contracts::ids::EventId;

/// Stores outcomes and moves those leads on that waited for nothing else.
pub async fn note_outcomes(state: &State, outcomes: &[(EventId, Outcome)]) -> Result<(), ChangeStatusError> {
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let waiting = orchestrations::note_outcomes(&mut transaction, outcomes, state.clock.now()).await?;
    let entries = apply_outcomes(state, &mut transaction, &waiting).await?;
    transaction.commit().await?;
    state.relay.hand_over(entries);
    Ok(())
}
