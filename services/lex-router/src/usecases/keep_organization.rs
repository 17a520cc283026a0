//! Keeping the copy of an organisation up.

use crate::state::State;
use crate::store::organizations;
use chrono::{DateTime, Utc};
use contracts::control::OrganizationFacts;
use platform_pg::StoreError;

/// Keeps what an event says, unless something later was heard.
pub async fn keep_organization(
    state: &State,
    organization: &OrganizationFacts,
    changed_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut connection = state.database.acquire().await?;
    organizations::keep(&mut connection, organization, changed_at).await
}
