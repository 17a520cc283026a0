//! What becomes of an organisation's resources when it is gone.

use crate::state::State;
use crate::store::organizations;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;

/// Deletes everything of the organisation, without events: nobody is left to hear them.
pub async fn delete_organization(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    let rows = organizations::delete_all(&state.database, organization).await?;
    tracing::info!(%organization, rows, "an organisation's resources are deleted");
    Ok(())
}
