//! Founding an organisation.

use super::change::Change;
use crate::domain::audit::named;
use crate::domain::organization::{NewOrganization, Organization};
use crate::state::State;
use crate::store::organizations::{self, LEX_NAMES_UNIQUE};
use contracts::control::OrganizationChanged;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;

/// Why an organisation was not founded.
#[derive(Debug, thiserror::Error)]
pub enum CreateOrganizationError {
    #[error("the slug is taken")]
    SlugTaken,
    #[error("a LEX id or alias is taken")]
    LexNameTaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores a new organisation. That the caller is an administrator has been checked.
pub async fn create_organization(
    change: &mut Change<'_>,
    new: NewOrganization,
) -> Result<Organization, CreateOrganizationError> {
    let organization = founded(change.state, new);
    let inserted = organizations::insert(&mut change.transaction, &organization).await;
    match inserted {
        Ok(true) => {}
        Ok(false) => return Err(CreateOrganizationError::SlugTaken),
        Err(error) if error.violates(LEX_NAMES_UNIQUE) => return Err(CreateOrganizationError::LexNameTaken),
        Err(error) => return Err(error.into()),
    }
    made(change, &organization).await?;
    Ok(organization)
}

/// What was asked for, with an id and a time.
pub fn founded(state: &State, new: NewOrganization) -> Organization {
    let now = state.clock.now();
    Organization {
        id: OrganizationId::new(state.ids.at(now)),
        slug: new.slug,
        name: new.name,
        lex: new.lex,
        plan: new.plan,
        metadata: new.metadata,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// Announces and records an organisation that was made.
pub async fn made(change: &mut Change<'_>, organization: &Organization) -> Result<(), StoreError> {
    tell_of(change, organization).await?;
    let target = named("organization", organization.id);
    change.record(organization.id, "organization.created", target, None, Some(organization)).await
}

/// Announces an organisation that was made or changed.
pub async fn tell_of(change: &mut Change<'_>, organization: &Organization) -> Result<(), StoreError> {
    let Organization { id, version, .. } = *organization;
    let event = OrganizationChanged { organization: organization.facts() };
    change.announce(id, id.as_uuid(), version, event).await
}
