//! Fan-out: from an event to one delivery for each matching subscription, in one transaction.

use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::domain::event::Event;
use crate::domain::subscription::SubscriptionState;
use crate::state::State;
use crate::store::deliveries::NewDelivery;
use crate::store::{PARTITIONED, STORED_EVENTS, deliveries, events};
use contracts::ids::EventId;
use platform_pg::{StoreError, partitions};
use std::collections::HashSet;

/// Why events were not fanned out. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum FanOutError {
    /// Its id is not of version 7, or of a time for which no partition is kept: it can never be stored.
    #[error("event {0} is not of the weeks that are kept")]
    OutOfRange(EventId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores the events that some subscription wants, and their deliveries; what is stored already stays as it
/// is. Wakes whoever delivers them.
pub async fn fan_out(state: &State, arrived: &[Event]) -> Result<(), FanOutError> {
    let covered = STORED_EVENTS.covered(state.clock.now());
    for event in arrived {
        let made = platform::ids::time_of(event.id.as_uuid());
        if !made.is_some_and(|made| covered.contains(&made)) {
            return Err(FanOutError::OutOfRange(event.id));
        }
    }
    let matched = match store(state, arrived).await {
        // Perhaps a partition is missing, which this makes. If not, the second try fails like the first.
        Err(StoreError::Refused(_)) => {
            partitions::provision(&state.database, PARTITIONED, state.clock.now()).await?;
            store(state, arrived).await?
        }
        result => result?,
    };
    metrics::counter!("leadwire_fan_out_events_total").increment(arrived.len() as u64);
    metrics::counter!("leadwire_fan_out_deliveries_total").increment(matched.len() as u64);
    state.wake.subscriptions(
        matched
            .into_iter()
            .filter(|delivery| delivery.state == DeliveryState::Pending)
            .map(|delivery| delivery.key.subscription),
    );
    Ok(())
}

async fn store(state: &State, arrived: &[Event]) -> Result<Vec<NewDelivery>, StoreError> {
    let now = state.clock.now();
    let mut transaction = state.database.begin().await?;
    let snapshot = state.subscriptions.refreshed(&mut transaction).await?;
    let mut matched = Vec::new();
    let mut wanted = Vec::new();
    let mut seen = HashSet::new();
    for event in arrived {
        let before = matched.len();
        matched.extend(snapshot.matching(event).map(|subscription| NewDelivery {
            key: DeliveryKey { event: event.id, subscription: subscription.id },
            organization: event.organization,
            state: match subscription.state {
                SubscriptionState::Active | SubscriptionState::Paused => DeliveryState::Pending,
                SubscriptionState::Disabled => DeliveryState::SkippedDisabled,
            },
        }));
        if matched.len() > before && seen.insert(event.id) {
            wanted.push(event);
        }
    }
    if !matched.is_empty() {
        events::insert(&mut transaction, &wanted, now).await?;
        deliveries::insert(&mut transaction, &matched, now).await?;
    }
    transaction.commit().await?;
    Ok(matched)
}
