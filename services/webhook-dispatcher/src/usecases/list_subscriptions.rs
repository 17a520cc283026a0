//! Showing subscriptions to their owners, and to the gateway.

use crate::domain::subscription::{Owner, Part, Place, Selection, ShownSubscription, SubscriptionState};
use crate::state::State;
use crate::store::shown;
use contracts::identity::OrganizationRef;
use contracts::ids::{ClientId, OrganizationId, SubscriptionId};
use platform_pg::{StoreError, begin_reading};

/// Some subscriptions, and how many there are.
#[derive(Debug)]
pub struct Listed {
    pub items: Vec<ShownSubscription>,
    pub total: i64,
}

/// A part of the owner's subscriptions, of one state when one is given.
///
/// # Errors
/// When the database is unavailable.
pub async fn list_subscriptions(
    state: &State,
    owner: &Owner,
    wanted: Option<SubscriptionState>,
    part: Part,
) -> Result<Listed, StoreError> {
    let selection = Selection { state: wanted, ..Selection::of(owner) };
    let mut transaction = begin_reading(&state.database).await?;
    let items = shown::show(&mut transaction, selection, part).await?;
    let is_whole = part.offset == 0 && i64::try_from(items.len()).is_ok_and(|count| count < part.limit);
    let total = if is_whole {
        i64::try_from(items.len()).unwrap_or(i64::MAX)
    } else {
        shown::count(&mut transaction, selection).await?
    };
    Ok(Listed { items, total })
}

/// All subscriptions of a client, of every family, newest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn list_of_client(
    state: &State,
    organization: OrganizationId,
    client: ClientId,
) -> Result<Vec<ShownSubscription>, StoreError> {
    let selection = Selection { client: Some(client), ..Selection::all(organization) };
    let mut connection = state.database.acquire().await?;
    shown::show(&mut connection, selection, Part::NEWEST_FIRST).await
}

/// A part of an organisation's subscriptions, of whichever clients, and where the next begins when there is one.
///
/// # Errors
/// When the database is unavailable.
pub async fn list_of_organization(
    state: &State,
    selection: Selection<'_>,
    part: Part,
) -> Result<(Vec<ShownSubscription>, Option<Place>), StoreError> {
    let mut connection = state.database.acquire().await?;
    // One more than wanted tells whether there is a next page.
    let one_more = Part { limit: part.limit.saturating_add(1), ..part };
    let mut found = shown::show(&mut connection, selection, one_more).await?;
    let limit = usize::try_from(part.limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(|last| (last.created_at, last.id));
    Ok((found, last.filter(|_| more)))
}

/// The organisation's subscription, of whichever client, with who owns it.
///
/// # Errors
/// When the database is unavailable.
pub async fn find_of_organization(
    state: &State,
    organization: OrganizationRef,
    id: SubscriptionId,
) -> Result<Option<(Owner, ShownSubscription)>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let selection = Selection { id: Some(id), ..Selection::all(organization.id) };
    let found = shown::show(&mut connection, selection, Part::OLDEST_FIRST).await?.pop();
    Ok(found.map(|shown| (Owner { organization, client: shown.client, family: shown.family }, shown)))
}

/// The owner's subscription.
///
/// # Errors
/// When the database is unavailable.
pub async fn find_subscription(
    state: &State,
    owner: &Owner,
    id: SubscriptionId,
) -> Result<Option<ShownSubscription>, StoreError> {
    let mut connection = state.database.acquire().await?;
    shown::find(&mut connection, owner, id).await
}
