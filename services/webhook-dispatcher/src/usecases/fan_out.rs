//! Fan-out: from an event to one delivery for each matching subscription, in one transaction.

use super::announce::Announcements;
use super::notices;
use crate::delivery::{Due, Made};
use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::domain::event::Event;
use crate::domain::lex::{Routing, UnreadableRouting, Waiting};
use crate::domain::snapshot::Snapshot;
use crate::domain::subscription::{Subscription, SubscriptionState};
use crate::state::State;
use crate::store::deliveries::{DueDelivery, NewDelivery};
use crate::store::events::NewEvent;
use crate::store::messages::OpenMessage;
use crate::store::outcomes::SettledEvent;
use crate::store::{self, PARTITIONED, STORED_EVENTS, deliveries, events, messages, settlements};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, SubscriptionId};
use platform_pg::outbox::OutboxEntry;
use platform_pg::{Kept, StoreError, partitions};
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// Why events were not fanned out. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum FanOutError {
    /// Its id is not of version 7, or of a time for which no partition is kept: it can never be stored.
    #[error("event {0} is not of the weeks that are kept")]
    OutOfRange(EventId),
    /// It is called a routed message, and is none.
    #[error("event {0} is no LEX message")]
    Unreadable(EventId, #[source] UnreadableRouting),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Of so many events the commit is waited for at once: they wait for a processor rather than for the disk, and a
/// statement less is worth more to them.
const CROWD: usize = 4;

/// Whether there is, or will be, a partition for an event.
pub fn can_be_stored(event: &Event, now: DateTime<Utc>) -> bool {
    let made = platform::ids::time_of(event.id.as_uuid());
    made.is_some_and(|made| STORED_EVENTS.covered(now).contains(&made))
}

/// Stores events, which [`can_be_stored`], and their deliveries; what is stored already stays as it is. Says so to publishers who asked.
/// Wakes whoever delivers, which may be before what was stored is durable: until it is this does not return, so that
/// what a crash of the database takes back comes again, and goes out again under the same ids.
pub async fn fan_out(state: &State, kept: &Kept, arrived: &[Event]) -> Result<(), FanOutError> {
    let stored = match store(state, kept, arrived).await {
        // Perhaps a partition is missing, which this makes. If not, the second try fails like the first.
        Err(StoreError::Refused(_)) => {
            partitions::provision(&state.database, PARTITIONED, state.clock.now()).await?;
            store(state, kept, arrived).await?
        }
        result => result?,
    };
    metrics::counter!("leadwire_fan_out_events_total").increment(arrived.len() as u64);
    metrics::counter!("leadwire_fan_out_deliveries_total").increment(stored.count);
    state.wake.made(stored.due);
    state.relay.hand_over(stored.announced);
    Ok(())
}

/// One delivery for each subscription that gets an event.
pub fn deliveries_of(event: &Event, snapshot: &Snapshot) -> Vec<NewDelivery> {
    let new = |subscription: &Subscription| NewDelivery {
        key: DeliveryKey { event: event.id, subscription: subscription.id },
        organization: subscription.organization,
        state: match subscription.state {
            SubscriptionState::Active | SubscriptionState::Paused => DeliveryState::Pending,
            SubscriptionState::Disabled | SubscriptionState::Deleted => DeliveryState::SkippedDisabled,
        },
        counts: event.routing.as_ref().is_none_or(|routing| routing.counts_for(subscription)),
    };
    snapshot.matching(event).into_iter().map(|subscription| new(subscription)).collect()
}

/// An event with its deliveries.
struct Matched<'e> {
    event: &'e Event,
    deliveries: Vec<NewDelivery>,
    /// It waits for a subscription of its receiver.
    waiting: Option<Waiting>,
}

impl<'e> Matched<'e> {
    fn of(event: &'e Event, snapshot: &Snapshot) -> Self {
        let mut deliveries = deliveries_of(event, snapshot);
        let found = deliveries.iter().any(NewDelivery::is_awaited);
        let waiting =
            event.routing.as_deref().and_then(Routing::waiting).filter(|_| !found && event.track_delivery);
        if waiting.is_some() {
            // For one that is enabled again it waits as for a new one.
            deliveries.retain(|delivery| !delivery.counts);
        }
        Self { event, deliveries, waiting }
    }

    /// How many subscriptions its publisher is told of.
    fn count(&self) -> u32 {
        let count = self.deliveries.iter().filter(|delivery| delivery.counts).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn is_over(&self) -> bool {
        self.waiting.is_none()
            && self.deliveries.iter().all(|delivery| delivery.state != DeliveryState::Pending)
    }

    /// What is to be noted of a message that is not over yet.
    fn open_message(&self, version: i64) -> Option<OpenMessage> {
        let is_open = self.event.routing.is_some() && self.event.track_delivery && !self.is_over();
        is_open.then(|| OpenMessage {
            event: self.event.id,
            expires_at: match self.waiting {
                Some(waiting) => waiting.until,
                None => self.event.expiry.map(|expiry| expiry.at),
            },
            held_version: self.waiting.is_some().then_some(version),
        })
    }

    /// What its sender is told at once, if that is anything.
    fn notice(&self) -> Option<&str> {
        self.event.routing.as_deref().and_then(Routing::notice)
    }

    /// Whether nothing but the event, its deliveries and what is said of it has to be stored.
    fn is_plain(&self) -> bool {
        self.open_message(0).is_none()
            && self.notice().is_none()
            && self.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Pending)
    }

    fn new_event(&self, now: DateTime<Utc>) -> NewEvent<'e> {
        NewEvent {
            event: self.event,
            wanted: !self.deliveries.is_empty() || self.waiting.is_some(),
            settled_at: (self.event.track_delivery && self.is_over()).then_some(now),
        }
    }

    fn announce(&self, announcements: &mut Announcements) {
        if !self.event.track_delivery {
            return;
        }
        announcements.matched(self.event, self.count());
        if self.is_over() {
            announcements.settled(&SettledEvent {
                event: self.event.id,
                organization: self.event.organization,
                source: self.event.source.clone(),
                traceparent: self.event.traceparent.clone(),
                delivered: 0,
                dead_letter: 0,
                expired: 0,
                cancelled: self.count(),
            });
        }
    }
}

/// What has been stored, and is durable.
#[derive(Default)]
struct Stored {
    /// Deliveries.
    count: u64,
    /// What nobody was woken for yet.
    due: Vec<Made>,
    announced: Vec<OutboxEntry>,
}

async fn store(state: &State, kept: &Kept, arrived: &[Event]) -> Result<Stored, StoreError> {
    let now = state.clock.now();
    let mut connection = kept.take().await?;
    // As far as is known here; the statement itself sees whether anything newer is.
    let known = state.subscriptions.current();
    let matched = match_all(arrived, &known);
    if !matched.is_empty()
        && matched.iter().all(Matched::is_plain)
        && let Some(stored) = store_new(state, &mut connection, &matched, &known, now).await?
    {
        kept.keep(connection);
        return Ok(stored);
    }
    let snapshot = state.subscriptions.refreshed(&mut connection).await?;
    kept.keep(connection);
    let matched = match_all(arrived, &snapshot);
    if matched.is_empty() { Ok(Stored::default()) } else { store_each(state, matched, &snapshot, now).await }
}

/// Each event once, with its deliveries. Of an event about webhooks that nobody asked for there is nothing to account
/// for.
fn match_all<'e>(arrived: &'e [Event], snapshot: &Snapshot) -> Vec<Matched<'e>> {
    let mut seen = HashSet::new();
    let new = arrived.iter().filter(|event| seen.insert(event.id));
    new.map(|event| Matched::of(event, snapshot))
        .filter(|matched| !matched.deliveries.is_empty() || !matched.event.is_own())
        .collect()
}

/// Stores what is new as a whole and needs nothing but rows, and wakes whoever delivers; of a few events before they are
/// durable. Nothing, when some of it is not new, or the snapshot is not the newest.
async fn store_new(
    state: &State,
    connection: &mut PgConnection,
    matched: &[Matched<'_>],
    snapshot: &Snapshot,
    now: DateTime<Utc>,
) -> Result<Option<Stored>, StoreError> {
    let new: Vec<_> = matched.iter().map(|matched| matched.new_event(now)).collect();
    let deliveries: Vec<_> = matched.iter().flat_map(|matched| matched.deliveries.clone()).collect();
    let mut announcements = Announcements::new(state);
    for matched in matched {
        matched.announce(&mut announcements);
    }
    let (said, version, since) = (announcements.packed(), snapshot.version(), Instant::now());
    let later = !deliveries.is_empty() && new.len() < CROWD;
    let stored = store::fan_out::insert(connection, &new, &deliveries, said, version, later, now).await?;
    let Some(announced) = stored else { return Ok(None) };
    let due = matched.iter().flat_map(|matched| due_of(matched.event, &matched.deliveries));
    state.wake.made(due.map(|due| Made { due, since }).collect());
    if later {
        platform_pg::flush(connection).await?;
    }
    Ok(Some(Stored { count: deliveries.len() as u64, due: Vec::new(), announced }))
}

/// Stores events of which some may be stored already, messages that wait, and what is not to be delivered.
async fn store_each(
    state: &State,
    matched: Vec<Matched<'_>>,
    snapshot: &Snapshot,
    now: DateTime<Utc>,
) -> Result<Stored, StoreError> {
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let new: Vec<_> = matched.iter().map(|matched| matched.new_event(now)).collect();
    let fresh = events::insert(&mut transaction, &new, now).await?;
    let mut announcements = Announcements::new(state);
    let (mut new, mut open, mut due) = (Vec::new(), Vec::new(), Vec::new());
    for matched in matched.into_iter().filter(|matched| fresh.contains(&matched.event.id)) {
        matched.announce(&mut announcements);
        open.extend(matched.open_message(snapshot.version()));
        if let Some(notice) = matched.notice() {
            let (organization, notice) = (matched.event.organization, notice.as_bytes().to_vec());
            notices::send(&mut transaction, &state.clock, &state.ids, organization, notice).await?;
        }
        due.extend(due_of(matched.event, &matched.deliveries));
        new.extend(matched.deliveries);
    }
    deliveries::insert(&mut transaction, &new, now).await?;
    if !open.is_empty() {
        messages::insert(&mut transaction, &open).await?;
    }
    count_skipped(&mut transaction, &new).await?;
    let announced = announcements.write(&mut transaction).await?;
    let since = Instant::now();
    transaction.commit().await?;
    let due = due.into_iter().map(|due| Made { due, since }).collect();
    Ok(Stored { count: new.len() as u64, due, announced })
}

/// Of the deliveries of an event those that can be made at once.
fn due_of(event: &Event, deliveries: &[NewDelivery]) -> Vec<Due> {
    let pending = deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Pending);
    let mut pending = pending.peekable();
    if pending.peek().is_none() {
        return Vec::new();
    }
    let event = Arc::new(event.clone());
    let due =
        |delivery: &NewDelivery| Due { delivery: DueDelivery::first(delivery.key), event: event.clone() };
    pending.map(due).collect()
}

async fn count_skipped(connection: &mut PgConnection, deliveries: &[NewDelivery]) -> Result<(), StoreError> {
    let mut skipped: BTreeMap<SubscriptionId, i64> = BTreeMap::new();
    for delivery in deliveries.iter().filter(|delivery| delivery.state != DeliveryState::Pending) {
        *skipped.entry(delivery.key.subscription).or_default() += 1;
    }
    if skipped.is_empty() { Ok(()) } else { settlements::count_ended(connection, &skipped).await }
}
