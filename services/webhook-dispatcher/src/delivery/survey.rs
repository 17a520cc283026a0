//! How much is due and for how long, as metrics: what tells whether the replicas are enough.
//!
//! Asked of the database, because the engine holds only a little of what is due. Paused subscriptions and
//! receivers that are left alone are not asked about: more replicas would not help them.

use crate::state::State;
use crate::store::deliveries;
use contracts::ids::SubscriptionId;
use platform_pg::StoreError;
use std::time::Duration;
use uuid::Uuid;

pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// Subscriptions that are asked about at most: those beyond wait no longer than these.
const MOST: usize = 512;

/// Counts what is due for some subscriptions and not on its way yet. The figures stay as they are when the
/// database does not answer.
pub(super) async fn survey(state: State, subscriptions: Vec<SubscriptionId>, in_flight: usize) {
    if let Err(error) = look(&state, &subscriptions, in_flight).await {
        tracing::debug!(%error, "what is due was not counted");
    }
}

async fn look(state: &State, subscriptions: &[SubscriptionId], in_flight: usize) -> Result<(), StoreError> {
    let now = state.clock.now();
    let asked: Vec<Uuid> = subscriptions.iter().take(MOST).map(|id| id.as_uuid()).collect();
    let (due, oldest) = if asked.is_empty() {
        (0, None)
    } else {
        let mut connection = state.database.acquire().await?;
        deliveries::count_due(&mut connection, &asked, now).await?
    };
    let waiting = usize::try_from(due).unwrap_or(0).saturating_sub(in_flight);
    let age = oldest.and_then(|oldest| (now - oldest).to_std().ok()).unwrap_or_default();
    metrics::gauge!("leadwire_deliveries_due").set(u32::try_from(waiting).unwrap_or(u32::MAX));
    metrics::gauge!("leadwire_deliveries_oldest_due_age_seconds").set(age);
    Ok(())
}
