//! Fan-out: from an event to one delivery for each matching subscription, in one transaction.

use super::announce::Announcements;
use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::domain::event::Event;
use crate::domain::snapshot::Snapshot;
use crate::domain::subscription::SubscriptionState;
use crate::state::State;
use crate::store::deliveries::NewDelivery;
use crate::store::events::NewEvent;
use crate::store::outcomes::SettledEvent;
use crate::store::{PARTITIONED, STORED_EVENTS, deliveries, events, settlements};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, SubscriptionId};
use platform_pg::{StoreError, partitions};
use std::collections::{BTreeMap, HashSet};

/// Why events were not fanned out. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum FanOutError {
    /// Its id is not of version 7, or of a time for which no partition is kept: it can never be stored.
    #[error("event {0} is not of the weeks that are kept")]
    OutOfRange(EventId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether there is, or will be, a partition for an event.
pub fn can_be_stored(event: &Event, now: DateTime<Utc>) -> bool {
    let made = platform::ids::time_of(event.id.as_uuid());
    made.is_some_and(|made| STORED_EVENTS.covered(now).contains(&made))
}

/// Stores events, which [`can_be_stored`], and their deliveries; what is stored already stays as it is. Says so to publishers who asked.
/// Wakes whoever delivers.
pub async fn fan_out(state: &State, arrived: &[Event]) -> Result<(), FanOutError> {
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

/// An event with its deliveries.
struct Matched<'e> {
    event: &'e Event,
    deliveries: Vec<NewDelivery>,
}

impl<'e> Matched<'e> {
    fn of(event: &'e Event, snapshot: &Snapshot) -> Self {
        let deliveries = snapshot
            .matching(event)
            .map(|subscription| NewDelivery {
                key: DeliveryKey { event: event.id, subscription: subscription.id },
                organization: event.organization,
                state: match subscription.state {
                    SubscriptionState::Active | SubscriptionState::Paused => DeliveryState::Pending,
                    SubscriptionState::Disabled | SubscriptionState::Deleted => {
                        DeliveryState::SkippedDisabled
                    }
                },
            })
            .collect();
        Self { event, deliveries }
    }

    fn is_over(&self) -> bool {
        self.deliveries.iter().all(|delivery| delivery.state != DeliveryState::Pending)
    }

    fn new_event(&self, now: DateTime<Utc>) -> NewEvent<'e> {
        NewEvent {
            event: self.event,
            wanted: !self.deliveries.is_empty(),
            settled_at: (self.event.track_delivery && self.is_over()).then_some(now),
        }
    }

    fn announce(&self, announcements: &mut Announcements) {
        if !self.event.track_delivery {
            return;
        }
        announcements.matched(self.event, self.deliveries.len());
        if self.is_over() {
            announcements.settled(&SettledEvent {
                event: self.event.id,
                organization: self.event.organization,
                source: self.event.source.clone(),
                traceparent: self.event.traceparent.clone(),
                delivered: 0,
                dead_letter: 0,
                expired: 0,
                cancelled: u32::try_from(self.deliveries.len()).unwrap_or(u32::MAX),
            });
        }
    }
}

async fn store(state: &State, arrived: &[Event]) -> Result<Vec<NewDelivery>, StoreError> {
    let now = state.clock.now();
    let mut transaction = state.database.begin().await?;
    let snapshot = state.subscriptions.refreshed(&mut transaction).await?;
    let mut seen = HashSet::new();
    // Of an event about webhooks that nobody asked for there is nothing to account for.
    let matched: Vec<Matched<'_>> = arrived
        .iter()
        .filter(|event| seen.insert(event.id))
        .map(|event| Matched::of(event, &snapshot))
        .filter(|matched| !matched.deliveries.is_empty() || !matched.event.is_own())
        .collect();
    if matched.is_empty() {
        return Ok(Vec::new());
    }
    let new: Vec<_> = matched.iter().map(|matched| matched.new_event(now)).collect();
    let fresh = events::insert(&mut transaction, &new, now).await?;
    let mut announcements = Announcements::new(state);
    let mut new = Vec::new();
    for matched in matched.into_iter().filter(|matched| fresh.contains(&matched.event.id)) {
        matched.announce(&mut announcements);
        new.extend(matched.deliveries);
    }
    deliveries::insert(&mut transaction, &new, now).await?;
    count_skipped(&mut transaction, &new).await?;
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await?;
    state.relay.hand_over(announced);
    Ok(new)
}

async fn count_skipped(
    connection: &mut sqlx::PgConnection,
    deliveries: &[NewDelivery],
) -> Result<(), StoreError> {
    let mut skipped: BTreeMap<SubscriptionId, i64> = BTreeMap::new();
    for delivery in deliveries.iter().filter(|delivery| delivery.state != DeliveryState::Pending) {
        *skipped.entry(delivery.key.subscription).or_default() += 1;
    }
    if skipped.is_empty() { Ok(()) } else { settlements::count_ended(connection, &skipped).await }
}
