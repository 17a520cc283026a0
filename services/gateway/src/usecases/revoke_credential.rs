//! Ending a credential at once and for ever.

use super::change::Change;
use super::create_credential::{record, tell_of};
use crate::domain::access::Reach;
use crate::store::{clients, credentials};
use contracts::identity::CredentialKind;
use contracts::ids::{ClientId, CredentialId};
use platform_pg::StoreError;
use serde_json::json;

/// Revokes a credential of these kinds. False when it does not exist for the caller; a second time is fine.
pub async fn revoke_credential(
    change: &mut Change<'_>,
    client_id: ClientId,
    id: CredentialId,
    kinds: &[CredentialKind],
) -> Result<bool, StoreError> {
    let client = clients::hold(&mut change.transaction, Reach::of(change.caller), client_id).await?;
    let Some(client) = client else { return Ok(false) };
    let (tenant, now) = (client.organization_id, change.state.clock.now());
    let found = credentials::lock(&mut change.transaction, tenant, client.id, id, kinds).await?;
    let Some(credential) = found else { return Ok(false) };
    if credential.revoked_at.is_some() {
        return Ok(true);
    }
    let version = credentials::revoke(&mut change.transaction, tenant, id, now).await?;
    tell_of(change, &client, id, version).await?;
    let after = json!({"revokedAt": now});
    record(change, &client, id, "revoked", credential.kind, Some(&after)).await?;
    Ok(true)
}
