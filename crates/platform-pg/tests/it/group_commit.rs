//! Group commit: each caller gets its own outcome.

use contracts::Service;
use futures_util::future::join_all;
use platform::lifecycle::Process;
use platform_pg::group_commit::GroupCommitError;
use platform_pg::{DatabaseSettings, GroupCommit, GroupWrite, StoreError};
use sqlx::{Executor, PgPool};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::TestDatabase;
use testkit::proxy::Proxy;
use tokio::sync::Semaphore;

/// Writes numbered rows; a negative number breaks a check constraint. The outcome says whether the row is new.
struct Rows {
    pool: PgPool,
    statements: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl GroupWrite for Rows {
    type Item = i64;
    type Outcome = bool;
    type Key = i64;

    fn key(item: &i64) -> i64 {
        *item
    }

    async fn write(&self, items: &[i64]) -> Result<Vec<bool>, StoreError> {
        drop(self.gate.acquire().await);
        self.statements.fetch_add(1, Ordering::Relaxed);
        let fresh: Vec<i64> = sqlx::query_scalar(
            "insert into rows (n) select n from unnest($1::bigint[]) as n order by n on conflict do nothing \
             returning n",
        )
        .bind(items)
        .fetch_all(&self.pool)
        .await?;
        Ok(items.iter().map(|item| fresh.contains(item)).collect())
    }
}

struct Harness {
    group: GroupCommit<Rows>,
    pool: PgPool,
    statements: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    process: Process,
    _database: TestDatabase,
}

impl Harness {
    /// With this many writes let through; the rest wait until permits are added.
    async fn start(permits: usize, adjust: impl FnOnce(&mut DatabaseSettings)) -> Self {
        let database = TestDatabase::create(Service::Ingest).await;
        database.pool().execute("create table rows (n bigint primary key check (n >= 0))").await.unwrap();
        let mut settings = database.settings();
        adjust(&mut settings);
        let pool = platform_pg::connect(&settings, Service::Ingest).unwrap();
        let statements = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(permits));
        let rows = Rows { pool: pool.clone(), statements: statements.clone(), gate: gate.clone() };
        let process = testkit::process();
        let group = GroupCommit::start("rows", rows, &process.tasks, &process.shutdown);
        Self { group, pool: database.pool(), statements, gate, process, _database: database }
    }

    async fn stored(&self) -> usize {
        let count: i64 = sqlx::query_scalar("select count(*) from rows").fetch_one(&self.pool).await.unwrap();
        usize::try_from(count).unwrap()
    }
}

const OPEN: usize = 1_000_000;

#[tokio::test]
async fn concurrent_writes_share_statements_and_all_of_them_are_stored() {
    let harness = Harness::start(OPEN, |_| ()).await;
    let outcomes = join_all((0..2_000).map(|n| harness.group.submit(n))).await;
    assert!(outcomes.into_iter().all(Result::unwrap));
    assert_eq!(harness.stored().await, 2_000);
    let statements = harness.statements.load(Ordering::Relaxed);
    assert!(statements <= 40, "{statements} statements for 2000 writes");
}

#[tokio::test]
async fn a_bad_row_fails_alone() {
    let harness = Harness::start(OPEN, |_| ()).await;
    let numbers: Vec<i64> = (0..300).map(|n| if n % 100 == 42 { -n } else { n }).collect();
    let outcomes = join_all(numbers.iter().map(|&n| harness.group.submit(n))).await;
    for (n, outcome) in numbers.iter().zip(outcomes) {
        match outcome {
            Ok(fresh) => assert!(fresh && *n >= 0),
            Err(GroupCommitError::Store(StoreError::Refused(_))) => assert!(*n < 0, "{n} was refused"),
            Err(error) => unreachable!("{n}: {error}"),
        }
    }
    assert_eq!(harness.stored().await, 297);
}

#[tokio::test]
async fn of_equal_keys_one_wins_and_the_others_see_it() {
    let harness = Harness::start(OPEN, |_| ()).await;
    let outcomes = join_all((0..600).map(|n| harness.group.submit(n % 3))).await;
    let fresh = outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count();
    assert_eq!((fresh, harness.stored().await), (3, 3));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_what_it_took_is_written() {
    let harness = Harness::start(0, |_| ()).await;
    let mut waiting: Vec<_> = (0..20_000).map(|n| Box::pin(harness.group.submit(n))).collect();
    // Polled once, every submit has either a place or a refusal.
    let refused =
        join_all(waiting.iter_mut().map(async |submit| futures_util::poll!(submit).is_ready())).await;
    let (refused, kept): (Vec<_>, Vec<_>) = waiting.into_iter().zip(refused).partition(|(_, ready)| *ready);
    assert!(refused.len() > 10_000, "{} of 20000 were refused", refused.len());
    harness.gate.add_permits(OPEN);
    let written = kept.len();
    for outcome in join_all(kept.into_iter().map(|(submit, _)| submit)).await {
        assert!(outcome.unwrap());
    }
    assert_eq!(harness.stored().await, written);
}

#[tokio::test]
async fn without_the_database_every_caller_is_told_and_writes_go_on_when_it_is_back() {
    let target = testkit::address_of(&testkit::required("LEADWIRE_TEST_DATABASE_URL")).await;
    let proxy = Proxy::start(target).await;
    let through = proxy.address();
    let harness = Harness::start(OPEN, |settings| {
        settings.url = testkit::redirected(&settings.url, through);
        settings.acquire_timeout = std::time::Duration::from_millis(500);
    })
    .await;
    assert!(harness.group.submit(1).await.unwrap());
    proxy.cut();
    for outcome in join_all((10..60).map(|n| harness.group.submit(n))).await {
        let Err(GroupCommitError::Store(error)) = outcome else { unreachable!("the database is away") };
        assert!(error.is_unavailable(), "{error}");
    }
    proxy.pass();
    let stored = testkit::eventually("a write after the outage", async || harness.group.submit(2).await.ok());
    assert!(stored.await);
}

#[tokio::test]
async fn what_was_taken_before_the_shutdown_is_written() {
    let harness = Harness::start(0, |_| ()).await;
    let mut waiting: Vec<_> = (0..1_000).map(|n| Box::pin(harness.group.submit(n))).collect();
    for submit in &mut waiting {
        assert!(futures_util::poll!(submit).is_pending());
    }
    harness.process.shutdown.begin();
    harness.process.shutdown.end_requests();
    harness.gate.add_permits(OPEN);
    for outcome in join_all(waiting).await {
        assert!(outcome.unwrap());
    }
    assert!(harness.process.tasks.drain(std::time::Duration::from_secs(5)).await);
    assert!(matches!(harness.group.submit(5_000).await, Err(GroupCommitError::Stopping)));
    assert_eq!(harness.stored().await, 1_000);
}
