//! Writing outcomes down, in batches: collected for a moment, written in one transaction.

use super::schedule::{Bases, RetryPolicy, Verdict};
use super::sender::Attempted;
use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::state::State;
use crate::store::settlements::{self, Settlement, Standing};
use crate::store::subscriptions;
use crate::usecases::announce::Announcements;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::SubscriptionId;
use contracts::webhook::DisabledReason;
use platform_http::edge::chain;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// The most outcomes of one write.
const BATCH: usize = 512;
/// How long an outcome waits for others, and how long while they are few.
const LINGER: Duration = Duration::from_millis(25);
const FEW: usize = 32;
const LINGER_FOR_FEW: Duration = Duration::from_millis(100);
/// Writes at once. Two would wait for each other: for the health of a subscription, and for the end of an event whose
/// deliveries they share.
const WRITERS: usize = 1;
/// Deliveries in a row that were given up before a subscription is disabled.
const HOPELESS: i32 = 100;
/// How long ago the last success must be for that.
const HOPELESS_FOR: TimeDelta = TimeDelta::hours(24);

/// Decides what an attempt leads to, and makes a settlement of it.
pub(super) fn decide(state: &State, attempted: &Attempted, bases: Bases) -> Settlement {
    let subscription = &attempted.subscription;
    let policy = RetryPolicy::of(subscription.family, subscription.retry, bases);
    let attempt = u16::try_from(attempted.attempts_before).unwrap_or(0).saturating_add(1);
    let Verdict { state: after, next_at, disable, exhausted } =
        attempted.outcome.verdict(&policy, attempt, attempted.ended_at, chance());
    // What would be tried again too late ends when its time is over.
    let end = attempted.event.expiry.map(|expiry| expiry.at);
    let next_at = next_at.map(|at| end.map_or(at, |end| at.min(end)));
    report(attempted, after);
    Settlement {
        key: attempted.key,
        event: attempted.event.clone(),
        subscription: attempted.subscription.clone(),
        attempt_id: state.ids.at(attempted.started_at),
        attempts_before: attempted.attempts_before,
        replay: attempted.replay,
        state: after,
        next_at,
        status: attempted.outcome.status().and_then(|status| i16::try_from(status).ok()),
        error: attempted.outcome.error(),
        disable,
        exhausted,
        attempted: attempted.outcome.is_attempt(),
        started_at: attempted.started_at,
        ended_at: attempted.ended_at,
        duration_ms: i32::try_from(attempted.duration.as_millis()).unwrap_or(i32::MAX),
        traceparent: attempted.traceparent.clone(),
    }
}

fn report(attempted: &Attempted, after: DeliveryState) {
    let result = match after {
        DeliveryState::Pending => "retried",
        state => state.name(),
    };
    let family = attempted.subscription.family.name();
    metrics::counter!("leadwire_deliveries_total", "family" => family, "result" => result).increment(1);
    if attempted.outcome.is_attempt() {
        metrics::histogram!("leadwire_delivery_seconds", "family" => family)
            .record(attempted.duration.as_secs_f64());
    }
    if after == DeliveryState::DeadLetter {
        tracing::warn!(
            webhook_id = attempted.key.webhook_id(),
            status = attempted.outcome.status(),
            "delivery is dead"
        );
    }
}

/// From 0 to 1. Without randomness retries are not spread, which is no reason to fail.
fn chance() -> f64 {
    let bytes = platform::secrets::random::<4>().unwrap_or([128, 0, 0, 0]);
    f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
}

/// Outcomes that are not written down yet.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    waiting: Vec<Settlement>,
    /// Since when the first of them waits.
    since: Option<Instant>,
    writing: usize,
}

impl Unsettled {
    pub(super) fn push(&mut self, settlement: Settlement) {
        self.waiting.push(settlement);
        self.since.get_or_insert_with(Instant::now);
    }

    /// The next batch to write, if it is time; at once when `eager`.
    pub(super) fn next_batch(&mut self, eager: bool) -> Option<Vec<Settlement>> {
        let is_time =
            eager || self.waiting.len() >= BATCH || self.due_at().is_some_and(|at| at <= Instant::now());
        if self.writing >= WRITERS || self.waiting.is_empty() || !is_time {
            return None;
        }
        let rest = self.waiting.split_off(self.waiting.len().min(BATCH));
        let batch = std::mem::replace(&mut self.waiting, rest);
        self.since = self.since.filter(|_| !self.waiting.is_empty());
        self.writing += 1;
        Some(batch)
    }

    pub(super) fn written(&mut self) {
        self.writing = self.writing.saturating_sub(1);
    }

    /// A batch could not be written: it waits for a moment, before those that came after it.
    pub(super) fn put_back(&mut self, mut batch: Vec<Settlement>, pause: Duration) {
        self.written();
        batch.append(&mut self.waiting);
        self.waiting = batch;
        self.since = Some(Instant::now() + pause);
    }

    /// When the next batch is to be written.
    pub(super) fn flush_at(&self) -> Option<Instant> {
        self.due_at().filter(|_| self.writing < WRITERS)
    }

    fn due_at(&self) -> Option<Instant> {
        let linger = if self.waiting.len() < FEW { LINGER_FOR_FEW } else { LINGER };
        self.since.map(|since| since + linger)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.writing == 0
    }
}

/// Writes a batch. When the database refuses it, each outcome is written alone; answers those that are
/// refused even so.
pub(super) async fn write(state: &State, batch: &[Settlement]) -> Result<Vec<DeliveryKey>, StoreError> {
    match write_together(state, batch).await {
        Ok(()) => return Ok(Vec::new()),
        Err(error) if error.is_unavailable() => return Err(error),
        Err(error) => tracing::error!(error = chain(&error), "a batch of outcomes was refused"),
    }
    let mut refused = Vec::new();
    for settlement in batch {
        match write_together(state, std::slice::from_ref(settlement)).await {
            Ok(()) => {}
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => {
                let webhook_id = settlement.key.webhook_id();
                tracing::error!(webhook_id, error = chain(&error), "an outcome was refused");
                refused.push(settlement.key);
            }
        }
    }
    Ok(refused)
}

async fn write_together(state: &State, batch: &[Settlement]) -> Result<(), StoreError> {
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let written = settlements::settle(&mut transaction, batch).await?;
    let settled: Vec<&Settlement> =
        batch.iter().filter(|settlement| written.contains(&settlement.key)).collect();
    let mut announcements = Announcements::new(state);
    let ended = settled.iter().filter(|settlement| settlement.state != DeliveryState::Pending);
    let tracked = ended.filter(|settlement| settlement.event.track_delivery);
    announcements.ended(&mut transaction, tracked.map(|settlement| settlement.key.event)).await?;
    for settlement in settled.iter().filter(|settlement| settlement.state == DeliveryState::DeadLetter) {
        announcements.dead_lettered(settlement);
    }
    let standings = settlements::record_health(&mut transaction, &settled).await?;
    let disabled =
        disable(&mut transaction, &mut announcements, &settled, &standings, state.clock.now()).await?;
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await?;
    state.relay.hand_over(announced);
    if settled.len() < batch.len() {
        tracing::info!(
            written = settled.len(),
            of = batch.len(),
            "some deliveries were settled by somebody else"
        );
    }
    if !disabled.is_empty() {
        let mut connection = state.database.acquire().await?;
        state.subscriptions.refreshed(&mut connection).await?;
        // What it has pending is to be skipped.
        state.wake.subscriptions(disabled);
    }
    Ok(())
}

/// Disables the subscriptions whose receivers want nothing more, or do nothing but fail. Says which.
async fn disable(
    connection: &mut PgConnection,
    announcements: &mut Announcements,
    settled: &[&Settlement],
    standings: &[Standing],
    now: DateTime<Utc>,
) -> Result<HashSet<SubscriptionId>, StoreError> {
    let mut doomed = BTreeMap::new();
    for settlement in settled {
        let subscription = &settlement.subscription;
        if settlement.disable {
            doomed.insert(subscription.id, (subscription, DisabledReason::Gone));
        } else if standings.iter().any(|standing| is_hopeless(standing, settlement, now)) {
            doomed.entry(subscription.id).or_insert((subscription, DisabledReason::Failing));
        }
    }
    if doomed.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<_> = doomed.keys().map(|id| id.as_uuid()).collect();
    let version = subscriptions::bump_version(connection).await?;
    let disabled = subscriptions::disable(connection, &ids, version, now).await?;
    for id in &disabled {
        if let Some((subscription, reason)) = doomed.get(id) {
            tracing::warn!(subscription = %id, ?reason, "subscription disabled");
            announcements.disabled(subscription, *reason);
        }
    }
    Ok(disabled.into_iter().collect())
}

/// Whether this delivery was one too many to give up.
fn is_hopeless(standing: &Standing, settlement: &Settlement, now: DateTime<Utc>) -> bool {
    let subscription = &settlement.subscription;
    let since = standing.last_success_at.unwrap_or(subscription.created_at);
    standing.subscription == subscription.id
        && settlement.state == DeliveryState::DeadLetter
        && standing.consecutive_exhausted >= HOPELESS
        && now - since > HOPELESS_FOR
}
