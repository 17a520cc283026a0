//! Changing a client, suspending it, and removing it with its credentials.

use super::change::Change;
use super::grant::{GrantError, Grants, ceiling};
use super::read_credentials::API_KEYS;
use crate::domain::access::Reach;
use crate::domain::audit::named;
use crate::domain::client::{Client, ClientStatus};
use crate::domain::credential::Credential;
use crate::domain::scopes::{Ceiling, everything_of};
use crate::store::{clients, credentials};
use contracts::control::{ClientChanged, ClientDeleted};
use contracts::ids::ClientId;
use platform::Violation;
use platform_pg::StoreError;

/// Why a client stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum UpdateClientError {
    /// Or not for this caller.
    #[error("there is no such client")]
    NoSuchClient,
    #[error("the request breaks rules")]
    Invalid(Vec<Violation>),
    /// It would saw off the branch it sits on.
    #[error("a client cannot suspend or delete itself")]
    Itself,
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a client what `edit` says of its present state, and answers with it and its keys. A lower ceiling
/// takes hold of the credentials that there are; whoever raises it must hold what is added.
pub async fn update_client(
    change: &mut Change<'_>,
    id: ClientId,
    edit: impl FnOnce(&Client) -> Result<Client, Vec<Violation>>,
) -> Result<(Client, Vec<Credential>), UpdateClientError> {
    let current = clients::lock(&mut change.transaction, Reach::of(change.caller), id).await?;
    let current = current.ok_or(UpdateClientError::NoSuchClient)?;
    let mut updated = edit(&current).map_err(UpdateClientError::Invalid)?;
    if id == change.caller.client_id && updated.status == ClientStatus::Suspended {
        return Err(UpdateClientError::Itself);
    }
    let added = added_scopes(&current, &updated);
    let below = Ceiling { organization_slug: &current.organization_slug, scopes: Some(&added) };
    Grants::of(&mut change.transaction, change.caller).await?.check(&added, below)?;
    let tenant = current.organization_id;
    if updated != current {
        updated.updated_at = change.state.clock.now();
        updated.version += 1;
        clients::update(&mut change.transaction, &updated).await?;
        let event = ClientChanged { organization_id: tenant, client_id: id };
        change.announce(tenant, id.as_uuid(), updated.version, event).await?;
        let target = named("client", id);
        change.record(tenant, "client.updated", target, Some(&current), Some(&updated)).await?;
    }
    let keys = credentials::list(&mut change.transaction, tenant, id, &API_KEYS).await?;
    Ok((updated, keys))
}

/// The scopes that the client's credentials could not have before.
fn added_scopes(current: &Client, updated: &Client) -> Vec<String> {
    let wanted = match &updated.scopes {
        Some(scopes) => scopes.clone(),
        None => everything_of(&updated.organization_slug),
    };
    let before = ceiling(current);
    wanted.into_iter().filter(|scope| !before.allows(scope)).collect()
}

/// Removes a client and its credentials, and tells every service to do the same.
pub async fn delete_client(change: &mut Change<'_>, id: ClientId) -> Result<(), UpdateClientError> {
    let current = clients::lock(&mut change.transaction, Reach::of(change.caller), id).await?;
    let current = current.ok_or(UpdateClientError::NoSuchClient)?;
    if id == change.caller.client_id {
        return Err(UpdateClientError::Itself);
    }
    let tenant = current.organization_id;
    clients::delete(&mut change.transaction, tenant, id).await?;
    let event = ClientDeleted { organization_id: tenant, client_id: id };
    change.announce(tenant, id.as_uuid(), current.version + 1, event).await?;
    change.record(tenant, "client.deleted", named("client", id), Some(&current), None).await?;
    Ok(())
}
