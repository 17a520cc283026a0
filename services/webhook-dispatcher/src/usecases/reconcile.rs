//! Bringing back what was published and is not here: whose turn it is to look, what is missing, and how far
//! everything is accounted for.

use super::fan_out::{FanOutError, can_be_stored, fan_out};
use crate::domain::event::Event;
use crate::state::State;
use crate::store::tape;
pub use crate::store::tape::{Mark, Turn};
use contracts::ids::{EventId, OrganizationId};
use platform_pg::{Kept, StoreError};
use std::collections::HashSet;
use std::time::Duration;
use uuid::Uuid;

/// How long a replica that says nothing keeps its turn.
const TURN: Duration = Duration::from_secs(30);
/// Events that are brought back in one transaction.
const TOGETHER: usize = 256;

/// Takes the turn to look, or keeps it.
pub async fn take_turn(state: &State, replica: Uuid) -> Result<Turn, StoreError> {
    let mut connection = state.database.acquire().await?;
    tape::take_turn(&mut connection, replica, TURN).await
}

/// Notes how far everything is accounted for. False when another replica has the turn.
pub async fn account(state: &State, replica: Uuid, mark: Mark, events: usize) -> Result<bool, StoreError> {
    let mut connection = state.database.acquire().await?;
    let ours = tape::advance(&mut connection, replica, mark, TURN).await?;
    metrics::counter!("leadwire_accounted_events_total").increment(events as u64);
    Ok(ours)
}

/// Which of the published events are not here, though they are of organisations that are.
pub async fn missing(
    state: &State,
    published: &[(EventId, OrganizationId)],
) -> Result<HashSet<EventId>, StoreError> {
    let mut connection = state.database.acquire().await?;
    tape::missing(&mut connection, published).await
}

/// Whether an event that is missing is lost: one that can never be stored is a dead letter of the queue.
pub fn is_lost(state: &State, event: &Event) -> bool {
    can_be_stored(event, state.clock.now())
}

/// Fans lost events out. One that the database refuses by itself, as it did when it came from the queue, does not
/// keep the others: it is a dead letter there.
pub async fn bring_back(state: &State, lost: &[Event]) -> Result<(), FanOutError> {
    let (mut back, kept) = (0_u64, Kept::new(state.database.clone()));
    for together in lost.chunks(TOGETHER) {
        match fan_out(state, &kept, together).await {
            Ok(()) => back += together.len() as u64,
            Err(error) if is_outage(&error) => return Err(error),
            Err(_) => back += one_by_one(state, &kept, together).await?,
        }
    }
    if back > 0 {
        tracing::warn!(events = back, "events were published and had not arrived: brought back");
        metrics::counter!("leadwire_restored_events_total").increment(back);
    }
    Ok(())
}

async fn one_by_one(state: &State, kept: &Kept, lost: &[Event]) -> Result<u64, FanOutError> {
    let mut back = 0;
    for event in lost {
        match fan_out(state, kept, std::slice::from_ref(event)).await {
            Ok(()) => back += 1,
            Err(error) if is_outage(&error) => return Err(error),
            Err(error) => tracing::error!(event = %event.id, %error, "a missing event cannot be stored"),
        }
    }
    Ok(back)
}

const fn is_outage(error: &FanOutError) -> bool {
    matches!(error, FanOutError::Store(StoreError::Unavailable(_)))
}
