//! Creating an API client: in the caller's organisation, in a named one, or with a new one around it.

use super::create_organization::founded;
use super::grant::{GrantError, Grants};
use crate::domain::access::Reach;
use crate::domain::client::{Client, ClientStatus, NewClient};
use crate::domain::organization::{LexProfile, NewOrganization, Organization, Plan, slug_of};
use crate::domain::scopes::Ceiling;
use crate::state::State;
use crate::store::{clients, organizations};
use contracts::identity::Principal;
use contracts::ids::{ClientId, OrganizationId};
use platform_pg::StoreError;
use sqlx::PgConnection;

/// Characters of the new id that make a taken slug unique.
const SLUG_SUFFIX: usize = 8;

/// Why a client was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateClientError {
    /// Or not for this caller.
    #[error("there is no such organisation")]
    NoSuchOrganization,
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores a new client.
pub async fn create_client(
    state: &State,
    caller: &Principal,
    new: NewClient,
) -> Result<Client, CreateClientError> {
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let (organization_id, organization_slug) = home(state, &mut transaction, caller, &new).await?;
    let grants = Grants::of(&mut transaction, caller).await?;
    let scopes = match new.scopes {
        Some(scopes) => {
            grants
                .check(&scopes, Ceiling { organization_slug: &organization_slug, scopes: Some(&scopes) })?;
            Some(scopes)
        }
        None => grants.own_ceiling().map(<[String]>::to_vec),
    };
    let now = state.clock.now();
    let client = Client {
        id: ClientId::new(state.ids.at(now)),
        organization_id,
        organization_slug,
        name: new.name,
        description: new.description,
        redirect_uris: new.redirect_uris,
        website: new.website,
        logo_url: new.logo_url,
        contact_email: new.contact_email,
        status: ClientStatus::Active,
        tier: new.tier,
        webhook_url: new.webhook_url,
        scopes,
        metadata: new.metadata,
        created_at: now,
        updated_at: now,
    };
    clients::insert(&mut transaction, &client).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(client)
}

/// The organisation that the client goes to, and its slug.
async fn home(
    state: &State,
    connection: &mut PgConnection,
    caller: &Principal,
    new: &NewClient,
) -> Result<(OrganizationId, String), CreateClientError> {
    let reach = Reach::of(caller);
    match new.organization_id {
        Some(id) => {
            let found = organizations::find(connection, reach, id).await?;
            let found = found.ok_or(CreateClientError::NoSuchOrganization)?;
            Ok((found.id, found.slug))
        }
        None if reach == Reach::Everyone => {
            let organization = found_around(state, connection, &new.name).await?;
            Ok((organization.id, organization.slug))
        }
        None => Ok((caller.organization.id, caller.organization.slug.clone())),
    }
}

/// A new organisation that is named after its first client.
async fn found_around(
    state: &State,
    connection: &mut PgConnection,
    name: &str,
) -> Result<Organization, StoreError> {
    let mut organization = founded(
        state,
        NewOrganization {
            slug: slug_of(name),
            name: name.to_owned(),
            lex: LexProfile::default(),
            plan: Plan::default(),
            metadata: None,
        },
    );
    if !organizations::insert(connection, &organization).await? {
        let id = organization.id.as_uuid().simple().to_string();
        let tail = id.get(id.len() - SLUG_SUFFIX..).unwrap_or(&id);
        organization.slug = format!("{}_{tail}", organization.slug);
        if !organizations::insert(connection, &organization).await? {
            return Err(StoreError::Unique { constraint: organizations::SLUG_UNIQUE.to_owned() });
        }
    }
    Ok(organization)
}
