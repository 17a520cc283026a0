//! Founding an organisation.

use crate::domain::organization::{NewOrganization, Organization};
use crate::state::State;
use crate::store::organizations::{self, LEX_NAMES_UNIQUE};
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
    state: &State,
    new: NewOrganization,
) -> Result<Organization, CreateOrganizationError> {
    let organization = founded(state, new);
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let inserted = organizations::insert(&mut transaction, &organization).await;
    match inserted {
        Ok(true) => {}
        Ok(false) => return Err(CreateOrganizationError::SlugTaken),
        Err(error) if error.violates(LEX_NAMES_UNIQUE) => return Err(CreateOrganizationError::LexNameTaken),
        Err(error) => return Err(error.into()),
    }
    transaction.commit().await.map_err(StoreError::from)?;
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
    }
}
