//! Looking clients up.

use super::read_credentials::API_KEYS;
use crate::domain::access::Reach;
use crate::domain::client::{Client, ClientFilter, Paging, SortBy, SortOrder};
use crate::domain::credential::Credential;
use crate::state::State;
use crate::store::{clients, credentials};
use contracts::identity::Principal;
use contracts::ids::ClientId;
use platform_pg::{StoreError, begin_reading};

/// One client with its API keys, if it exists for the caller.
pub async fn find_client(
    state: &State,
    caller: &Principal,
    id: ClientId,
) -> Result<Option<(Client, Vec<Credential>)>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let Some(client) = clients::find(&mut connection, Reach::of(caller), id).await? else { return Ok(None) };
    let keys = credentials::list(&mut connection, client.organization_id, client.id, &API_KEYS).await?;
    Ok(Some((client, keys)))
}

/// A page of the clients that exist for the caller, and how many there are.
pub async fn list_clients(
    state: &State,
    caller: &Principal,
    filter: &ClientFilter,
    sorting: (SortBy, SortOrder),
    paging: Paging,
) -> Result<(Vec<Client>, i64), StoreError> {
    let mut transaction = begin_reading(&state.database).await?;
    clients::list(&mut transaction, Reach::of(caller), filter, sorting, paging).await
}
