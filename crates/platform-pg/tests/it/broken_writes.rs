//! Group commit under writes and callers that misbehave.

use contracts::{FaultCode, Service};
use futures_util::future::join_all;
use platform::Fault;
use platform::lifecycle::Process;
use platform_pg::group_commit::GroupCommitError;
use platform_pg::{GroupCommit, GroupWrite, StoreError};
use sqlx::{Executor, PgPool};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::{TestDatabase, eventually};
use tokio::sync::Semaphore;

/// What the write does about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Store,
    Panic,
    Forget,
    Dawdle,
    MissTheTable,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    n: i64,
    mood: Mood,
}

struct Moody {
    pool: PgPool,
    statements: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl GroupWrite for Moody {
    type Item = Entry;
    type Outcome = i64;
    type Key = i64;

    fn key(item: &Entry) -> i64 {
        item.n
    }

    async fn write(&self, items: &[Entry]) -> Result<Vec<i64>, StoreError> {
        drop(self.gate.acquire().await);
        self.statements.fetch_add(1, Ordering::Relaxed);
        let have = |mood| items.iter().any(|item| item.mood == mood);
        assert!(!have(Mood::Panic), "in a bad mood");
        if have(Mood::MissTheTable) {
            self.pool.execute("insert into nowhere values (1)").await?;
        }
        if have(Mood::Dawdle) {
            self.pool.execute("set local statement_timeout = '20ms'; select pg_sleep(9)").await?;
        }
        let numbers: Vec<i64> = items.iter().map(|item| item.n).collect();
        sqlx::query("insert into rows select unnest($1::bigint[]) on conflict do nothing")
            .bind(&numbers)
            .execute(&self.pool)
            .await?;
        Ok(items.iter().filter(|item| item.mood != Mood::Forget).map(|item| item.n).collect())
    }
}

struct Harness {
    group: Arc<GroupCommit<Moody>>,
    pool: PgPool,
    statements: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    process: Process,
    _database: TestDatabase,
}

impl Harness {
    async fn start(permits: usize) -> Self {
        let database = TestDatabase::create(Service::Ingest).await;
        let pool = database.pool();
        pool.execute("create table rows (n bigint primary key)").await.unwrap();
        let statements = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(permits));
        let moody = Moody { pool: pool.clone(), statements: statements.clone(), gate: gate.clone() };
        let process = testkit::process();
        let group = Arc::new(GroupCommit::start("moody", moody, &process.tasks, &process.shutdown));
        Self { group, pool, statements, gate, process, _database: database }
    }

    async fn submit(&self, n: i64, mood: Mood) -> Result<i64, GroupCommitError> {
        self.group.submit(Entry { n, mood }).await
    }

    async fn stored(&self) -> i64 {
        sqlx::query_scalar("select count(*) from rows").fetch_one(&self.pool).await.unwrap()
    }
}

const OPEN: usize = 1_000_000;

#[tokio::test]
async fn an_item_that_makes_the_write_panic_fails_alone_and_the_process_goes_on() {
    let harness = Harness::start(OPEN).await;
    let outcomes =
        join_all((0..300).map(|n| harness.submit(n, if n % 100 == 42 { Mood::Panic } else { Mood::Store })))
            .await;
    for (n, outcome) in (0..).zip(outcomes) {
        match outcome {
            Ok(stored) => assert!(stored == n && n % 100 != 42),
            Err(error) => assert!(matches!(error, GroupCommitError::Broken) && n % 100 == 42, "{n}: {error}"),
        }
    }
    assert_eq!(harness.stored().await, 297);
    assert!(!harness.process.shutdown.has_begun());
    assert_eq!(Fault::from(GroupCommitError::Broken).code, FaultCode::Internal);
}

#[tokio::test]
async fn a_write_that_forgets_an_outcome_is_told_to_be_broken_not_to_be_stopping() {
    let harness = Harness::start(0).await;
    let submits =
        join_all((0..20).map(|n| harness.submit(n, if n == 7 { Mood::Forget } else { Mood::Store })));
    let (outcomes, ()) = tokio::join!(submits, async { harness.gate.add_permits(OPEN) });
    // No outcome can be trusted to be its item's own: all of that batch are refused.
    assert!(matches!(outcomes[7], Err(GroupCommitError::Broken)));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(GroupCommitError::Broken))));
    assert_eq!(harness.submit(100, Mood::Store).await.unwrap(), 100);
}

#[tokio::test]
async fn a_statement_that_times_out_is_an_honest_503_for_its_batch_and_nothing_else() {
    let harness = Harness::start(OPEN).await;
    let error = harness.submit(1, Mood::Dawdle).await.unwrap_err();
    let fault = Fault::from(error);
    assert_eq!((fault.code, fault.retry_after), (FaultCode::Unavailable, Some(Duration::from_secs(1))));
    assert!(!fault.message.contains("nothing was accepted"), "{}", fault.message);
    // What became of it is unknown, so the caller repeats it.
    assert_eq!(harness.submit(1, Mood::Store).await.unwrap(), 1);
    assert_eq!(harness.stored().await, 1);
}

#[tokio::test]
async fn a_defect_of_the_statement_is_not_looked_for_in_the_rows() {
    let harness = Harness::start(0).await;
    let submits = join_all((0..200).map(|n| harness.submit(n, Mood::MissTheTable)));
    let (outcomes, ()) = tokio::join!(submits, async { harness.gate.add_permits(OPEN) });
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Err(GroupCommitError::Store(StoreError::Refused(_)))))
    );
    let statements = harness.statements.load(Ordering::Relaxed);
    assert!(statements <= 4, "{statements} statements");
}

#[tokio::test]
async fn a_caller_that_gives_up_neither_takes_its_write_back_nor_disturbs_the_others() {
    let harness = Harness::start(0).await;
    let mut given_up: Vec<_> = (0..50).map(|n| Box::pin(harness.submit(n, Mood::Store))).collect();
    for submit in &mut given_up {
        assert!(futures_util::poll!(submit).is_pending());
    }
    drop(given_up);
    let others = join_all((50..100).map(|n| harness.submit(n, Mood::Store)));
    let (others, ()) = tokio::join!(others, async { harness.gate.add_permits(OPEN) });
    assert!(others.iter().all(Result::is_ok));
    eventually("all rows", async || (harness.stored().await == 100).then_some(())).await;
}

#[tokio::test]
async fn many_writes_of_one_key_do_not_keep_others_out() {
    let harness = Harness::start(0).await;
    // 1,000 of one key, and then one of each other key, whatever lane they are in.
    let mut hot: Vec<_> = (0..1_000).map(|_| Box::pin(harness.submit(0, Mood::Store))).collect();
    let mut others: Vec<_> = (1..=50).map(|n| Box::pin(harness.submit(n, Mood::Store))).collect();
    for submit in hot.iter_mut().chain(&mut others) {
        assert!(futures_util::poll!(submit).is_pending());
    }
    harness.gate.add_permits(OPEN);
    assert!(join_all(others).await.iter().all(Result::is_ok));
    let statements = harness.statements.load(Ordering::Relaxed);
    assert!(statements < 100, "the others came after {statements} statements");
    assert!(join_all(hot).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_lone_write_is_one_statement_that_waits_for_nobody() {
    let harness = Harness::start(OPEN).await;
    for n in 0..10 {
        harness.submit(n, Mood::Store).await.unwrap();
        assert_eq!(i64::try_from(harness.statements.load(Ordering::Relaxed)).unwrap(), n + 1);
    }
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again() {
    let fault = Fault::from(GroupCommitError::Full);
    assert_eq!((fault.code, fault.retry_after), (FaultCode::Unavailable, Some(Duration::from_secs(1))));
}
