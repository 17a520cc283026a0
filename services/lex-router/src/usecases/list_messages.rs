//! Showing an organisation the messages that it sent and those that came to it, on the platform surface.

use crate::domain::listing::{Listed, Selection, Shown};
use crate::state::State;
use crate::store::{listing, organizations};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use uuid::Uuid;

/// Messages that are looked at for one page of a list that is narrowed down: then the page ends, full or not.
pub const LOOKED_AT: i64 = 2_000;

/// A part of a list, and the last id that was looked at where there may be more.
#[derive(Clone, Debug)]
pub struct Page {
    pub items: Vec<Listed>,
    pub next: Option<Uuid>,
}

/// Messages of an organisation, newest first. A page is looked for among so many messages and no more, so that it
/// costs the same however rare what is wanted is.
pub async fn list_messages(
    state: &State,
    organization: OrganizationId,
    selection: &Selection,
    limit: usize,
) -> Result<Page, StoreError> {
    let wanted = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut connection = listing::begin(&state.database).await?;
    let is_of_dead = selection.is_of_dead();
    let window = if selection.narrows() { LOOKED_AT } else { wanted };
    let candidates = if is_of_dead {
        listing::dead(&mut connection, organization, selection, window).await?
    } else {
        let names = organizations::names(&mut connection, organization).await?;
        listing::candidates(&mut connection, organization, &names, selection, window).await?
    };
    let mut items = listing::selected(&mut connection, &candidates, selection, wanted).await?;
    let is_full = i64::try_from(candidates.len()).is_ok_and(|found| found == window);
    let next = if items.len() > limit {
        items.truncate(limit);
        items.last().map(|last| last.id)
    } else {
        candidates.last().filter(|_| is_full).map(|last| last.id)
    };
    Ok(Page { items, next })
}

/// A message with how its lead stands. `None` when the organisation neither sent nor was sent it.
pub async fn find_listed(
    state: &State,
    organization: OrganizationId,
    id: Uuid,
) -> Result<Option<Shown>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let names = organizations::names(&mut connection, organization).await?;
    let Some(mut shown) = listing::find(&mut connection, organization, &names, id).await? else {
        return Ok(None);
    };
    if let Some(lead_id) = &shown.listed.lead_id {
        shown.lead = listing::lead(&mut connection, organization, &names, lead_id).await?;
    }
    Ok(Some(shown))
}
