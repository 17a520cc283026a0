//! What operators see and do, whoever's events and deliveries it is about; the same for one organisation, where
//! one is named.

use super::recover::{Begun, RecoverError, Wish, recover};
use super::send_test::{SendError, retry_delivery};
use crate::domain::delivery::DeliveryKey;
use crate::domain::operation::{
    Attempt, DeliverySelection, EventsWanted, Group, Grouping, OperatedDelivery, OperatedEvent,
};
use crate::domain::render::render;
use crate::domain::sent::{self, Header};
use crate::domain::subscription::{Owner, Subscription, SubscriptionState};
use crate::state::State;
use crate::store::{events, found, operation};
use contracts::identity::OrganizationRef;
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use platform_pg::StoreError;
use uuid::Uuid;

/// A page of deliveries, newest event first, and the one to go on behind when there is more.
///
/// # Errors
/// When the database is unavailable.
pub async fn deliveries(
    state: &State,
    selection: &DeliverySelection,
    behind: Option<DeliveryKey>,
    limit: i64,
) -> Result<(Vec<OperatedDelivery>, Option<DeliveryKey>), StoreError> {
    let mut connection = state.database.acquire().await?;
    // One more than wanted tells whether there is a next page.
    let (mut found, horizon) = found::deliveries(&mut connection, selection, behind, limit + 1).await?;
    let more = cut(&mut found, limit);
    let last = found.last().map(|delivery| delivery.shown.key);
    Ok((found, if more { last } else { horizon }))
}

/// Deliveries by what they have in common.
///
/// # Errors
/// When the database is unavailable.
pub async fn groups(
    state: &State,
    selection: &DeliverySelection,
    by: Grouping,
) -> Result<Vec<Group>, StoreError> {
    let mut connection = state.database.acquire().await?;
    operation::groups(&mut connection, selection, by, state.clock.now()).await
}

/// A delivery with its requests; `None` when there is none, or when it is not the organisation's.
///
/// # Errors
/// When the database is unavailable.
pub async fn delivery(
    state: &State,
    organization: Option<OrganizationId>,
    key: DeliveryKey,
) -> Result<Option<(OperatedDelivery, Vec<Attempt>)>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let subscription = Some(key.subscription);
    let selection = DeliverySelection { organization, subscription, ..of_event(key.event) };
    let (mut found, _) = found::deliveries(&mut connection, &selection, None, 1).await?;
    let Some(found) = found.pop() else { return Ok(None) };
    let attempts = operation::attempts(&mut connection, key).await?;
    Ok(Some((found, attempts)))
}

/// The headers of a delivery's requests; empty where what they follow from is gone.
///
/// # Errors
/// When the database is unavailable.
pub async fn request_headers(
    state: &State,
    key: DeliveryKey,
    attempts: &[Attempt],
) -> Result<Vec<Vec<Header>>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let snapshot = state.subscriptions.refreshed(&mut connection).await?;
    let event = events::find(&mut connection, &[key.event.as_uuid()]).await?.pop();
    let Some((subscription, event)) = snapshot.get(key.subscription).zip(event) else {
        return Ok(Vec::new());
    };
    // What cannot be written was not sent.
    let Ok(rendered) = render(subscription, &event, None) else { return Ok(Vec::new()) };
    let notices = subscription.notices.then(|| snapshot.signer_of_notices(subscription.organization));
    let signer = notices.flatten().unwrap_or(subscription);
    Ok(attempts.iter().map(|attempt| sent::headers(signer, &event, &rendered, key, attempt)).collect())
}

/// A page of events in the order of their ids, and the one to go on behind when there is more.
///
/// # Errors
/// When the database is unavailable.
pub async fn events(
    state: &State,
    wanted: &EventsWanted,
    behind: Option<EventId>,
    limit: i64,
) -> Result<(Vec<OperatedEvent>, Option<EventId>), StoreError> {
    let mut connection = state.database.acquire().await?;
    let (mut found, horizon) = operation::events(&mut connection, wanted, behind, limit + 1).await?;
    let more = cut(&mut found, limit);
    let last = found.last().map(|event| event.id);
    Ok((found, if more { last } else { horizon }))
}

/// An event with its deliveries, at most `limit`; `None` when the dispatcher has none of that id, or when it is
/// not the organisation's.
///
/// # Errors
/// When the database is unavailable.
pub async fn event(
    state: &State,
    organization: Option<OrganizationId>,
    id: EventId,
    limit: i64,
) -> Result<Option<(OperatedEvent, Vec<OperatedDelivery>)>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let Some(event) = operation::event(&mut connection, organization, id).await? else { return Ok(None) };
    let selection = DeliverySelection { organization, ..of_event(id) };
    let (deliveries, _) = found::deliveries(&mut connection, &selection, None, limit).await?;
    Ok(Some((event, deliveries)))
}

/// Makes a delivery due now, as its owner could.
pub async fn retry(
    state: &State,
    organization: Option<OrganizationId>,
    key: DeliveryKey,
) -> Result<OperatedDelivery, SendError> {
    let owner = owner_of(state, organization, key.subscription).await?.ok_or(SendError::Missing)?;
    retry_delivery(state, &owner, key).await?;
    let (found, _) = delivery(state, organization, key).await?.ok_or(SendError::MissingDelivery)?;
    Ok(found)
}

/// Recovers deliveries of a subscription in bulk, as its owner could.
pub async fn recover_subscription(
    state: &State,
    organization: Option<OrganizationId>,
    id: SubscriptionId,
    wish: Wish,
) -> Result<Begun, RecoverError> {
    let owner = owner_of(state, organization, id).await?.ok_or(RecoverError::Missing)?;
    recover(state, &owner, id, wish).await
}

/// Whose subscription it is, if it is the organisation's.
async fn owner_of(
    state: &State,
    organization: Option<OrganizationId>,
    id: SubscriptionId,
) -> Result<Option<Owner>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let snapshot = state.subscriptions.refreshed(&mut connection).await?;
    let owner = |one: &Subscription| Owner {
        organization: OrganizationRef { id: one.organization, slug: one.organization_slug.clone() },
        client: one.client,
        family: one.family,
    };
    let is_theirs = |one: &Subscription| organization.is_none_or(|asked| asked == one.organization);
    let found = snapshot.get(id).filter(|one| one.state != SubscriptionState::Deleted && is_theirs(one));
    Ok(found.map(|one| owner(one)))
}

fn of_event(id: EventId) -> DeliverySelection {
    let id = id.as_uuid();
    let behind = Uuid::from_u128(id.as_u128().saturating_add(1));
    DeliverySelection { first: id, before: behind, ..DeliverySelection::default() }
}

/// Cuts a page that was read with one more than wanted, and says whether it was there.
fn cut<T>(found: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    more
}
