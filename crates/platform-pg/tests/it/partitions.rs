//! Partitions exist before they are needed.

use chrono::TimeDelta;
use contracts::Service;
use futures_util::future::join_all;
use platform_pg::partitions::{Cut, PartitionedTable, missing, provision};
use sqlx::Executor;
use testkit::TestDatabase;

const TABLES: &[PartitionedTable] = &[
    PartitionedTable { name: "by_month", cut: Cut::Monthly, behind: 1, ahead: 2 },
    PartitionedTable { name: "by_week", cut: Cut::WeeklyById, behind: 5, ahead: 2 },
];

#[tokio::test]
async fn replicas_that_provision_at_once_do_not_disturb_each_other() {
    let database = TestDatabase::create(Service::Ingest).await;
    let pool = database.pool();
    pool.execute(
        "create table by_month (at timestamptz not null) partition by range (at); \
         create table by_week (id uuid primary key) partition by range (id)",
    )
    .await
    .unwrap();
    let clock = testkit::process().clock;
    assert_eq!(missing(&pool, TABLES, clock.now()).await.unwrap().len(), 12);
    for outcome in join_all((0..5).map(|_| provision(&pool, TABLES, clock.now()))).await {
        outcome.unwrap();
    }
    assert_eq!(missing(&pool, TABLES, clock.now()).await.unwrap(), Vec::<String>::new());
    for days in [-30, 0, 50] {
        let at = clock.now() + TimeDelta::days(days);
        sqlx::query("insert into by_month values ($1)").bind(at).execute(&pool).await.unwrap();
    }
    for days in [-34, 0, 13] {
        let id = platform::ids::IdSource::random().at(clock.now() + TimeDelta::days(days));
        sqlx::query("insert into by_week values ($1)").bind(id).execute(&pool).await.unwrap();
    }
    clock.advance(TimeDelta::days(40));
    assert!(!missing(&pool, TABLES, clock.now()).await.unwrap().is_empty());
    provision(&pool, TABLES, clock.now()).await.unwrap();
    assert_eq!(missing(&pool, TABLES, clock.now()).await.unwrap(), Vec::<String>::new());
}
