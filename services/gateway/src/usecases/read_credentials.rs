//! Listing the credentials of a client, never with their secrets.

use crate::domain::access::Reach;
use crate::domain::client::Client;
use crate::domain::credential::Credential;
use crate::state::State;
use crate::store::{clients, credentials};
use contracts::identity::{CredentialKind, Principal};
use contracts::ids::ClientId;
use platform_pg::StoreError;

/// The kinds that are called API keys.
pub const API_KEYS: [CredentialKind; 3] =
    [CredentialKind::PlatformKey, CredentialKind::CrmKey, CredentialKind::IngestKey];

/// A client and its credentials of some kinds, if the client exists for the caller.
pub async fn list_credentials(
    state: &State,
    caller: &Principal,
    client_id: ClientId,
    kinds: &[CredentialKind],
) -> Result<Option<(Client, Vec<Credential>)>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let Some(client) = clients::find(&mut connection, Reach::of(caller), client_id).await? else {
        return Ok(None);
    };
    let found = credentials::list(&mut connection, client.organization_id, client.id, kinds).await?;
    Ok(Some((client, found)))
}
