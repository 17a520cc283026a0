//! A database in trouble: bounded waits, honest errors, recovery without a restart.

use crate::ledger::Ledger;
use contracts::{FaultCode, Service};
use futures_util::future::join_all;
use platform::Fault;
use platform::lifecycle::Process;
use platform_pg::group_commit::GroupCommitError;
use platform_pg::relay::Relay;
use platform_pg::{DatabaseSettings, GroupCommit, GroupWrite, StoreError, pool, within};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use testkit::proxy::Proxy;
use testkit::{TestDatabase, eventually, eventually_within};

/// A database with a table, and a way to it that can be cut and frozen.
struct Harness {
    proxy: Proxy,
    settings: DatabaseSettings,
    /// Through the proxy.
    pool: PgPool,
    database: TestDatabase,
}

impl Harness {
    async fn start() -> Self {
        let database = TestDatabase::create(Service::Ingest).await;
        database.pool().execute("create table rows (n bigint primary key)").await.unwrap();
        let proxy = proxy().await;
        let mut settings = database.settings();
        settings.url = testkit::redirected(&settings.url, proxy.address());
        settings.acquire_timeout = Duration::from_secs(2);
        settings.max_connections = 4;
        let pool = platform_pg::connect(&settings, Service::Ingest).unwrap();
        Self { proxy, settings, pool, database }
    }

    /// As the superuser, past the proxy.
    async fn administer(&self, statement: &str) {
        let url = testkit::required("LEADWIRE_TEST_DATABASE_URL");
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }

    async fn name(&self) -> String {
        sqlx::query_scalar("select current_database()").fetch_one(&self.database.pool()).await.unwrap()
    }
}

async fn proxy() -> Proxy {
    Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_DATABASE_URL")).await).await
}

async fn insert(pool: &PgPool, n: i64) -> Result<(), StoreError> {
    let statement = sqlx::query("insert into rows values ($1)").bind(n).execute(pool);
    within(Duration::from_secs(3), statement).await?;
    Ok(())
}

fn assert_honest(error: StoreError) {
    assert!(error.is_unavailable(), "{error}: {error:?}");
    let fault = Fault::from(error);
    assert_eq!((fault.code, fault.retry_after), (FaultCode::Unavailable, Some(Duration::from_secs(1))));
}

/// Stores numbers; the outcome says whether it is new.
struct Numbers(PgPool);

impl GroupWrite for Numbers {
    type Item = i64;
    type Outcome = bool;
    type Key = i64;

    fn key(item: &i64) -> i64 {
        *item
    }

    async fn write(&self, items: &[i64]) -> Result<Vec<bool>, StoreError> {
        let fresh: Vec<i64> = sqlx::query_scalar(
            "insert into rows select unnest($1::bigint[]) on conflict do nothing returning n",
        )
        .bind(items)
        .fetch_all(&self.0)
        .await?;
        Ok(items.iter().map(|item| fresh.contains(item)).collect())
    }
}

#[tokio::test]
async fn a_restart_of_postgres_is_unavailable_for_its_time_and_heals() {
    let harness = Harness::start().await;
    insert(&harness.pool, 1).await.unwrap();
    let mut transaction = harness.pool.begin().await.unwrap();
    transaction.execute("insert into rows values (2)").await.unwrap();
    harness.proxy.cut();
    assert_honest(transaction.commit().await.unwrap_err().into());
    for n in 3..6 {
        assert_honest(insert(&harness.pool, n).await.unwrap_err());
    }
    assert!(pool::ping(&harness.pool).await.is_err());
    harness.proxy.pass();
    eventually("a write after the restart", async || insert(&harness.pool, 6).await.ok()).await;
    pool::ping(&harness.pool).await.unwrap();
}

#[tokio::test]
async fn a_server_without_room_for_connections_is_unavailable() {
    let harness = Harness::start().await;
    let role = format!("limited_{}", testkit::unique_id().simple());
    harness.administer(&format!("create role {role} login connection limit 1")).await;
    let url = harness.database.url(&role);
    let holding = PgConnection::connect(&url).await.unwrap();
    let error = PgConnection::connect(&url).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "53300");
    assert_honest(error.into());
    let settings = DatabaseSettings {
        url: url.into(),
        acquire_timeout: Duration::from_millis(500),
        ..harness.settings.clone()
    };
    let limited = platform_pg::connect(&settings, Service::Ingest).unwrap();
    assert_honest(sqlx::query("select 1").execute(&limited).await.unwrap_err().into());
    holding.close().await.unwrap();
    eventually("a connection", async || pool::ping(&limited).await.ok()).await;
    limited.close().await;
    let dropped = format!("drop role {role}");
    eventually("the role to be free", async || {
        let mut admin =
            PgConnection::connect(&testkit::required("LEADWIRE_TEST_DATABASE_URL")).await.unwrap();
        admin.execute(AssertSqlSafe(dropped.clone())).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_frozen_postgres_answers_every_caller_of_a_group_commit_in_bounded_time_and_heals() {
    let harness = Harness::start().await;
    let Process { shutdown, tasks, .. } = testkit::process();
    let group = GroupCommit::start("numbers", Numbers(harness.pool.clone()), &tasks, &shutdown);
    assert!(group.submit(-1).await.unwrap());
    harness.proxy.freeze();
    let started = Instant::now();
    // Many batches: those behind the first must not wait for one limit after the other.
    let outcomes = join_all((0..4_000).map(|n| group.submit(n))).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(25), "{took:?}");
    for outcome in outcomes {
        let Err(GroupCommitError::Store(error)) = outcome else { unreachable!("{outcome:?}") };
        assert!(error.is_unavailable());
    }
    harness.proxy.pass();
    eventually_within(Duration::from_secs(15), "a write after the freeze", async || {
        group.submit(4_000).await.ok()
    })
    .await;
    // Some of the frozen statements may have reached the server: what is repeated is stored once.
    for n in 0..300 {
        group.submit(n).await.unwrap();
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from rows where n between 0 and 299")
        .fetch_one(&harness.pool)
        .await
        .unwrap();
    assert_eq!(stored, 300);
    shutdown.begin();
}

#[tokio::test]
async fn connections_that_hang_give_their_places_in_the_pool_back() {
    let harness = Harness::start().await;
    insert(&harness.pool, 1).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(harness.pool.acquire().await.unwrap());
    }
    harness.proxy.freeze();
    for connection in &mut held {
        let hanging = connection.execute("select 1");
        assert_honest(within(Duration::from_millis(50), hanging).await.unwrap_err());
    }
    drop(held);
    let started = Instant::now();
    assert!(pool::ping(&harness.pool).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    eventually("an empty pool", async || (harness.pool.size() == 0).then_some(())).await;
    harness.proxy.pass();
    eventually("a write after the freeze", async || insert(&harness.pool, 2).await.ok()).await;
}

#[tokio::test]
async fn a_server_that_has_become_read_only_is_unavailable_and_left_as_soon_as_it_can_be_written_again() {
    let harness = Harness::start().await;
    let name = harness.name().await;
    // One connection, so that it is the one that must be given up.
    let settings = DatabaseSettings { max_connections: 1, ..harness.settings.clone() };
    let pool = platform_pg::connect(&settings, Service::Ingest).unwrap();
    harness.administer(&format!("alter database {name} set default_transaction_read_only = on")).await;
    for n in 0..3 {
        let error = insert(&pool, n).await.unwrap_err();
        assert!(format!("{error:?}").contains("25006"), "{error:?}");
        assert_honest(error);
    }
    harness.administer(&format!("alter database {name} reset default_transaction_read_only")).await;
    // The same pool: it keeps no connection to a server that cannot be written to.
    eventually("a write after the failover", async || insert(&pool, 3).await.ok()).await;
}

#[tokio::test]
async fn relay_and_sweeper_outlive_a_frozen_postgres() {
    let ledger = Ledger::start().await;
    let proxy = proxy().await;
    let mut settings = ledger.database.settings();
    settings.url = testkit::redirected(&settings.url, proxy.address());
    let through = platform_pg::connect(&settings, Service::Ingest).unwrap();
    let broker = ledger.connect(&ledger.broker.settings());
    let relay = Relay::start(&through, broker.publisher(), &ledger.process.tasks, &ledger.process.shutdown);
    pool::ping(&through).await.unwrap();
    let mut committed = BTreeSet::new();
    for round in 0..6 {
        match round {
            2 => proxy.freeze(),
            4 => {
                // Until the relay has given its delete up.
                eventually_within(Duration::from_secs(30), "published events", async || {
                    (ledger.arrivals.ids() == committed).then_some(())
                })
                .await;
                proxy.pass();
            }
            _ => {}
        }
        let entries = ledger.commit(100).await;
        committed.extend(entries.iter().map(|entry| entry.event.event_id));
        relay.hand_over(entries);
    }
    eventually_within(Duration::from_mins(1), "an empty outbox", async || {
        (ledger.in_outbox().await == 0).then_some(())
    })
    .await;
    eventually("all events", async || (ledger.arrivals.ids() == committed).then_some(())).await;
}
