//! Entering leads whose first event has arrived: from here on the state is in the database.

use crate::domain::orchestration::Arrival;
use crate::state::State;
use crate::store::orchestrations;
use platform_pg::StoreError;

/// Enters leads that are new, and wakes whoever carries them on.
pub async fn start_orchestrations(state: &State, arrivals: &[Arrival]) -> Result<(), StoreError> {
    let mut connection = state.database.acquire().await?;
    if orchestrations::start(&mut connection, arrivals, state.clock.now()).await? > 0 {
        state.wake.notify_one();
    }
    Ok(())
}
