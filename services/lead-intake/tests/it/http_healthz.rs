//! `GET /api/v1/healthz` and the ops port.

use crate::harness::Harness;
use serde_json::{Value, json};
use testkit::proxy::Proxy;
use testkit::{eventually, redirected};

fn failed(checks: &[&str]) -> (u16, Value) {
    (503, json!({"ok": false, "failed_checks": checks}))
}

async fn recovers(intake: &Harness) {
    eventually("healthy again", async || (intake.healthz().await.0 == 200).then_some(())).await;
}

#[tokio::test]
async fn healthz_reports_every_check() {
    let intake = Harness::start().await;
    let (status, body) = intake.healthz().await;
    assert_eq!((status, &body["ok"]), (200, &json!(true)));
    assert_eq!(body["checks"], json!({"db": true, "redis": true, "partitions_provisioned": true}));
    assert!(!body["build"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn healthz_turns_red_before_the_last_partition_is_used_up() {
    let intake = Harness::start().await;
    intake.service.process.clock.advance(chrono::TimeDelta::days(62));
    assert_eq!(intake.healthz().await, failed(&["partitions_provisioned"]));
}

#[tokio::test]
async fn healthz_names_a_partition_that_is_missing_and_is_green_when_it_is_back() {
    let intake = Harness::start().await;
    let pool = intake.database.pool();
    let partition: String = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits
         where inhparent = 'leads'::regclass order by 1 desc limit 1",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let rename = async |from: &str, to: &str| {
        let statement = format!("alter table {from} rename to {to}");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    };
    rename(&partition, "elsewhere").await;
    assert_eq!(intake.healthz().await, failed(&["partitions_provisioned"]));
    rename("elsewhere", &partition).await;
    assert_eq!(intake.healthz().await.0, 200);
}

#[tokio::test]
async fn healthz_names_a_redis_that_is_down_or_hangs_and_recovers_with_it() {
    let proxy = Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_REDIS_URL")).await).await;
    let through = proxy.address();
    let intake = Harness::start_with(|settings| {
        settings.redis.url = redirected(&settings.redis.url, through);
        settings.redis.timeout = std::time::Duration::from_millis(300);
    })
    .await;
    recovers(&intake).await;
    proxy.cut();
    assert_eq!(intake.healthz().await, failed(&["redis"]));
    assert_eq!(intake.service.ops("/readyz").await.0, 200, "leads are accepted without redis");
    proxy.pass();
    recovers(&intake).await;
    proxy.freeze();
    assert_eq!(intake.healthz().await, failed(&["redis"]));
    proxy.pass();
    recovers(&intake).await;
}

#[tokio::test]
async fn healthz_names_a_database_that_is_down_or_hangs_and_recovers_with_it() {
    let admin = testkit::required("LEADWIRE_TEST_DATABASE_URL");
    let proxy = Proxy::start(testkit::address_of(&admin).await).await;
    let through = proxy.address();
    let intake = Harness::start_with(|settings| {
        settings.database.url = redirected(&settings.database.url, through);
    })
    .await;
    recovers(&intake).await;
    // Whether the partitions are there cannot be seen without it.
    let expected = failed(&["db", "partitions_provisioned"]);
    proxy.cut();
    assert_eq!(intake.healthz().await, expected);
    proxy.pass();
    recovers(&intake).await;
    proxy.freeze();
    let started = std::time::Instant::now();
    assert_eq!(intake.healthz().await, expected);
    assert!(started.elapsed().as_secs() < 5, "a monitor is not kept waiting");
    proxy.pass();
    recovers(&intake).await;
}
