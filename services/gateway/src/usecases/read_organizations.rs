//! Looking organisations up.

use crate::domain::access::Reach;
use crate::domain::client::Paging;
use crate::domain::organization::Organization;
use crate::state::State;
use crate::store::organizations;
use contracts::identity::Principal;
use contracts::ids::OrganizationId;
use platform_pg::{StoreError, begin_reading};

/// One organisation, if it exists for the caller.
pub async fn find_organization(
    state: &State,
    caller: &Principal,
    id: OrganizationId,
) -> Result<Option<Organization>, StoreError> {
    let mut connection = state.database.acquire().await?;
    organizations::find(&mut connection, Reach::of(caller), id).await
}

/// The organisation that bears a LEX id or alias, as it is written in the table. For services, which may know
/// of every organisation.
pub async fn find_by_lex_name(state: &State, name: &str) -> Result<Option<Organization>, StoreError> {
    let mut connection = state.database.acquire().await?;
    organizations::find_by_lex_name(&mut connection, name).await
}

/// A page of the organisations that exist for the caller, and how many there are.
pub async fn list_organizations(
    state: &State,
    caller: &Principal,
    paging: Paging,
) -> Result<(Vec<Organization>, i64), StoreError> {
    let mut transaction = begin_reading(&state.database).await?;
    organizations::list(&mut transaction, Reach::of(caller), paging).await
}
