//! Retention: partitions that are wholly older than a table is to be kept are dropped, never rows deleted.
//!
//! Rows that are still open are settled first, by the table's owner; a partition that keeps any stays. Tables
//! that are not listed are kept for ever, and so are partitions whose names are not made by
//! [`crate::partitions`].

use crate::bounded::{LIMIT, within};
use crate::error::StoreError;
use crate::partitions::{INTERVAL, PartitionedTable};
use chrono::{DateTime, Days, Utc};
use platform::clock::Clock;
use platform::lifecycle::{Shutdown, Tasks};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use std::borrow::Cow;
use std::future::Future;
use std::ops::Range;
use std::time::Duration;

/// After how long a partition that was held back is tried again, and the first round made.
const RETRY_INTERVAL: Duration = Duration::from_mins(1);

/// For how long a table's rows are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub table: PartitionedTable,
    /// A partition goes when its last moment is older. The periods that the table must have `behind` stay in
    /// any case.
    pub keep_days: u32,
}

/// A partition whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    pub table: &'static str,
    pub partition: String,
    /// What it holds: all of this and nothing else of the table.
    pub time: Range<DateTime<Utc>>,
}

/// What became of the open rows of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Rows that were brought to an end now.
    pub settled: u64,
    /// Whether others are still open.
    pub left_open: bool,
}

/// Brings the open rows of expired partitions to an end.
pub trait Settle: Send + Sync + 'static {
    /// Settles open rows of the partition and announces what is to be announced (through the outbox), in this
    /// transaction. Called again while it settles some and leaves some, so it need not take more than a
    /// batch; and a last time with the table locked, when there is normally nothing left to do.
    fn settle(
        &self,
        connection: &mut PgConnection,
        expired: &Expired,
    ) -> impl Future<Output = Result<Settled, StoreError>> + Send;
}

/// For tables whose rows are never open.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingOpen;

impl Settle for NothingOpen {
    async fn settle(&self, _: &mut PgConnection, _: &Expired) -> Result<Settled, StoreError> {
        Ok(Settled::default())
    }
}

/// What a round did, by the names of partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub dropped: Vec<String>,
    /// Expired, but with open rows, or in use, or another replica is at it. Their turn comes again.
    pub held_back: Vec<String>,
}

enum Outcome {
    Dropped,
    /// Another replica was faster.
    Gone,
    HeldBack,
}

impl Retention {
    /// Whether a time is wholly over.
    fn is_over(&self, time: &Range<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        let kept_from = now - Days::new(u64::from(self.keep_days));
        time.end <= kept_from && time.end <= self.table.covered(now).start
    }

    /// The partitions whose time is over, oldest first.
    async fn expired(&self, pool: &PgPool, now: DateTime<Utc>) -> Result<Vec<Expired>, StoreError> {
        let children = sqlx::query_scalar(
            "select relname::text from pg_inherits join pg_class on pg_class.oid = inhrelid
             where inhparent = to_regclass($1) order by relname",
        );
        let children: Vec<String> = within(LIMIT, children.bind(self.table.name).fetch_all(pool)).await?;
        let expired = children.into_iter().filter_map(|partition| {
            let time = self.table.range_of(&partition).filter(|time| self.is_over(time, now))?;
            Some(Expired { table: self.table.name, partition, time })
        });
        Ok(expired.collect())
    }
}

/// Drops what is wholly older than it is to be kept, once its open rows are settled. Tables are taken in the
/// given order. Safe to run from several replicas at once.
///
/// # Errors
/// When the database is unavailable. Trouble with one partition only holds that one back.
pub async fn expire<S: Settle>(
    pool: &PgPool,
    retentions: &[Retention],
    now: DateTime<Utc>,
    settle: &S,
) -> Result<Round, StoreError> {
    let mut round = Round::default();
    for retention in retentions {
        for expired in retention.expired(pool, now).await? {
            match retire(pool, &expired, settle).await {
                Ok(Outcome::Dropped) => {
                    tracing::info!(partition = expired.partition, "retention: dropped");
                    metrics::counter!("leadwire_partitions_dropped_total", "table" => expired.table)
                        .increment(1);
                    round.dropped.push(expired.partition);
                }
                Ok(Outcome::Gone) => {}
                Ok(Outcome::HeldBack) => round.held_back.push(expired.partition),
                Err(error) => {
                    tracing::warn!(%error, partition = expired.partition, "retention: not dropped, trying again");
                    round.held_back.push(expired.partition);
                }
            }
        }
    }
    Ok(round)
}

/// Runs a round every ten minutes until the shutdown.
pub fn start<S: Settle>(
    pool: &PgPool,
    retentions: impl Into<Cow<'static, [Retention]>>,
    settle: S,
    clock: Clock,
    tasks: &Tasks,
    shutdown: &Shutdown,
) {
    let (pool, retentions, shutdown) = (pool.clone(), retentions.into(), shutdown.clone());
    tasks.spawn("retention", async move {
        let mut wait = RETRY_INTERVAL;
        while shutdown.sleep(wait).await {
            wait = match expire(&pool, &retentions, clock.now(), &settle).await {
                Ok(round) if round.held_back.is_empty() => INTERVAL,
                Ok(_) => RETRY_INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "retention: no round, trying again");
                    RETRY_INTERVAL
                }
            };
        }
    });
}

async fn retire<S: Settle>(pool: &PgPool, expired: &Expired, settle: &S) -> Result<Outcome, StoreError> {
    loop {
        let step = async {
            let mut transaction = pool.begin().await?;
            if !have_turn(&mut transaction).await? {
                return Ok(None);
            }
            let settled = settle.settle(&mut transaction, expired).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(Some(settled))
        };
        match within(LIMIT, step).await? {
            Some(Settled { left_open: false, .. }) => break,
            Some(Settled { settled: 1.., .. }) => {}
            Some(_) | None => return Ok(Outcome::HeldBack),
        }
    }
    within(LIMIT, drop_settled(pool, expired, settle)).await
}

/// Drops a partition unless something in it was opened since. The whole table is locked for that moment, the
/// parent first, as every query does it: in the other order they would deadlock.
async fn drop_settled<S: Settle>(
    pool: &PgPool,
    expired: &Expired,
    settle: &S,
) -> Result<Outcome, StoreError> {
    let mut transaction = pool.begin().await?;
    if !have_turn(&mut transaction).await? {
        return Ok(Outcome::HeldBack);
    }
    // What waits behind this lock waits no longer than that. More than the second (`deadlock_timeout`) after
    // which an autovacuum makes way.
    sqlx::query("set local lock_timeout = '2s'").execute(&mut *transaction).await?;
    // The names are made in `partitions`, from constants and dates.
    let lock = format!("lock table only {} in access exclusive mode", expired.table);
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *transaction).await?;
    let there: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(&expired.partition)
        .fetch_one(&mut *transaction)
        .await?;
    if !there {
        return Ok(Outcome::Gone);
    }
    let settled = settle.settle(&mut transaction, expired).await?;
    if !settled.left_open {
        let drop = format!("drop table {}", expired.partition);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(if settled.left_open { Outcome::HeldBack } else { Outcome::Dropped })
}

/// Whether this transaction is the one of all replicas that looks after the retention of this schema.
async fn have_turn(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let turn = sqlx::query_scalar(
        "select pg_try_advisory_xact_lock(hashtextextended('leadwire retention ' || current_schema, 0))",
    )
    .fetch_one(connection)
    .await?;
    Ok(turn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox;
    use crate::partitions::Cut;
    use chrono::TimeZone;

    #[test]
    fn a_partition_is_over_when_its_last_moment_is_too_old() {
        let table = PartitionedTable { name: "t", cut: Cut::Monthly, behind: 0, ahead: 0 };
        let retention = Retention { table, keep_days: 30 };
        let november = table.covered(Utc.with_ymd_and_hms(2026, 11, 22, 0, 0, 0).unwrap());
        assert!(!retention.is_over(&november, Utc.with_ymd_and_hms(2026, 12, 30, 23, 59, 59).unwrap()));
        assert!(retention.is_over(&november, Utc.with_ymd_and_hms(2026, 12, 31, 0, 0, 0).unwrap()));
    }

    #[test]
    fn what_must_exist_is_never_over_however_short_it_is_to_be_kept() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap();
        let retention = Retention { keep_days: 0, ..inbox::RETENTION };
        let covered = inbox::TABLE.covered(now);
        assert!(!retention.is_over(&(covered.start..covered.start + Days::new(7)), now));
        assert!(retention.is_over(&(covered.start - Days::new(7)..covered.start), now));
    }
}
