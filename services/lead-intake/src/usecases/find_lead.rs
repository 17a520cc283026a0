//! Looking one lead up.

use crate::domain::lead::Lead;
use crate::state::State;
use crate::store::leads;
use contracts::identity::Principal;
use contracts::ids::LeadId;
use platform_pg::StoreError;

/// The caller's lead of this id, if there is one.
pub async fn find_lead(
    state: &State,
    caller: &Principal,
    lead_id: LeadId,
) -> Result<Option<Lead>, StoreError> {
    let mut connection = state.database.acquire().await?;
    leads::find(&mut connection, caller.organization.id, lead_id).await
}
