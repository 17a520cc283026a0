//! Removing what is kept of an organisation that is gone, a bounded piece at a time.

use crate::state::State;
use crate::store::removal;
use contracts::ids::OrganizationId;
use platform_pg::{StoreError, gone};

/// Removes everything, and sees to it that what comes behind is removed as well; may be repeated.
pub async fn remove_organization(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    gone::note(&state.database, organization, state.clock.now()).await?;
    removal::delete_all(&state.database, organization).await
}

/// Removes what a late request left.
pub async fn remove_last(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    removal::delete_all(&state.database, organization).await
}
