//! Deleting subscriptions: one, those of a client, or everything of an organisation.
//!
//! A deleted subscription is no longer matched from the commit on. The engine that delivers for it cancels
//! what is pending, in batches.

use super::announce::Announcements;
use super::end_pending::end_pending;
use crate::domain::delivery::DeliveryState;
use crate::domain::subscription::Owner;
use crate::state::State;
use crate::store::gone::Gone;
use crate::store::subscriptions::Doomed;
use crate::store::{figures, gone, shown, subscriptions};
use contracts::ids::{ClientId, OrganizationId, SubscriptionId};
use platform_pg::StoreError;

/// Deletes the owner's subscription. Says whether there was one.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_subscription(
    state: &State,
    owner: &Owner,
    id: SubscriptionId,
) -> Result<bool, StoreError> {
    let mut connection = state.database.acquire().await?;
    if shown::find(&mut connection, owner, id).await?.is_none() {
        return Ok(false);
    }
    drop(connection);
    let deleted = delete(state, owner.organization.id, Doomed::One(id), None).await?;
    Ok(!deleted.is_empty())
}

/// Deletes the subscriptions of a client that is gone. Nothing is left to do the second time.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_of_client(
    state: &State,
    organization: OrganizationId,
    client: ClientId,
) -> Result<(), StoreError> {
    delete(state, organization, Doomed::OfClient(client), Some(Gone::Client(client))).await?;
    Ok(())
}

/// Deletes everything of an organisation that is gone. Whatever is interrupted goes on the next time.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete_of_organization(state: &State, organization: OrganizationId) -> Result<(), StoreError> {
    delete(state, organization, Doomed::All, Some(Gone::Organization(organization))).await?;
    let mut connection = state.database.acquire().await?;
    let ids = gone::subscriptions(&mut connection, organization).await?;
    drop(connection);
    while end_pending(state, &ids, &[], DeliveryState::Cancelled).await? > 0 {}
    loop {
        let mut transaction = state.database.begin().await?;
        let events = gone::erase_events(&mut transaction, organization).await?;
        transaction.commit().await?;
        if events == 0 {
            break;
        }
    }
    let mut connection = state.database.acquire().await?;
    while gone::erase_attempts(&mut connection, &ids).await? > 0 {}
    figures::erase(&mut connection, organization).await?;
    gone::erase_records(&mut connection, organization, &ids).await
}

async fn delete(
    state: &State,
    organization: OrganizationId,
    doomed: Doomed,
    gone: Option<Gone>,
) -> Result<Vec<SubscriptionId>, StoreError> {
    let now = state.clock.now();
    let mut transaction = state.database.begin().await?;
    let version = subscriptions::bump_version(&mut transaction).await?;
    if let Some(gone) = gone {
        gone::note(&mut transaction, gone, now).await?;
    }
    let deleted = subscriptions::delete(&mut transaction, organization, doomed, version, now).await?;
    let mut announcements = Announcements::new(state);
    // Of an organisation that is gone there is nobody left to hear it.
    if !matches!(doomed, Doomed::All) {
        announcements.deleted(organization, &deleted);
    }
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await?;
    state.relay.hand_over(announced);
    state.changed(&deleted).await;
    Ok(deleted)
}
