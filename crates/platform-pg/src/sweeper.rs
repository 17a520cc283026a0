//! The sweeper: publishes what the relay could not, and measures the outbox while it is at it.
//!
//! Claims must stay cheap while an old snapshot keeps deleted rows from being vacuumed: they start above a
//! low-water mark instead of walking over the dead. The mark cannot be kept by claiming alone, because
//! numbers are not handed out in commit order, and a row that another sweeper had locked when it died lies
//! below it. A survey of the whole outbox sets it anew every few seconds; that is the one statement that
//! walks over the dead, and it is made less often as it gets dearer.

use crate::bounded::{LIMIT, within};
use crate::error::StoreError;
use crate::outbox::{OutboxEntry, PendingEvent};
use crate::parcels::Parcels;
use crate::relay::delete;
use platform::lifecycle::Shutdown;
use platform::messaging::Publish;
use sqlx::{FromRow, PgPool};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Younger rows are left to the relay.
const SWEEP_AGE: Duration = Duration::from_secs(5);
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
const IDLE_SWEEP_INTERVAL: Duration = Duration::from_secs(5);
const SURVEY_INTERVAL: Duration = Duration::from_secs(5);
const LONGEST_SURVEY_INTERVAL: Duration = Duration::from_mins(1);
/// A survey may take a hundredth of the time.
const SURVEY_SHARE: u32 = 100;
/// Up to here the depth is counted, beyond it is the estimate of the statistics.
const COUNTED: i64 = 10_000;

pub(crate) struct Sweeper<P> {
    pool: PgPool,
    publisher: Arc<P>,
    /// The last survey found no row up to here.
    low_water: i64,
    /// Where the next claim starts: behind what was tried since.
    above: i64,
    /// Whether something between the two was not confirmed.
    left_behind: bool,
    /// Whether the last sweep ended at a window that failed, not at the end of the outbox.
    interrupted: bool,
    survey_at: Instant,
}

#[derive(FromRow)]
struct Survey {
    oldest: Option<i64>,
    age: Option<f64>,
    depth: i64,
    estimate: i64,
    last: Option<i64>,
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

/// What became of a window.
struct Swept {
    found: usize,
    confirmed: usize,
    last: i64,
}

impl<P: Publish> Sweeper<P> {
    pub(crate) fn new(pool: PgPool, publisher: Arc<P>) -> Self {
        Self {
            pool,
            publisher,
            low_water: 0,
            above: 0,
            left_behind: false,
            interrupted: false,
            survey_at: Instant::now(),
        }
    }

    pub(crate) async fn run(mut self, shutdown: Shutdown) {
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

    /// Publishes everything that is old enough, window by window, until nothing is confirmed any more. The next
    /// sweep goes on behind a window that failed, and comes back to it: it holds up nothing else.
    async fn sweep(&mut self, shutdown: &Shutdown) -> Result<usize, StoreError> {
        if Instant::now() >= self.survey_at {
            self.survey().await?;
        }
        let mut total = 0;
        while !shutdown.has_begun() {
            let swept = self.sweep_window().await?;
            total += swept.confirmed;
            self.above = swept.last;
            self.left_behind |= swept.confirmed < swept.found;
            let at_the_end = swept.found < P::WINDOW;
            if at_the_end && std::mem::take(&mut self.left_behind) {
                self.above = self.low_water;
            }
            self.interrupted = !at_the_end && swept.confirmed == 0;
            if at_the_end || self.interrupted {
                break;
            }
        }
        Ok(total)
    }

    /// Looks at the whole outbox: sets the low-water mark and the gauges.
    async fn survey(&mut self) -> Result<(), StoreError> {
        let started = Instant::now();
        // `last` is read beside the snapshot: a row of a smaller number that is committed later is found by
        // the next survey.
        let survey: Survey = within(
            LIMIT,
            sqlx::query_as(
                "with oldest as materialized (select seq, created_at from outbox order by seq limit 1)
                 select (select seq from oldest) as oldest,
                     (select extract(epoch from now() - created_at)::float8 from oldest) as age,
                     (select count(*) from
                         (select from outbox where seq >= (select seq from oldest) limit $1) as counted) as depth,
                     pg_stat_get_live_tuples('outbox'::regclass) as estimate,
                     pg_sequence_last_value(pg_get_serial_sequence('outbox', 'seq')::regclass) as last",
            )
            .bind(COUNTED)
            .fetch_one(&self.pool),
        )
        .await?;
        self.low_water = survey.oldest.map_or(survey.last.unwrap_or(0), |oldest| oldest - 1);
        if !self.interrupted {
            (self.above, self.left_behind) = (self.low_water, false);
        }
        let wait = (started.elapsed() * SURVEY_SHARE).clamp(SURVEY_INTERVAL, LONGEST_SURVEY_INTERVAL);
        self.survey_at = Instant::now() + wait;
        let depth = if survey.depth < COUNTED { survey.depth } else { survey.estimate.max(COUNTED) };
        metrics::gauge!("leadwire_outbox_depth").set(f64::from(u32::try_from(depth).unwrap_or(u32::MAX)));
        metrics::gauge!("leadwire_outbox_oldest_age_seconds").set(survey.age.unwrap_or(0.0).max(0.0));
        Ok(())
    }

    /// One window in one transaction, which spans the publish on purpose: the row locks keep two sweepers
    /// apart. The publish is bounded in time, and so is the transaction.
    async fn sweep_window(&self) -> Result<Swept, StoreError> {
        let claim = async {
            let mut transaction = self.pool.begin().await?;
            let rows: Vec<OutboxRow> = sqlx::query_as(
                "select seq, event_id, routing_key, kind, headers, payload from outbox
                 where seq > $1 and created_at < now() - make_interval(secs => $2)
                 order by seq limit $3 for update skip locked",
            )
            .bind(self.above)
            .bind(SWEEP_AGE.as_secs_f64())
            .bind(i64::try_from(P::WINDOW).unwrap_or(i64::MAX))
            .fetch_all(&mut *transaction)
            .await?;
            Ok::<_, sqlx::Error>((transaction, rows))
        };
        let (mut transaction, rows) = within(LIMIT, claim).await?;
        let Some(last) = rows.last().map(|row| row.seq) else {
            return Ok(Swept { found: 0, confirmed: 0, last: self.above });
        };
        let found = rows.len();
        let entries = rows.into_iter().map(OutboxEntry::from).collect();
        let confirmed = Parcels::pack(entries).publish(&*self.publisher).await;
        let settle = async {
            delete(&mut *transaction, &confirmed).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        };
        within(LIMIT, settle).await?;
        Ok(Swept { found, confirmed: confirmed.len(), last })
    }
}

impl From<OutboxRow> for OutboxEntry {
    fn from(row: OutboxRow) -> Self {
        let event = PendingEvent {
            event_id: row.event_id,
            routing_key: row.routing_key,
            kind: row.kind,
            headers: row.headers,
            payload: row.payload,
        };
        Self { seq: row.seq, event }
    }
}
