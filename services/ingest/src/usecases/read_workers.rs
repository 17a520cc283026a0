//! Reading workers, their timelines and their cards, by keyset: every page costs the same.

use crate::domain::actor::Identity;
use crate::domain::timeline::{Card, EventSelection, ListedWorker, Place, TimelineEvent, WorkerSelection};
use crate::state::State;
use crate::store::{events, snapshots, workers};
use contracts::ids::{OrganizationId, WorkerId};
use platform_pg::StoreError;
use uuid::Uuid;

/// A part of a list, and whether there is more.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub is_last: bool,
}

impl<T> Page<T> {
    /// From one more than fits.
    fn of(mut items: Vec<T>, limit: usize) -> Self {
        let is_last = items.len() <= limit;
        items.truncate(limit);
        Self { items, is_last }
    }
}

/// Workers of an organisation, newest first.
pub async fn list_workers(
    state: &State,
    organization: OrganizationId,
    selection: &WorkerSelection,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Page<ListedWorker>, StoreError> {
    let mut connection = state.database.acquire().await?;
    Ok(Page::of(workers::list(&mut connection, organization, selection, after, limit + 1).await?, limit))
}

/// A worker with everything that they are called. `None` when the organisation has no such worker.
pub async fn find_worker(
    state: &State,
    organization: OrganizationId,
    worker: WorkerId,
) -> Result<Option<(ListedWorker, Vec<Identity>)>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let Some(found) = workers::find(&mut connection, organization, worker).await? else { return Ok(None) };
    let identities = workers::identities(&mut connection, organization, worker).await?;
    Ok(Some((found, identities)))
}

/// A worker's events, newest first. `None` when the organisation has no such worker.
pub async fn read_timeline(
    state: &State,
    organization: OrganizationId,
    worker: WorkerId,
    selection: &EventSelection,
    after: Option<Place>,
    limit: usize,
) -> Result<Option<Page<TimelineEvent>>, StoreError> {
    let mut connection = state.database.acquire().await?;
    if !workers::exists(&mut connection, organization, worker).await? {
        return Ok(None);
    }
    let events = events::timeline(&mut connection, organization, worker, selection, after, limit + 1).await?;
    Ok(Some(Page::of(events, limit)))
}

/// A worker's cards. `None` when the organisation has no such worker.
pub async fn read_cards(
    state: &State,
    organization: OrganizationId,
    worker: WorkerId,
    after: Option<&(String, String)>,
    limit: usize,
) -> Result<Option<Page<Card>>, StoreError> {
    let mut connection = state.database.acquire().await?;
    if !workers::exists(&mut connection, organization, worker).await? {
        return Ok(None);
    }
    let cards = snapshots::list(&mut connection, organization, worker, after, limit + 1).await?;
    Ok(Some(Page::of(cards, limit)))
}
