//! Creating an API client: in the caller's organisation, in a named one, or with a new one around it.

use super::change::Change;
use super::create_organization::{founded, made};
use super::grant::{GrantError, Grants};
use crate::domain::access::Reach;
use crate::domain::audit::named;
use crate::domain::client::{Client, ClientStatus, NewClient};
use crate::domain::organization::{LexProfile, NewOrganization, Organization, Plan, slug_of};
use crate::domain::scopes::Ceiling;
use crate::store::{clients, organizations};
use contracts::control::ClientChanged;
use contracts::ids::{ClientId, OrganizationId};
use platform_pg::StoreError;

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
pub async fn create_client(change: &mut Change<'_>, new: NewClient) -> Result<Client, CreateClientError> {
    let state = change.state;
    let (organization_id, organization_slug) = home(change, &new).await?;
    let grants = Grants::of(&mut change.transaction, change.caller).await?;
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
        version: 1,
    };
    clients::insert(&mut change.transaction, &client).await?;
    let event = ClientChanged { organization_id, client_id: client.id };
    change.announce(organization_id, client.id.as_uuid(), client.version, event).await?;
    let target = named("client", client.id);
    change.record(organization_id, "client.created", target, None, Some(&client)).await?;
    Ok(client)
}

/// The organisation that the client goes to, and its slug.
async fn home(
    change: &mut Change<'_>,
    new: &NewClient,
) -> Result<(OrganizationId, String), CreateClientError> {
    let caller = change.caller;
    let reach = Reach::of(caller);
    match new.organization_id {
        Some(id) => {
            let found = organizations::hold(&mut change.transaction, reach, id).await?;
            let found = found.ok_or(CreateClientError::NoSuchOrganization)?;
            Ok((found.id, found.slug))
        }
        None if reach == Reach::Everyone => {
            let organization = found_around(change, &new.name).await?;
            Ok((organization.id, organization.slug))
        }
        None => Ok((caller.organization.id, caller.organization.slug.clone())),
    }
}

/// A new organisation that is named after its first client.
async fn found_around(change: &mut Change<'_>, name: &str) -> Result<Organization, StoreError> {
    let mut organization = founded(
        change.state,
        NewOrganization {
            slug: slug_of(name),
            name: name.to_owned(),
            lex: LexProfile::default(),
            plan: Plan::default(),
            metadata: None,
        },
    );
    if !organizations::insert(&mut change.transaction, &organization).await? {
        let id = organization.id.as_uuid().simple().to_string();
        let tail = id.get(id.len() - SLUG_SUFFIX..).unwrap_or(&id);
        organization.slug = format!("{}_{tail}", organization.slug);
        if !organizations::insert(&mut change.transaction, &organization).await? {
            return Err(StoreError::Unique { constraint: organizations::SLUG_UNIQUE.to_owned() });
        }
    }
    made(change, &organization).await?;
    Ok(organization)
}
