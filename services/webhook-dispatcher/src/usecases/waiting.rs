//! LEX messages between routing and their end: those that wait for a subscription of their receiver, and those
//! whose time runs out while nothing can be sent.

use super::announce::Announcements;
use super::fan_out::deliveries_of;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::Event;
use crate::domain::lex::Routing;
use crate::domain::snapshot::Snapshot;
use crate::state::State;
use crate::store::deliveries::NewDelivery;
use crate::store::messages::{self, BATCH};
use crate::store::{deliveries, events, settlements};
use chrono::TimeDelta;
use contracts::ids::SubscriptionId;
use contracts::webhook::DeadLetterReason;
use platform::lifecycle::Shutdown;
use platform_pg::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How often they are looked through.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long after its end a delivery is ended that no engine has ended: its subscription is paused, or its
/// receiver is being left alone. An attempt that began in time is over by then.
const GRACE: TimeDelta = TimeDelta::minutes(1);

/// Looks through them until the shutdown begins.
pub async fn run(state: State, shutdown: Shutdown) {
    while shutdown.sleep(INTERVAL).await {
        if let Err(error) = look_through(&state, &shutdown).await {
            tracing::warn!(%error, "messages that wait rest, trying again");
        }
    }
}

async fn look_through(state: &State, shutdown: &Shutdown) -> Result<(), StoreError> {
    // What can still be delivered comes before what is over.
    while compare(state).await? && !shutdown.has_begun() {}
    while lapse(state).await? && !shutdown.has_begun() {}
    while end_late(state).await? && !shutdown.has_begun() {}
    Ok(())
}

/// A message that waits, and who has come to get it.
struct Taken {
    event: Event,
    deliveries: Vec<NewDelivery>,
}

/// Compares a batch of messages that wait with the subscriptions that are newer than they are. Says whether there
/// may be more.
async fn compare(state: &State) -> Result<bool, StoreError> {
    let now = state.clock.now();
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let snapshot = state.subscriptions.refreshed(&mut transaction).await?;
    let waiting = messages::take_waiting(&mut transaction, snapshot.lex_version(), now).await?;
    if waiting.is_empty() {
        return Ok(false);
    }
    let found = events::find(&mut transaction, &waiting).await?;
    let taken: Vec<Taken> = found.into_iter().filter_map(|event| take(event, &snapshot)).collect();
    let gone: Vec<Uuid> = taken.iter().map(|taken| taken.event.id.as_uuid()).collect();
    let left: Vec<Uuid> = waiting.iter().copied().filter(|id| !gone.contains(id)).collect();
    messages::compared(&mut transaction, &waiting, &left, snapshot.version()).await?;
    let new: Vec<NewDelivery> = taken.iter().flat_map(|taken| &taken.deliveries).copied().collect();
    deliveries::insert(&mut transaction, &new, now).await?;
    transaction.commit().await?;
    state.wake.subscriptions(new.iter().map(|delivery| delivery.key.subscription));
    Ok(i64::try_from(waiting.len()).is_ok_and(|count| count >= BATCH))
}

/// A message with deliveries to the subscriptions that it waited for; `None` while there are none.
fn take(mut event: Event, snapshot: &Snapshot) -> Option<Taken> {
    let routing = Routing::read(&event.payload).ok()?;
    event.routing = Some(Arc::new(routing));
    let deliveries = deliveries_of(&event, snapshot);
    let deliveries: Vec<_> = deliveries.into_iter().filter(NewDelivery::is_awaited).collect();
    (!deliveries.is_empty()).then_some(Taken { event, deliveries })
}

/// Ends a batch of messages that have waited in vain. Says whether there may be more.
async fn lapse(state: &State) -> Result<bool, StoreError> {
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let ended = messages::lapse(&mut transaction, state.clock.now()).await?;
    if ended.is_empty() {
        return Ok(false);
    }
    let count = ended.len();
    let mut announcements = Announcements::new(state);
    announcements.ended(&mut transaction, ended).await?;
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await?;
    state.relay.hand_over(announced);
    metrics::counter!("leadwire_lex_messages_lapsed_total").increment(count as u64);
    Ok(i64::try_from(count).is_ok_and(|count| count >= BATCH))
}

/// Ends a batch of deliveries that are long over. Says whether there may be more.
async fn end_late(state: &State) -> Result<bool, StoreError> {
    let now = state.clock.now();
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let ended = messages::end_late(&mut transaction, now - GRACE, now).await?;
    if ended.is_empty() {
        return Ok(false);
    }
    let ids: Vec<Uuid> = ended.iter().map(|(one, _)| one.key.event.as_uuid()).collect();
    let found = events::find(&mut transaction, &ids).await?;
    let mut announcements = Announcements::new(state);
    let mut counts: BTreeMap<SubscriptionId, i64> = BTreeMap::new();
    for (one, outcome) in &ended {
        *counts.entry(one.key.subscription).or_default() += 1;
        let event = found.iter().find(|event| event.id == one.key.event);
        if let (DeliveryState::DeadLetter, Some(event)) = (outcome, event) {
            let status = one.last_status.and_then(|status| u16::try_from(status).ok());
            let reason = DeadLetterReason::Expired;
            announcements.given_up(event, one.organization, one.key, one.attempts, status, reason);
        }
    }
    announcements.ended(&mut transaction, ended.iter().map(|(one, _)| one.key.event)).await?;
    settlements::count_ended(&mut transaction, &counts).await?;
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await?;
    state.relay.hand_over(announced);
    Ok(i64::try_from(ended.len()).is_ok_and(|count| count >= BATCH))
}
