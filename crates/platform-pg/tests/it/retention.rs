//! Old partitions go, open rows are settled before, and nothing else is touched.

use chrono::{DateTime, TimeDelta, Utc};
use contracts::Service;
use futures_util::future::join_all;
use platform::clock::Clock;
use platform::ids::{IdSource, floor};
use platform_pg::StoreError;
use platform_pg::outbox;
use platform_pg::partitions::{Cut, PartitionedTable, provision};
use platform_pg::retention::{Expired, NothingOpen, Retention, Settle, Settled, expire};
use sqlx::{Executor, PgConnection, PgPool};
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{TestDatabase, eventually};

const TABLE: PartitionedTable = PartitionedTable { name: "work", cut: Cut::WeeklyById, behind: 1, ahead: 1 };
const KEPT: &[Retention] = &[Retention { table: TABLE, keep_days: 14 }];

/// A table with ten weeks behind it, a closed and an open row for each day.
async fn start() -> (TestDatabase, PgPool, Clock) {
    let database = TestDatabase::create(Service::Ingest).await;
    let (pool, clock) = (database.pool(), testkit::process().clock);
    pool.execute("create table work (id uuid primary key, open boolean not null) partition by range (id)")
        .await
        .unwrap();
    provision(&pool, &[PartitionedTable { behind: 10, ..TABLE }], clock.now()).await.unwrap();
    for day in 0..70 {
        for open in [true, false] {
            let id = IdSource::random().at(clock.now() - TimeDelta::days(day));
            sqlx::query("insert into work values ($1, $2)").bind(id).bind(open).execute(&pool).await.unwrap();
        }
    }
    (database, pool, clock)
}

async fn partitions(pool: &PgPool) -> usize {
    let count: i64 =
        sqlx::query_scalar("select count(*) from pg_inherits where inhparent = 'work'::regclass")
            .fetch_one(pool)
            .await
            .unwrap();
    usize::try_from(count).unwrap()
}

/// Closes open rows, two at a time, with an event for each.
struct CloseInTwos;

impl Settle for CloseInTwos {
    async fn settle(&self, connection: &mut PgConnection, expired: &Expired) -> Result<Settled, StoreError> {
        assert_eq!(expired.table, "work");
        let settled = sqlx::query(
            "update work set open = false where id in
                 (select id from work where open and id >= $1 and id < $2 order by id limit 2)",
        )
        .bind(floor(expired.time.start))
        .bind(floor(expired.time.end))
        .execute(&mut *connection)
        .await?
        .rows_affected();
        outbox::insert(connection, (0..settled).map(|_| crate::ledger::event()).collect()).await?;
        let left_open =
            sqlx::query_scalar("select exists (select from work where open and id >= $1 and id < $2)")
                .bind(floor(expired.time.start))
                .bind(floor(expired.time.end))
                .fetch_one(connection)
                .await?;
        Ok(Settled { settled, left_open })
    }
}

/// How many rows there are, how many of them before a moment, and how many events.
async fn counts(pool: &PgPool, before: DateTime<Utc>) -> (i64, i64, i64) {
    sqlx::query_as(
        "select count(*), count(*) filter (where id < $1), (select count(*) from outbox) from work",
    )
    .bind(floor(before))
    .fetch_one(pool)
    .await
    .unwrap()
}

/// The first moment that is kept: partitions are weeks, so up to a week more than was asked for.
fn kept_from(clock: &Clock) -> DateTime<Utc> {
    let oldest = clock.now() - TimeDelta::days(14);
    PartitionedTable { behind: 0, ..TABLE }.covered(oldest).start
}

#[tokio::test]
async fn weeks_that_are_wholly_too_old_are_dropped_when_their_open_rows_are_settled() {
    let (_database, pool, clock) = start().await;
    let (_, old, _) = counts(&pool, kept_from(&clock)).await;
    assert!(old > 90, "{old} old rows");
    let round = expire(&pool, KEPT, clock.now(), &CloseInTwos).await.unwrap();
    assert_eq!((round.dropped.len(), round.held_back), (8, Vec::new()));
    // The current week, one ahead, two behind: 14 days reach into the second.
    assert_eq!(partitions(&pool).await, 4);
    assert_eq!(counts(&pool, kept_from(&clock)).await, (140 - old, 0, old / 2));
    let again = expire(&pool, KEPT, clock.now(), &CloseInTwos).await.unwrap();
    assert_eq!(again.dropped, Vec::<String>::new());
}

#[tokio::test]
async fn replicas_that_expire_at_once_settle_each_row_once() {
    let (_database, pool, clock) = start().await;
    let (_, old, _) = counts(&pool, kept_from(&clock)).await;
    let rounds = join_all((0..4).map(|_| expire(&pool, KEPT, clock.now(), &CloseInTwos))).await;
    let mut dropped: Vec<_> = rounds.into_iter().flat_map(|round| round.unwrap().dropped).collect();
    // One may have found another at work and left it to that one, which may have come before.
    dropped.extend(expire(&pool, KEPT, clock.now(), &CloseInTwos).await.unwrap().dropped);
    dropped.sort();
    let count = dropped.len();
    dropped.dedup();
    assert_eq!((count, dropped.len()), (8, 8));
    assert_eq!(counts(&pool, kept_from(&clock)).await, (140 - old, 0, old / 2));
}

/// Settles nothing, and says so from a certain call on.
struct OpenFrom(AtomicUsize);

impl Settle for OpenFrom {
    async fn settle(&self, _: &mut PgConnection, _: &Expired) -> Result<Settled, StoreError> {
        let earlier = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        Ok(Settled { settled: 0, left_open: earlier.is_err() })
    }
}

#[tokio::test]
async fn a_partition_with_open_rows_stays_even_when_they_appear_at_the_last_moment() {
    let (_database, pool, clock) = start().await;
    for calm_calls in [0, 1] {
        let round = expire(&pool, KEPT, clock.now(), &OpenFrom(AtomicUsize::new(calm_calls))).await.unwrap();
        assert_eq!((round.dropped.len(), round.held_back.len()), (0, 8));
    }
    assert_eq!(partitions(&pool).await, 12);
}

#[tokio::test]
async fn a_table_in_use_is_waited_for_only_shortly_and_dropped_later() {
    let (_database, pool, clock) = start().await;
    let oldest = &[Retention { keep_days: 63, ..KEPT[0] }];
    let mut reader = pool.begin().await.unwrap();
    reader.execute("select count(*) from work").await.unwrap();
    let round = expire(&pool, oldest, clock.now(), &NothingOpen).await.unwrap();
    assert!(round.dropped.is_empty() && !round.held_back.is_empty(), "{round:?}");
    reader.commit().await.unwrap();
    // Vacuum, which comes when it pleases, holds the table as well.
    let later = eventually("it is dropped", async || {
        let later = expire(&pool, oldest, clock.now(), &NothingOpen).await.unwrap();
        later.held_back.is_empty().then_some(later)
    })
    .await;
    assert_eq!(later.dropped, round.held_back);
}

#[tokio::test]
async fn partitions_of_other_names_and_tables_that_are_not_there_are_left_alone() {
    let (_database, pool, clock) = start().await;
    pool.execute("create table work_archive partition of work default").await.unwrap();
    let absent = Retention { table: PartitionedTable { name: "absent", ..TABLE }, keep_days: 1 };
    let round = expire(&pool, &[absent, KEPT[0]], clock.now(), &NothingOpen).await.unwrap();
    assert_eq!(round.dropped.len(), 8);
    assert_eq!(partitions(&pool).await, 5);
}
