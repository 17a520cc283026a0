//! Writing outcomes down, in batches: collected for a moment, written in one transaction.

use super::schedule::{RetryPolicy, Verdict};
use super::sender::Attempted;
use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::state::State;
use crate::store::settlements::{self, Settlement};
use crate::store::subscriptions;
use platform_http::edge::chain;
use platform_pg::StoreError;
use std::time::Duration;
use tokio::time::Instant;

/// The most outcomes of one write.
const BATCH: usize = 256;
/// How long an outcome waits for others.
const LINGER: Duration = Duration::from_millis(10);
/// Writes at once.
const WRITERS: usize = 2;

/// Decides what an attempt leads to, and makes a settlement of it.
pub(super) fn decide(state: &State, attempted: &Attempted, partner_base: Duration) -> Settlement {
    let policy = RetryPolicy::of(attempted.family, partner_base);
    let attempt = u16::try_from(attempted.attempts_before).unwrap_or(0).saturating_add(1);
    let Verdict { state: after, next_at, disable } =
        attempted.outcome.verdict(&policy, attempt, attempted.ended_at, chance());
    report(attempted, after);
    Settlement {
        key: attempted.key,
        attempt_id: state.ids.at(attempted.started_at),
        attempts_before: attempted.attempts_before,
        replay: attempted.replay,
        state: after,
        next_at,
        status: attempted.outcome.status().and_then(|status| i16::try_from(status).ok()),
        error: attempted.outcome.error(),
        disable,
        started_at: attempted.started_at,
        ended_at: attempted.ended_at,
        duration_ms: i32::try_from(attempted.duration.as_millis()).unwrap_or(i32::MAX),
    }
}

fn report(attempted: &Attempted, after: DeliveryState) {
    let result = match after {
        DeliveryState::Pending => "retried",
        state => state.name(),
    };
    let family = attempted.family.name();
    metrics::counter!("leadwire_deliveries_total", "family" => family, "result" => result).increment(1);
    metrics::histogram!("leadwire_delivery_seconds", "family" => family)
        .record(attempted.duration.as_secs_f64());
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
    /// When the first of them has waited long enough.
    flush_at: Option<Instant>,
    writing: usize,
}

impl Unsettled {
    pub(super) fn push(&mut self, settlement: Settlement) {
        self.waiting.push(settlement);
        self.flush_at.get_or_insert_with(|| Instant::now() + LINGER);
    }

    /// The next batch to write, if it is time; at once when `eager`.
    pub(super) fn next_batch(&mut self, eager: bool) -> Option<Vec<Settlement>> {
        let is_time =
            eager || self.waiting.len() >= BATCH || self.flush_at.is_some_and(|at| at <= Instant::now());
        if self.writing >= WRITERS || self.waiting.is_empty() || !is_time {
            return None;
        }
        let rest = self.waiting.split_off(self.waiting.len().min(BATCH));
        let batch = std::mem::replace(&mut self.waiting, rest);
        self.flush_at = (!self.waiting.is_empty()).then(Instant::now);
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
        self.flush_at = Some(Instant::now() + pause);
    }

    /// When the next batch is to be written.
    pub(super) fn flush_at(&self) -> Option<Instant> {
        self.flush_at.filter(|_| self.writing < WRITERS)
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
    let gone: Vec<_> = batch
        .iter()
        .filter(|settlement| settlement.disable)
        .map(|settlement| settlement.key.subscription.as_uuid())
        .collect();
    let mut transaction = state.database.begin().await?;
    let written = settlements::settle(&mut transaction, batch).await?;
    settlements::record_health(&mut transaction, batch).await?;
    if !gone.is_empty() {
        let version = subscriptions::bump_version(&mut transaction).await?;
        subscriptions::disable(&mut transaction, &gone, version, state.clock.now()).await?;
    }
    transaction.commit().await?;
    if written < batch.len() as u64 {
        tracing::info!(written, of = batch.len(), "some deliveries were settled by somebody else");
    }
    if !gone.is_empty() {
        let mut connection = state.database.acquire().await?;
        state.subscriptions.refreshed(&mut connection).await?;
    }
    Ok(())
}
