//! What happened to the events of an organisation, and where each of them went.

use crate::domain::delivery::ShownDelivery;
use crate::domain::event::{AccountedEvent, EventSelection};
use crate::state::State;
use crate::store::accounting;
use crate::store::deliveries::{self, Shown};
use contracts::ids::{EventId, OrganizationId};
use platform_pg::{StoreError, begin_reading};

/// Up to here events are counted.
pub const COUNTED: i64 = 10_000;

/// A page of events.
#[derive(Debug)]
pub struct Accounted {
    pub items: Vec<AccountedEvent>,
    /// At most [`COUNTED`].
    pub total: i64,
    /// Where to go on, when there is more.
    pub next: Option<EventId>,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// At the newest event but for so many.
    Offset(i64),
    /// Behind an event.
    Behind(EventId),
}

/// Events of an organisation, newest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn list_events(
    state: &State,
    organization: OrganizationId,
    selection: &EventSelection,
    from: From,
    limit: i64,
) -> Result<Accounted, StoreError> {
    let mut part = selection.clone();
    let offset = match from {
        From::Offset(offset) => offset,
        From::Behind(event) => {
            // Ids are compared: whichever comes first.
            part.before =
                part.before.map_or(Some(event.as_uuid()), |before| Some(before.min(event.as_uuid())));
            0
        }
    };
    let mut transaction = begin_reading(&state.database).await?;
    let mut items = accounting::events(&mut transaction, organization, &part, offset, limit + 1).await?;
    let total = accounting::count(&mut transaction, organization, selection, COUNTED).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().map(|event| event.id).filter(|_| more);
    Ok(Accounted { items, total, next })
}

/// Where an event of an organisation went; `None` when there is no such event.
///
/// # Errors
/// When the database is unavailable.
pub async fn deliveries_of(
    state: &State,
    organization: OrganizationId,
    event: EventId,
) -> Result<Option<Vec<ShownDelivery>>, StoreError> {
    let mut connection = state.database.acquire().await?;
    if !accounting::exists(&mut connection, organization, event).await? {
        return Ok(None);
    }
    deliveries::show(&mut connection, organization, Shown::OfEvent(event)).await.map(Some)
}
