//! Range partitions by time: created ahead, checked for health. What is too old is dropped by
//! [`crate::retention`].
//!
//! Two kinds: months of a `timestamptz` column, and weeks of a UUID version 7 column, whose order is the
//! order of time.

use crate::bounded::{LIMIT, within};
use crate::error::StoreError;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use futures_util::future::BoxFuture;
use platform::clock::Clock;
use platform::ids::floor;
use platform::lifecycle::{Shutdown, Tasks};
use sqlx::{AssertSqlSafe, PgPool};
use std::ops::Range;
use std::time::Duration;

/// How often partitions are looked after.
pub(crate) const INTERVAL: Duration = Duration::from_mins(10);
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Serialises maintainers of all replicas; any constant will do.
const ADVISORY_LOCK: i64 = 0x6c65_6164;

/// How a table is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// By calendar month of a timestamp.
    Monthly,
    /// By ISO week of a version 7 UUID.
    WeeklyById,
}

/// A partitioned table, and how many periods around the current one must exist.
#[derive(Clone, Copy, Debug)]
pub struct PartitionedTable {
    pub name: &'static str,
    pub cut: Cut,
    /// Past periods: for tables that are filled with what was made elsewhere, perhaps long ago.
    pub behind: u32,
    pub ahead: u32,
}

/// One period of a table: its partition's name, its bounds as SQL literals.
struct Period {
    partition: String,
    from: String,
    to: String,
}

/// What stands between a table's name and the first day in the name of a partition.
const INFIX: &str = "_p";
const DAY: &str = "%Y%m%d";

impl PartitionedTable {
    /// The earliest moment that has a partition, and the first one after them.
    pub fn covered(&self, now: DateTime<Utc>) -> Range<DateTime<Utc>> {
        let first = self.first(now);
        let moment = |offset| advance(self.cut, first, offset).and_time(NaiveTime::MIN).and_utc();
        moment(0)..moment(self.behind + self.ahead + 1)
    }

    /// The time that a partition holds, from its name. `None` for a name that is not made here.
    pub(crate) fn range_of(&self, partition: &str) -> Option<Range<DateTime<Utc>>> {
        let day = partition.strip_prefix(self.name)?.strip_prefix(INFIX)?;
        let from = NaiveDate::parse_from_str(day, DAY).ok()?;
        let moment = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        (start_of(self.cut, from) == from).then(|| moment(from)..moment(advance(self.cut, from, 1)))
    }

    fn first(&self, now: DateTime<Utc>) -> NaiveDate {
        retreat(self.cut, start_of(self.cut, now.date_naive()), self.behind)
    }

    /// The periods behind, the current one and the ones ahead.
    fn periods(&self, now: DateTime<Utc>) -> impl Iterator<Item = Period> + use<> {
        let (name, cut) = (self.name, self.cut);
        let first = self.first(now);
        (0..=self.behind + self.ahead).map(move |offset| {
            let (from, to) = (advance(cut, first, offset), advance(cut, first, offset + 1));
            Period {
                partition: format!("{name}{INFIX}{}", from.format(DAY)),
                from: literal(cut, from),
                to: literal(cut, to),
            }
        })
    }
}

fn start_of(cut: Cut, day: NaiveDate) -> NaiveDate {
    match cut {
        Cut::Monthly => day.with_day(1).unwrap_or(day),
        Cut::WeeklyById => day - Days::new(u64::from(day.weekday().num_days_from_monday())),
    }
}

fn advance(cut: Cut, from: NaiveDate, periods: u32) -> NaiveDate {
    match cut {
        Cut::Monthly => from + Months::new(periods),
        Cut::WeeklyById => from + Days::new(7 * u64::from(periods)),
    }
}

fn retreat(cut: Cut, from: NaiveDate, periods: u32) -> NaiveDate {
    match cut {
        Cut::Monthly => from - Months::new(periods),
        Cut::WeeklyById => from - Days::new(7 * u64::from(periods)),
    }
}

fn literal(cut: Cut, day: NaiveDate) -> String {
    let moment = day.and_time(NaiveTime::MIN).and_utc();
    match cut {
        Cut::Monthly => moment.to_rfc3339(),
        Cut::WeeklyById => floor(moment).to_string(),
    }
}

/// Creates the partitions that are missing.
///
/// # Errors
/// When the database is unavailable, or the role does not own the table.
pub async fn provision(
    pool: &PgPool,
    tables: &[PartitionedTable],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let missing = missing(pool, tables, now).await?.len();
    gauge_missing(missing);
    if missing > 0 {
        within(LIMIT, create(pool, tables, now)).await?;
        gauge_missing(0);
    }
    Ok(())
}

fn gauge_missing(count: usize) {
    metrics::gauge!("leadwire_partitions_missing").set(u32::try_from(count).unwrap_or(u32::MAX));
}

async fn create(pool: &PgPool, tables: &[PartitionedTable], now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut transaction = pool.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(ADVISORY_LOCK).execute(&mut *transaction).await?;
    for table in tables {
        for period in table.periods(now) {
            // Names and bounds are made above, from constants and dates.
            let statement = format!(
                "create table if not exists {} partition of {} for values from ('{}') to ('{}')",
                period.partition, table.name, period.from, period.to
            );
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// The partitions of the wanted periods that do not exist.
///
/// # Errors
/// When the database is unavailable.
pub async fn missing(
    pool: &PgPool,
    tables: &[PartitionedTable],
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let wanted: Vec<String> =
        tables.iter().flat_map(|table| table.periods(now)).map(|period| period.partition).collect();
    let missing =
        sqlx::query_scalar("select name from unnest($1::text[]) as name where to_regclass(name) is null");
    within(LIMIT, missing.bind(&wanted).fetch_all(pool)).await
}

/// Provisions, and then looks after the partitions until the shutdown. A first try that fails is repeated
/// in the background.
pub async fn maintain(
    pool: &PgPool,
    tables: &'static [PartitionedTable],
    clock: Clock,
    tasks: &Tasks,
    shutdown: &Shutdown,
) {
    let (pool, shutdown) = (pool.clone(), shutdown.clone());
    let mut wait = provision_or_warn(&pool, tables, &clock).await;
    tasks.spawn("partitions", async move {
        while shutdown.sleep(wait).await {
            wait = provision_or_warn(&pool, tables, &clock).await;
        }
    });
}

/// Provisions, and says when to look again.
async fn provision_or_warn(pool: &PgPool, tables: &[PartitionedTable], clock: &Clock) -> Duration {
    match provision(pool, tables, clock.now()).await {
        Ok(()) => INTERVAL,
        Err(error) => {
            tracing::warn!(%error, "partitions: not provisioned, trying again");
            RETRY_INTERVAL
        }
    }
}

/// A readiness check: the partitions of the present and the coming periods exist.
pub fn check(
    pool: &PgPool,
    tables: &'static [PartitionedTable],
    clock: Clock,
) -> impl Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + use<> {
    let pool = pool.clone();
    move || {
        let (pool, now) = (pool.clone(), clock.now());
        Box::pin(async move {
            match missing(&pool, tables, now).await {
                Ok(missing) if missing.is_empty() => Ok(()),
                Ok(missing) => Err(format!("missing: {}", missing.join(", "))),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn periods_follow_each_other_without_a_gap() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap();
        for cut in [Cut::Monthly, Cut::WeeklyById] {
            let periods: Vec<_> =
                PartitionedTable { name: "t", cut, behind: 2, ahead: 3 }.periods(now).collect();
            assert_eq!(periods.len(), 6);
            assert!(periods.windows(2).all(|pair| pair[0].to == pair[1].from));
        }
    }

    #[test]
    fn a_month_is_named_after_its_first_day_and_a_week_after_its_monday() {
        let now = Utc.with_ymd_and_hms(2026, 12, 31, 23, 59, 59).unwrap();
        let names = |cut| -> Vec<String> {
            PartitionedTable { name: "t", cut, behind: 0, ahead: 1 }
                .periods(now)
                .map(|p| p.partition)
                .collect()
        };
        assert_eq!(names(Cut::Monthly), ["t_p20261201", "t_p20270101"]);
        assert_eq!(names(Cut::WeeklyById), ["t_p20261228", "t_p20270104"]);
    }

    #[test]
    fn the_name_of_a_partition_tells_its_time_and_other_names_tell_nothing() {
        let now = Utc.with_ymd_and_hms(2026, 12, 31, 23, 59, 59).unwrap();
        for cut in [Cut::Monthly, Cut::WeeklyById] {
            let table = PartitionedTable { name: "t", cut, behind: 0, ahead: 0 };
            let name = table.periods(now).next().unwrap().partition;
            assert_eq!(table.range_of(&name), Some(table.covered(now)));
            for other in ["t", "t_p", "t_p2026", "t_p20261230", "t_default", "u_p20261201"] {
                assert_eq!(table.range_of(other), None, "{other}");
            }
        }
    }

    #[test]
    fn what_is_covered_is_what_has_a_partition() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap();
        let covered = PartitionedTable { name: "t", cut: Cut::WeeklyById, behind: 1, ahead: 0 }.covered(now);
        assert_eq!(covered.start, Utc.with_ymd_and_hms(2026, 11, 9, 0, 0, 0).unwrap());
        assert_eq!(covered.end, Utc.with_ymd_and_hms(2026, 11, 23, 0, 0, 0).unwrap());
    }
}
