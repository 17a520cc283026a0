//! The log of a subscription's deliveries: what was sent when, and why it failed.

use crate::domain::delivery::ShownDelivery;
use crate::domain::event::Event;
use crate::domain::render;
use crate::domain::subscription::Owner;
use crate::state::State;
use crate::store::deliveries::Shown;
use crate::store::{deliveries, events, shown};
use contracts::ids::{EventId, SubscriptionId};
use platform_pg::StoreError;
use serde_json::Value;
use std::collections::HashMap;

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
    pub items: Vec<ShownDelivery>,
    pub next: Option<EventId>,
}

/// The deliveries of the owner's subscription, newest event first; `None` when there is no such subscription.
///
/// # Errors
/// When the database is unavailable.
pub async fn list_deliveries(
    state: &State,
    owner: &Owner,
    subscription: SubscriptionId,
    page: Page,
) -> Result<Option<Deliveries>, StoreError> {
    let mut connection = state.database.acquire().await?;
    if shown::find(&mut connection, owner, subscription).await?.is_none() {
        return Ok(None);
    }
    let limit = usize::from(page.limit);
    // One more than wanted tells whether there is a next page.
    let log = Shown::Log { subscription, before: page.after, limit: limit + 1 };
    let mut items = deliveries::show(&mut connection, owner.organization.id, log).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|delivery| delivery.key.event);
    Ok(Some(Deliveries { items, next: last.filter(|_| more) }))
}

/// The bodies that deliveries of the platform family have, by their events.
///
/// # Errors
/// When the database is unavailable.
pub async fn platform_bodies(
    state: &State,
    deliveries: &[ShownDelivery],
) -> Result<HashMap<EventId, Value>, StoreError> {
    let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.key.event.as_uuid()).collect();
    let mut connection = state.database.acquire().await?;
    let events = events::find(&mut connection, &ids).await?;
    let body = |event: &Event| {
        let bytes = render::platform_body(event)?;
        serde_json::from_slice(&bytes)
    };
    Ok(events.iter().filter_map(|event| Some((event.id, body(event).ok()?))).collect())
}
