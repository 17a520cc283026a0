//! Deleting a resource.

use super::write::{Write, WriteError};
use crate::domain::precondition::Precondition;
use crate::state::State;
use crate::store::Table;
use contracts::crm::ObjectId;
use contracts::identity::Principal;

/// Deletes the caller's resource.
pub async fn delete<T: Table>(
    state: &State,
    caller: &Principal,
    id: ObjectId,
    precondition: &Precondition,
) -> Result<(), WriteError> {
    let mut write = Write::of(state, caller.organization.id, None).await?;
    let last = write.lock::<T>(id).await?;
    if !precondition.holds(last.version) {
        return Err(WriteError::PreconditionFailed);
    }
    write.delete(last).await?;
    write.commit().await
}
