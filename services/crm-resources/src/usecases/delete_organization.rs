//! What becomes of an organisation's resources when it is gone.

use crate::state::State;
use crate::store::organizations;
use contracts::ids::OrganizationId;
use platform_pg::{StoreError, gone};

/// Deletes everything of the organisation, without events: nobody is left to hear them. What was on its way is deleted
/// later.
pub async fn delete_organization(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    gone::note(&state.database, organization, state.clock.now()).await?;
    delete_left(state, organization).await
}

/// Deletes what is there of an organisation that is gone.
pub async fn delete_left(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    let rows = organizations::delete_all(&state.database, organization).await?;
    tracing::info!(%organization, rows, "an organisation's resources are deleted");
    Ok(())
}
