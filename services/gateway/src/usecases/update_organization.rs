//! Changing an organisation, and removing it with everything that is its own.

use super::change::Change;
use super::create_organization::tell_of;
use crate::domain::audit::named;
use crate::domain::organization::{NewOrganization, Organization};
use crate::store::organizations::{self, LEX_NAMES_UNIQUE};
use contracts::control::OrganizationDeleted;
use contracts::ids::OrganizationId;
use platform::Violation;
use platform_pg::StoreError;

/// Why an organisation stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum UpdateOrganizationError {
    #[error("there is no such organization")]
    NoSuchOrganization,
    #[error("the request breaks rules")]
    Invalid(Vec<Violation>),
    #[error("a LEX id or alias is taken")]
    LexNameTaken,
    #[error("you cannot delete the organisation that your own key belongs to")]
    Own,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an organisation what `edit` says of its present state. That the caller is an administrator has been
/// checked.
pub async fn update_organization(
    change: &mut Change<'_>,
    id: OrganizationId,
    edit: impl FnOnce(&Organization) -> Result<NewOrganization, Vec<Violation>>,
) -> Result<Organization, UpdateOrganizationError> {
    let current = organizations::lock(&mut change.transaction, id).await?;
    let current = current.ok_or(UpdateOrganizationError::NoSuchOrganization)?;
    let new = edit(&current).map_err(UpdateOrganizationError::Invalid)?;
    if new.slug != current.slug {
        // It is part of scopes and of tokens that partners make themselves.
        let violation = Violation::new("slug", "cannot be changed");
        return Err(UpdateOrganizationError::Invalid(vec![violation]));
    }
    let mut updated = Organization {
        name: new.name,
        lex: new.lex,
        plan: new.plan,
        metadata: new.metadata,
        ..current.clone()
    };
    if updated == current {
        return Ok(current);
    }
    updated.updated_at = change.state.clock.now();
    updated.version += 1;
    match organizations::update(&mut change.transaction, &updated).await {
        Err(error) if error.violates(LEX_NAMES_UNIQUE) => return Err(UpdateOrganizationError::LexNameTaken),
        other => other?,
    }
    tell_of(change, &updated).await?;
    let target = named("organization", id);
    change.record(id, "organization.updated", target, Some(&current), Some(&updated)).await?;
    Ok(updated)
}

/// Removes an organisation, its clients and their credentials, and tells every service to do the same. That
/// the caller is an administrator has been checked.
pub async fn delete_organization(
    change: &mut Change<'_>,
    id: OrganizationId,
) -> Result<(), UpdateOrganizationError> {
    if id == change.caller.organization.id {
        return Err(UpdateOrganizationError::Own);
    }
    let current = organizations::lock(&mut change.transaction, id).await?;
    let current = current.ok_or(UpdateOrganizationError::NoSuchOrganization)?;
    organizations::delete(&mut change.transaction, id).await?;
    let event = OrganizationDeleted { organization_id: id };
    change.announce(id, id.as_uuid(), current.version + 1, event).await?;
    change.record(id, "organization.deleted", named("organization", id), Some(&current), None).await?;
    Ok(())
}
