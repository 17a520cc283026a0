//! Removing what is kept of an organisation that is gone, a bounded piece at a time.

use crate::state::State;
use crate::store::removal;
use crate::usecases::once::month_of;
use chrono::Months;
use contracts::ids::OrganizationId;
use platform_pg::{StoreError, gone};

/// Removes everything; may be repeated, and goes on where it was broken off.
///
/// The months come first: a write ends with a charge to its month. One that has charged is waited for and removed, one
/// that has not is refused. So no event comes behind its worker, without whom nobody would find it.
pub async fn remove_organization(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    let now = state.clock.now();
    gone::note(&state.database, organization, now).await?;
    let mut connection = state.database.acquire().await?;
    let (month, _) = month_of(now);
    removal::close_months(&mut connection, organization, &[month, month + Months::new(1)]).await?;
    while let Some(worker) = removal::any_worker(&mut connection, organization).await? {
        while removal::delete_events(&mut connection, organization, worker).await? > 0 {}
        removal::delete_worker(&mut connection, organization, worker).await?;
    }
    removal::delete_account(&mut connection, organization).await
}

/// Removes what kept late writes away.
pub async fn remove_last(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    let mut connection = state.database.acquire().await?;
    removal::delete_closed_months(&mut connection, organization).await
}
