//! From the outbox to the broker: a relay that publishes what was just committed, and a sweeper that picks
//! up what a crash or an outage left.
//!
//! A row is deleted only after the broker has confirmed its message; a message may therefore be published
//! twice, always with the same `message_id`. HTTP never waits for either.

use crate::error::StoreError;
use crate::outbox::{OutboxEntry, PendingEvent};
use platform::lifecycle::{Shutdown, Tasks};
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use sqlx::{FromRow, PgPool};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Committed events that may wait for the relay. What does not fit is left to the sweeper.
const CAPACITY: usize = 16_384;
/// The sweeper leaves younger rows to the relay.
const SWEEP_AGE: Duration = Duration::from_secs(5);
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
const IDLE_SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often the sweeper distrusts its low-water mark: numbers are not handed out in commit order, and rows
/// that another sweeper had locked when it died are below it.
const FULL_SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The entrance to the relay.
#[derive(Clone, Debug)]
pub struct Relay {
    sender: mpsc::Sender<OutboxEntry>,
}

impl Relay {
    /// Starts relay and sweeper for the outbox of this pool's schema.
    pub fn start<P: Publish>(pool: &PgPool, publisher: P, tasks: &Tasks, shutdown: &Shutdown) -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let publisher = Arc::new(publisher);
        tasks.spawn("relay", relay(pool.clone(), publisher.clone(), receiver, shutdown.clone()));
        let sweeper = Sweeper { pool: pool.clone(), publisher, hint: 0, full_sweep_at: Instant::now() };
        tasks.spawn("sweeper", sweeper.run(shutdown.clone()));
        Self { sender }
    }

    /// Hands over what was just committed. Never waits: the rows are safe where they are.
    pub fn hand_over(&self, entries: impl IntoIterator<Item = OutboxEntry>) {
        for entry in entries {
            if self.sender.try_send(entry).is_err() {
                metrics::counter!("leadwire_outbox_left_to_sweeper_total").increment(1);
            }
        }
    }
}

async fn relay<P: Publish>(
    pool: PgPool,
    publisher: Arc<P>,
    mut receiver: mpsc::Receiver<OutboxEntry>,
    shutdown: Shutdown,
) {
    let mut window = Vec::with_capacity(P::WINDOW);
    loop {
        if shutdown.or(receiver.recv_many(&mut window, P::WINDOW)).await.is_none() {
            // What is committed is safe; publish what fits into the drain all the same.
            receiver.close();
            receiver.recv_many(&mut window, P::WINDOW).await;
        }
        if window.is_empty() {
            return;
        }
        let (seqs, messages): (Vec<_>, Vec<OutboundMessage>) =
            window.drain(..).map(|entry| (entry.seq, entry.event.into())).unzip();
        let confirmed = confirmed(&seqs, &publisher.publish(&messages).await);
        if let Err(error) = delete(&pool, &confirmed).await {
            tracing::warn!(%error, "outbox: published rows stay for the sweeper");
        }
    }
}

fn confirmed(seqs: &[i64], outcomes: &[PublishOutcome]) -> Vec<i64> {
    seqs.iter()
        .zip(outcomes)
        .filter(|(_, outcome)| **outcome == PublishOutcome::Confirmed)
        .map(|(&seq, _)| seq)
        .collect()
}

async fn delete<'e>(database: impl sqlx::PgExecutor<'e>, seqs: &[i64]) -> Result<(), StoreError> {
    if !seqs.is_empty() {
        sqlx::query("delete from outbox where seq = any($1)").bind(seqs).execute(database).await?;
    }
    Ok(())
}

struct Sweeper<P> {
    pool: PgPool,
    publisher: Arc<P>,
    /// No row below this was seen last time. Saves walking over dead rows while an old snapshot is open.
    hint: i64,
    full_sweep_at: Instant,
}

#[derive(FromRow)]
struct OutboxRow {
    seq: i64,
    event_id: Uuid,
    routing_key: String,
    kind: String,
    headers: serde_json::Value,
    payload: Vec<u8>,
}

impl<P: Publish> Sweeper<P> {
    async fn run(mut self, shutdown: Shutdown) {
        let mut interval = SWEEP_INTERVAL;
        while shutdown.sleep(interval).await {
            interval = match self.sweep(&shutdown).await {
                Ok(0) => (interval * 2).min(IDLE_SWEEP_INTERVAL),
                Ok(count) => {
                    tracing::info!(count, "outbox: swept rows that the relay had left");
                    SWEEP_INTERVAL
                }
                Err(error) => {
                    tracing::warn!(error = %error, "outbox: the sweep failed, trying again");
                    SWEEP_INTERVAL
                }
            };
        }
    }

    /// Publishes everything that is old enough, window by window, until nothing is confirmed any more.
    async fn sweep(&mut self, shutdown: &Shutdown) -> Result<usize, StoreError> {
        if Instant::now() >= self.full_sweep_at {
            self.hint = 0;
            self.full_sweep_at = Instant::now() + FULL_SWEEP_INTERVAL;
        }
        let mut total = 0;
        while !shutdown.has_begun() {
            let swept = self.sweep_window().await?;
            total += swept;
            if swept < P::WINDOW {
                break;
            }
        }
        Ok(total)
    }

    /// One window in one transaction, which spans the publish on purpose: the row locks keep two sweepers
    /// apart. The publish is bounded in time, and so is the transaction.
    async fn sweep_window(&mut self) -> Result<usize, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let rows: Vec<OutboxRow> = sqlx::query_as(
            "select seq, event_id, routing_key, kind, headers, payload from outbox \
             where seq > $1 and created_at < now() - make_interval(secs => $2) \
             order by seq limit $3 for update skip locked",
        )
        .bind(self.hint)
        .bind(SWEEP_AGE.as_secs_f64())
        .bind(i64::try_from(P::WINDOW).unwrap_or(i64::MAX))
        .fetch_all(&mut *transaction)
        .await?;
        let Some(first) = rows.first().map(|row| row.seq) else {
            return Ok(0);
        };
        let (seqs, messages): (Vec<_>, Vec<OutboundMessage>) = rows.into_iter().map(OutboxRow::split).unzip();
        let confirmed = confirmed(&seqs, &self.publisher.publish(&messages).await);
        delete(&mut *transaction, &confirmed).await?;
        transaction.commit().await?;
        self.hint =
            if confirmed.len() == seqs.len() { seqs.last().copied().unwrap_or(first) } else { first - 1 };
        Ok(confirmed.len())
    }
}

impl OutboxRow {
    fn split(self) -> (i64, OutboundMessage) {
        let event = PendingEvent {
            event_id: self.event_id,
            routing_key: self.routing_key,
            kind: self.kind,
            headers: self.headers,
            payload: self.payload,
        };
        (self.seq, event.into())
    }
}
