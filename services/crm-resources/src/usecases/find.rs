//! Looking one resource up.

use crate::domain::change::Versioned;
use crate::state::State;
use crate::store::Table;
use crate::store::reading::{self, For};
use contracts::crm::ObjectId;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;

/// The organisation's resource of this id, if there is one.
pub async fn find<T: Table>(
    state: &State,
    organization: OrganizationId,
    id: ObjectId,
) -> Result<Option<Versioned<T>>, StoreError> {
    let mut connection = state.database.acquire().await?;
    reading::find(&mut connection, organization, id, For::Reading).await
}
