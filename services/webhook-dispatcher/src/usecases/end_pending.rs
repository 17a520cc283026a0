//! Ending what is pending for subscriptions that get nothing any more.

use super::announce::Announcements;
use crate::domain::delivery::DeliveryState;
use crate::state::State;
use crate::store::{deliveries, settlements};
use contracts::ids::SubscriptionId;
use platform_pg::StoreError;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Ends a batch of pending deliveries of some subscriptions as skipped or cancelled, but for those of some
/// events. Says how many; call again while there are some.
///
/// # Errors
/// When the database is unavailable.
pub async fn end_pending(
    state: &State,
    subscriptions: &[Uuid],
    but: &[Uuid],
    as_state: DeliveryState,
) -> Result<usize, StoreError> {
    let mut transaction = state.database.begin().await?;
    let now = state.clock.now();
    let ended = deliveries::end_pending(&mut transaction, subscriptions, but, as_state, now).await?;
    if ended.is_empty() {
        return Ok(0);
    }
    let mut announcements = Announcements::new(state);
    announcements.ended(&mut transaction, ended.iter().map(|key| key.event)).await?;
    let mut counts: BTreeMap<SubscriptionId, i64> = BTreeMap::new();
    for key in &ended {
        *counts.entry(key.subscription).or_default() += 1;
    }
    settlements::count_ended(&mut transaction, &counts).await?;
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await?;
    state.relay.hand_over(announced);
    let snapshot = state.subscriptions.current();
    for (id, count) in counts {
        if let Some(subscription) = snapshot.get(id) {
            let (family, result) = (subscription.family.name(), as_state.name());
            metrics::counter!("leadwire_deliveries_total", "family" => family, "result" => result)
                .increment(count.unsigned_abs());
        }
    }
    Ok(ended.len())
}
