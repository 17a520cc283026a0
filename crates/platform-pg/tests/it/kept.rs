//! A connection that is kept: the same one while it is used, and never one that nobody has asked for long.

use contracts::Service;
use platform_pg::{DatabaseSettings, Kept};
use sqlx::{PgConnection, PgPool};
use testkit::{TestDatabase, eventually};

async fn backend(connection: &mut PgConnection) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection).await.unwrap()
}

async fn end(pool: &PgPool, backend: i32) {
    sqlx::query("select pg_terminate_backend($1)").bind(backend).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_connection_is_kept_while_it_is_used_and_one_that_fails_is_not() {
    let database = TestDatabase::create(Service::Ingest).await;
    let (pool, other) = (database.pool(), database.pool());
    let kept = Kept::new(pool.clone());
    let mut lent = kept.take().await.unwrap();
    let first = backend(&mut lent).await;
    kept.keep(lent);
    for _ in 0..3 {
        let mut lent = kept.take().await.unwrap();
        assert_eq!(backend(&mut lent).await, first);
        kept.keep(lent);
        assert_eq!(pool.num_idle(), 0);
    }
    // Whoever comes while it is in use gets another one, and there is room for one only.
    let (mut lent, mut second) = (kept.take().await.unwrap(), kept.take().await.unwrap());
    assert!(backend(&mut lent).await == first && backend(&mut second).await != first);
    kept.keep(lent);
    kept.keep(second);
    eventually("the second to be back", async || (pool.num_idle() == 1).then_some(())).await;

    end(&other, first).await;
    let mut lent = kept.take().await.unwrap();
    sqlx::query("select").execute(&mut *lent).await.unwrap_err();
    drop(lent);
    let mut lent = kept.take().await.unwrap();
    assert_ne!(backend(&mut lent).await, first);
}

#[tokio::test]
async fn a_pool_that_has_no_other_connection_gets_it_back() {
    let database = TestDatabase::create(Service::Ingest).await;
    let settings = DatabaseSettings { max_connections: 2, ..database.settings() };
    let pool = platform_pg::connect(&settings, Service::Ingest).unwrap();
    let kept = Kept::new(pool.clone());
    let lent = kept.take().await.unwrap();
    // One for ever, as a listener has it, one for everybody else.
    let _listener = pool.acquire().await.unwrap();
    kept.keep(lent);
    for _ in 0..3 {
        let lent = kept.take().await.unwrap();
        kept.keep(lent);
        pool.acquire().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_has_rested_is_asked_before_it_is_used() {
    let database = TestDatabase::create(Service::Ingest).await;
    let (pool, other) = (database.pool(), database.pool());
    let kept = Kept::new(pool);
    let mut lent = kept.take().await.unwrap();
    let first = backend(&mut lent).await;
    kept.keep(lent);
    end(&other, first).await;
    sqlx::query("select pg_sleep(1.1)").execute(&other).await.unwrap();
    let mut lent = kept.take().await.unwrap();
    assert_ne!(backend(&mut lent).await, first);
}
