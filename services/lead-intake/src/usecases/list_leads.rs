//! Listing leads, newest first, by keyset: every page costs the same.

use crate::domain::lead::{Lead, Status};
use crate::state::State;
use crate::store::leads;
use contracts::identity::Principal;
use contracts::ids::LeadId;
use platform_pg::StoreError;

/// What part of the list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// 1 to 100.
    pub limit: u8,
    /// The last lead of the page before.
    pub after: Option<LeadId>,
    pub status: Option<Status>,
}

/// A page, and the lead to go on after when there is more.
#[derive(Clone, Debug)]
pub struct Leads {
    pub items: Vec<Lead>,
    pub next: Option<LeadId>,
}

/// The caller's leads.
pub async fn list_leads(state: &State, caller: &Principal, page: Page) -> Result<Leads, StoreError> {
    let mut connection = state.database.acquire().await?;
    let limit = usize::from(page.limit);
    // One more than wanted tells whether there is a next page.
    let mut items = leads::list(&mut connection, caller.organization.id, page, limit + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(|lead| lead.lead_id) } else { None };
    Ok(Leads { items, next })
}
