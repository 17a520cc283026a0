//! Removing what is kept of an organisation that is gone, a bounded piece at a time.

use crate::state::State;
use crate::store::removal;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;

/// Removes everything; may be repeated, and goes on where it was broken off.
pub async fn remove_organization(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    let mut connection = state.database.acquire().await?;
    while let Some(worker) = removal::any_worker(&mut connection, organization).await? {
        while removal::delete_events(&mut connection, organization, worker).await? > 0 {}
        removal::delete_worker(&mut connection, organization, worker).await?;
    }
    removal::delete_account(&mut connection, organization).await
}
