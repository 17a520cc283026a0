//! Entering leads whose first event has arrived: from here on the state is in the database.

use super::change_status::{ChangeStatusError, apply_outcomes};
use crate::domain::orchestration::{Arrival, Start};
use crate::state::State;
use crate::store::orchestrations;

/// Enters leads that are new, and wakes whoever carries them on. Without HubSpot there is nothing to carry:
/// they wait for their deliveries at once.
pub async fn start_orchestrations(state: &State, arrivals: &[Arrival]) -> Result<(), ChangeStatusError> {
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let started = orchestrations::start(&mut transaction, arrivals, state.start, state.clock.now()).await?;
    let entries = match state.start {
        Start::Hubspot => Vec::new(),
        Start::Deliveries => apply_outcomes(state, &mut transaction, &started).await?,
    };
    transaction.commit().await?;
    state.relay.hand_over(entries);
    if state.start == Start::Hubspot && !started.is_empty() {
        state.wake.notify_one();
    }
    Ok(())
}
