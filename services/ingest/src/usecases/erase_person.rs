//! Forgetting a person.

use crate::state::State;
use crate::store::{erasure, workers};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;

/// Strips what an organisation has of the worker with this e-mail address, in lower case, and says how many records
/// that were. What breaks off is finished by a repetition: the address goes last.
pub async fn erase_person(
    state: &State,
    organization: OrganizationId,
    email: &str,
) -> Result<u64, StoreError> {
    let mut connection = state.database.acquire().await?;
    let Some(worker) = erasure::find(&mut connection, organization, email).await? else { return Ok(0) };
    let mut records = 0;
    loop {
        let stripped = erasure::strip_events(&mut connection, organization, worker).await?;
        records += stripped;
        if stripped == 0 {
            break;
        }
    }
    drop(connection);
    let mut transaction = state.database.begin().await?;
    workers::lock(&mut transaction, organization).await?;
    records += erasure::strip_worker(&mut transaction, organization, worker).await?;
    transaction.commit().await?;
    Ok(records)
}
