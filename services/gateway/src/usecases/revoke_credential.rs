//! Ending a credential at once and for ever.

use crate::domain::access::Reach;
use crate::state::State;
use crate::store::{clients, credentials};
use contracts::identity::{CredentialKind, Principal};
use contracts::ids::{ClientId, CredentialId};
use platform_pg::StoreError;

/// Revokes a credential of these kinds. False when it does not exist for the caller; a second time is fine.
pub async fn revoke_credential(
    state: &State,
    caller: &Principal,
    client_id: ClientId,
    id: CredentialId,
    kinds: &[CredentialKind],
) -> Result<bool, StoreError> {
    let mut connection = state.database.acquire().await?;
    let Some(client) = clients::find(&mut connection, Reach::of(caller), client_id).await? else {
        return Ok(false);
    };
    let now = state.clock.now();
    credentials::revoke(&mut connection, client.organization_id, client.id, id, kinds, now).await
}
