//! The log of a subscription's deliveries: what was sent when, and why it failed.

use crate::domain::delivery::LoggedDelivery;
use crate::domain::subscription::Family;
use crate::state::State;
use crate::store::{deliveries, subscriptions};
use contracts::identity::Principal;
use contracts::ids::{EventId, SubscriptionId};
use platform_pg::StoreError;

/// What part of the log is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// 1 to 100.
    pub limit: u8,
    /// The event of the last delivery of the page before.
    pub after: Option<EventId>,
}

/// A page, and the event to go on after when there is more.
#[derive(Clone, Debug)]
pub struct Deliveries {
    pub items: Vec<LoggedDelivery>,
    pub next: Option<EventId>,
}

/// The deliveries of the caller's subscription, newest event first; `None` when there is no such subscription.
pub async fn list_deliveries(
    state: &State,
    caller: &Principal,
    family: Family,
    subscription: SubscriptionId,
    page: Page,
) -> Result<Option<Deliveries>, StoreError> {
    let organization = caller.organization.id;
    let mut connection = state.database.acquire().await?;
    if !subscriptions::exists(&mut connection, organization, family, subscription).await? {
        return Ok(None);
    }
    let limit = usize::from(page.limit);
    // One more than wanted tells whether there is a next page.
    let mut items =
        deliveries::log(&mut connection, organization, subscription, page.after, limit + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|delivery| delivery.key.event);
    Ok(Some(Deliveries { items, next: last.filter(|_| more) }))
}
