//! Removing what is kept of an organisation that is gone, a bounded piece at a time.

use crate::state::State;
use crate::store::removal;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;

/// Removes everything; may be repeated, and goes on where it was broken off. Orchestrations go first, so that
/// nothing is done any more about leads that are going.
pub async fn remove_organization(state: &State, organization_id: OrganizationId) -> Result<(), StoreError> {
    let mut connection = state.database.acquire().await?;
    while removal::delete_orchestrations(&mut connection, organization_id).await? > 0 {}
    while removal::delete_leads(&mut connection, organization_id).await? > 0 {}
    while removal::delete_answers(&mut connection, organization_id).await? > 0 {}
    Ok(())
}
