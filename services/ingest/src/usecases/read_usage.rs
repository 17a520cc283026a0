//! What an organisation has used of its plan. What the plan allows, the gateway knows.

use crate::state::State;
use crate::store::{usage, workers};
use crate::usecases::once::month_of;
use chrono::{Months, NaiveDate};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;

/// Months that are told: the running one and those before it.
const MONTHS: u32 = 12;

/// Accepted events and snapshots by calendar month (UTC), newest first and without gaps, and how many workers there
/// are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub months: Vec<(NaiveDate, i64)>,
    pub workers: i64,
}

/// The usage of the last twelve months.
pub async fn read_usage(state: &State, organization: OrganizationId) -> Result<Usage, StoreError> {
    let (current, _) = month_of(state.clock.now());
    let months: Vec<_> =
        (0..MONTHS).filter_map(|back| current.checked_sub_months(Months::new(back))).collect();
    let oldest = months.last().copied().unwrap_or(current);
    let mut connection = state.database.acquire().await?;
    let charged = usage::months(&mut connection, organization, oldest).await?;
    let used = |month| charged.iter().find(|(charged, _)| *charged == month).map_or(0, |(_, used)| *used);
    let workers = workers::count(&mut connection, organization).await?;
    Ok(Usage { months: months.into_iter().map(|month| (month, used(month))).collect(), workers })
}
