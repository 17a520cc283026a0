//! Recovering deliveries that had ended badly, in bulk: a wish that is stored, and worked off in batches that
//! any replica goes on with.

use crate::domain::delivery::DeliveryState;
use crate::domain::subscription::{Owner, Subscription, SubscriptionState};
use crate::state::State;
use crate::store::deliveries::BATCH;
use crate::store::recoveries::{self, Recovery};
use crate::store::{STORED_EVENTS, settlements, shown};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::SubscriptionId;
use platform::ids::floor;
use platform::lifecycle::Shutdown;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// Deliveries per second of a subscription that has no rate of its own.
const DEFAULT_RATE: u32 = 100;
/// How often due batches are looked for.
const INTERVAL: Duration = Duration::from_millis(500);

/// Which deliveries: of events from `since` to before `until`, that ended in one of these states.
#[derive(Clone, Debug)]
pub struct Wish {
    pub since: DateTime<Utc>,
    /// `None`: until now.
    pub until: Option<DateTime<Utc>>,
    pub states: Vec<DeliveryState>,
    /// Only events of this type.
    pub kind: Option<String>,
    /// Only dead letters that were given up for this reason.
    pub reason: Option<String>,
}

/// A recovery as it was begun.
#[derive(Clone, Debug)]
pub struct Begun {
    pub id: Uuid,
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub states: Vec<DeliveryState>,
    /// Deliveries that are due again already.
    pub recovered: usize,
    /// Whether these are all.
    pub done: bool,
}

/// Why nothing is recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("there is no such subscription")]
    Missing,
    #[error("the subscription is disabled, make it active first")]
    Disabled,
    #[error("a recovery of this subscription is under way")]
    Running,
    #[error("must not be before {0}: older deliveries are no longer kept")]
    TooEarly(DateTime<Utc>),
    #[error("must not be before since, nor since in the future")]
    Empty,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Begins to recover, and makes the first deliveries due at once.
pub async fn recover(
    state: &State,
    owner: &Owner,
    id: SubscriptionId,
    wish: Wish,
) -> Result<Begun, RecoverError> {
    let now = state.clock.now();
    let kept_from = STORED_EVENTS.covered(now).start;
    if wish.since < kept_from {
        return Err(RecoverError::TooEarly(kept_from));
    }
    let until = wish.until.unwrap_or(now).min(now);
    if until < wish.since {
        return Err(RecoverError::Empty);
    }
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let known = shown::find(&mut transaction, owner, id).await?.ok_or(RecoverError::Missing)?;
    if known.state == SubscriptionState::Disabled {
        return Err(RecoverError::Disabled);
    }
    let mut recovery = Recovery {
        id: state.ids.at(now),
        organization: owner.organization.id,
        subscription: id,
        first_event: floor(wish.since),
        // The events of the last millisecond are among them.
        last_event: floor(until + TimeDelta::milliseconds(1)),
        states: wish.states.iter().map(|state| state.code()).collect(),
        kind: wish.kind,
        reason: wish.reason,
    };
    recoveries::insert(&mut transaction, &recovery, now).await.map_err(|error| {
        if error.violates(recoveries::RUNNING) { RecoverError::Running } else { error.into() }
    })?;
    let rate = known.rate_limit.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(DEFAULT_RATE);
    let recovered = step(&mut transaction, &mut recovery, rate, now).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    state.changed(&[id]).await;
    Ok(Begun {
        id: recovery.id,
        since: wish.since,
        until,
        states: wish.states,
        recovered,
        done: recovered < batch(),
    })
}

/// Goes on with all recoveries until the shutdown begins.
pub async fn run(state: State, shutdown: Shutdown) {
    while shutdown.sleep(INTERVAL).await {
        loop {
            match go_on(&state).await {
                Ok(true) if !shutdown.has_begun() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "recoveries rest, trying again");
                    break;
                }
            }
        }
    }
}

/// Takes one step of one recovery that is due. Says whether there was one.
async fn go_on(state: &State) -> Result<bool, StoreError> {
    let now = state.clock.now();
    let mut transaction = state.database.begin().await?;
    let Some(mut recovery) = recoveries::take_due(&mut transaction, now).await? else { return Ok(false) };
    let snapshot = state.subscriptions.refreshed(&mut transaction).await?;
    let takes_deliveries = |subscription: &&std::sync::Arc<Subscription>| {
        matches!(subscription.state, SubscriptionState::Active | SubscriptionState::Paused)
    };
    match snapshot.get(recovery.subscription).filter(takes_deliveries) {
        Some(subscription) => {
            let rate = subscription.rate_limit.map_or(DEFAULT_RATE, std::num::NonZeroU32::get);
            step(&mut transaction, &mut recovery, rate, now).await?;
        }
        // Disabled or deleted in the meantime: it has come to its end.
        None => recoveries::advance(&mut transaction, &recovery, 0, None, now).await?,
    }
    transaction.commit().await?;
    state.wake.subscriptions([recovery.subscription]);
    Ok(true)
}

/// Makes one batch due, spread over as much time as the rate needs. Says how many.
async fn step(
    connection: &mut PgConnection,
    recovery: &mut Recovery,
    rate: u32,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let pause = TimeDelta::seconds(1) / i32::try_from(rate.max(1)).unwrap_or(i32::MAX);
    let events = recoveries::bring_back(connection, recovery, pause, now).await?;
    let count = events.len();
    if let Some(last) = events.last() {
        recovery.first_event = Uuid::from_u128(last.as_u128().saturating_add(1));
        let brought_back = i64::try_from(count).unwrap_or(i64::MAX);
        settlements::count_ended(connection, &BTreeMap::from([(recovery.subscription, -brought_back)]))
            .await?;
    }
    let next_at = (count >= batch()).then(|| now + pause * i32::try_from(count).unwrap_or(i32::MAX));
    recoveries::advance(connection, recovery, i64::try_from(count).unwrap_or(i64::MAX), next_at, now).await?;
    Ok(count)
}

fn batch() -> usize {
    usize::try_from(BATCH).unwrap_or(usize::MAX)
}
