//! Listing an organisation's subscriptions of one family.

use crate::domain::subscription::{Family, ListedSubscription};
use crate::state::State;
use crate::store::subscriptions;
use contracts::identity::Principal;
use platform_pg::StoreError;

/// The caller's subscriptions, oldest first.
pub async fn list_subscriptions(
    state: &State,
    caller: &Principal,
    family: Family,
) -> Result<Vec<ListedSubscription>, StoreError> {
    let mut connection = state.database.acquire().await?;
    subscriptions::list(&mut connection, caller.organization.id, family).await
}
