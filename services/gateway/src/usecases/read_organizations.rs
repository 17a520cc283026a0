//! Looking organisations up.

use crate::domain::access::Reach;
use crate::domain::client::Paging;
use crate::domain::organization::Organization;
use crate::state::State;
use crate::store::organizations;
use contracts::identity::Principal;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;

/// One organisation, if it exists for the caller.
pub async fn find_organization(
    state: &State,
    caller: &Principal,
    id: OrganizationId,
) -> Result<Option<Organization>, StoreError> {
    let mut connection = state.database.acquire().await?;
    organizations::find(&mut connection, Reach::of(caller), id).await
}

/// A page of the organisations that exist for the caller, and how many there are.
pub async fn list_organizations(
    state: &State,
    caller: &Principal,
    paging: Paging,
) -> Result<(Vec<Organization>, i64), StoreError> {
    let mut connection = state.database.acquire().await?;
    organizations::list(&mut connection, Reach::of(caller), paging).await
}
