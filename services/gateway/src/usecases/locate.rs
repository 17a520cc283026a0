//! Whose things a request to another service's part of the platform surface is about.

use crate::domain::access::Reach;
use crate::state::State;
use crate::store::{clients, organizations};
use contracts::identity::{OrganizationRef, PlatformFacts, Principal};
use contracts::ids::{ClientId, OrganizationId};
use contracts::routes::Route;
use contracts::{Service, Surface};
use platform_pg::StoreError;

/// Why it is not passed on.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// Or not for this caller.
    #[error("there is no such client")]
    NoSuchClient,
    /// Or not for this caller.
    #[error("there is no such organization")]
    NoSuchOrganization,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks up the organisation or the client in the path of a request to the platform surface's part of another
/// service, which knows neither. `None` for every other route.
pub async fn locate(
    state: &State,
    caller: &Principal,
    route: &Route,
    path: &str,
) -> Result<Option<PlatformFacts>, LocateError> {
    if route.owner == Service::Gateway || route.surface != Surface::Platform {
        return Ok(None);
    }
    // In a box: the future is large, and would be a part of that of every request.
    Box::pin(look_up(state, caller, path)).await
}

async fn look_up(
    state: &State,
    caller: &Principal,
    path: &str,
) -> Result<Option<PlatformFacts>, LocateError> {
    let reach = Reach::of(caller);
    if let Some(id) = id_after("/api/v1/api-clients/", path) {
        let id: ClientId = id.parse().ok().ok_or(LocateError::NoSuchClient)?;
        let mut connection = state.database.acquire().await.map_err(StoreError::from)?;
        let client = clients::find(&mut connection, reach, id).await?.ok_or(LocateError::NoSuchClient)?;
        let organization = OrganizationRef { id: client.organization_id, slug: client.organization_slug };
        return Ok(Some(PlatformFacts { organization, client_id: Some(client.id) }));
    }
    if let Some(id) = id_after("/api/v1/organizations/", path) {
        let id: OrganizationId = id.parse().ok().ok_or(LocateError::NoSuchOrganization)?;
        let mut connection = state.database.acquire().await.map_err(StoreError::from)?;
        let found = organizations::find(&mut connection, reach, id).await?;
        let found = found.ok_or(LocateError::NoSuchOrganization)?;
        let organization = OrganizationRef { id: found.id, slug: found.slug };
        return Ok(Some(PlatformFacts { organization, client_id: None }));
    }
    Ok(None)
}

fn id_after<'p>(prefix: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(prefix)?.split('/').next()
}
