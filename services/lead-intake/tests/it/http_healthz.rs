//! `GET /api/v1/healthz` and the ops port.

use crate::harness::Harness;
use serde_json::json;

#[tokio::test]
async fn healthz_reports_every_check() {
    let intake = Harness::start().await;
    let (status, body) = intake.healthz().await;
    assert_eq!((status, &body["ok"]), (200, &json!(true)));
    assert_eq!(body["checks"], json!({"db": true, "redis": true, "partitions_provisioned": true}));
}

#[tokio::test]
async fn healthz_turns_red_before_the_last_partition_is_used_up() {
    let intake = Harness::start().await;
    intake.service.process.clock.advance(chrono::TimeDelta::days(62));
    let (status, body) = intake.healthz().await;
    assert_eq!((status, body), (503, json!({"ok": false, "failed_checks": ["partitions_provisioned"]})));
}

#[tokio::test]
async fn healthz_names_a_redis_that_does_not_answer() {
    let intake = Harness::start_with(|settings| {
        settings.redis.url = "redis://127.0.0.1:1".into();
    })
    .await;
    let (status, body) = intake.healthz().await;
    assert_eq!((status, &body["failed_checks"]), (503, &json!(["redis"])));
    assert_eq!(intake.service.ops("/readyz").await.0, 200, "leads are accepted without redis");
}
