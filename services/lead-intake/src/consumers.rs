//! The queues of lead-intake, one file each.

pub mod orchestrator;
pub mod organizations;
pub mod outcomes;

use crate::usecases::change_status::ChangeStatusError;
use platform_broker::HandleError;
use platform_pg::StoreError;

/// Events of one transaction.
const TOGETHER: usize = 512;

/// A database that is down is waited for; anything else may pass.
fn disposition(error: ChangeStatusError) -> HandleError {
    match error {
        ChangeStatusError::Store(error) => of_store(error),
        ChangeStatusError::Encode(_) => HandleError::permanent(error),
    }
}

fn of_store(error: StoreError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::transient(error) }
}

/// The event is of a time that nothing is kept of, or its id is not ours.
#[derive(Debug, thiserror::Error)]
#[error("event {0} is older than what is kept, or its id tells no time")]
struct OutOfRange(contracts::ids::EventId);

/// Whether state of this event can be kept.
fn in_range(event: contracts::ids::EventId, now: chrono::DateTime<chrono::Utc>) -> Result<(), HandleError> {
    let covered = crate::store::ORCHESTRATIONS.covered(now);
    if platform::ids::time_of(event.as_uuid()).is_some_and(|time| covered.contains(&time)) {
        return Ok(());
    }
    Err(HandleError::permanent(OutOfRange(event)))
}
