//! Dependencies that are down: honest answers, and recovery without a restart.

use crate::harness::{CONTROL_EVENTS, Harness};
use chrono::TimeDelta;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::{Executor, PgPool};
use testkit::proxy::Proxy;
use testkit::{answer, eventually, read};

#[tokio::test]
async fn without_its_database_it_lets_nobody_in_and_is_not_ready_and_then_heals() {
    let proxy =
        Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_DATABASE_URL")).await).await;
    let through = proxy.address();
    let gateway = Harness::start_with(|settings| {
        settings.database.url = testkit::redirected(&settings.database.url, through);
    })
    .await;
    let partner = gateway.partner("acme").await;
    let token = partner.token(gateway.now());
    proxy.cut();
    let response = gateway.submit(&partner, &token).await;
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("INTERNAL")));
    let (status, body) = answer(gateway.admin(Method::GET, "/api/v1/organizations")).await;
    assert_eq!((status, &body["error"]), (503, &json!("UNAVAILABLE")));
    assert_eq!(gateway.service.ops("/readyz").await.0, 503);
    assert_eq!(gateway.service.ops("/livez").await.0, 200);
    proxy.pass();
    eventually("ready again", async || (gateway.service.ops("/readyz").await.0 == 200).then_some(())).await;
    assert_eq!(gateway.submit(&partner, &token).await.status().as_u16(), 200);
}

#[tokio::test]
async fn a_request_is_answered_503_when_the_use_of_its_token_may_be_lost() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let database = PgPool::connect(&gateway.database.url("postgres")).await.unwrap();
    // The connection ends between the claim and the wait for its commit.
    database
        .execute(
            "alter function pg_catalog.pg_logical_emit_message(boolean, text, text) rename to kept;
             create function gateway.pg_logical_emit_message(boolean, text, text) returns boolean language sql
                 as 'select pg_terminate_backend(pg_backend_pid())'",
        )
        .await
        .unwrap();
    let response = gateway.submit(&partner, &partner.token(gateway.now())).await;
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("INTERNAL")));
    assert_eq!(gateway.echo.requests(), 1, "the wait was beside the work");
    database
        .execute(
            "drop function gateway.pg_logical_emit_message(boolean, text, text);
             alter function pg_catalog.kept(boolean, text, text) rename to pg_logical_emit_message",
        )
        .await
        .unwrap();
    assert_eq!(gateway.submit(&partner, &partner.token(gateway.now())).await.status().as_u16(), 200);
}

#[tokio::test]
async fn without_redis_it_counts_alone_and_stays_ready() {
    let proxy = Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_REDIS_URL")).await).await;
    let through = proxy.address();
    let gateway = Harness::start_with(|settings| {
        settings.redis.url = testkit::redirected(&settings.redis.url, through);
        assert!(settings.redis.url.expose_secret().contains(&through.port().to_string()));
    })
    .await;
    let client = gateway.client("acme").await;
    let redis = async || {
        let (status, report) = gateway.service.ops("/readyz").await;
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!((status, &report["ready"]), (200, &json!(true)));
        report["checks"]["redis"] == "ok"
    };
    for fail in [Proxy::cut, Proxy::freeze] {
        let partner = gateway.credential(&client, "acme", json!({"rateLimitOverride": 3})).await;
        fail(&proxy);
        let remaining = async || {
            let response = gateway.submit(&partner, &partner.token(gateway.now())).await;
            let remaining = response.headers()["ratelimit-remaining"].to_str().unwrap().to_owned();
            (response.status().as_u16(), remaining)
        };
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(remaining().await);
        }
        let expected = [(200, "2"), (200, "1"), (200, "0"), (429, "0")];
        let expected = expected.map(|(status, remaining)| (status, remaining.to_owned()));
        assert_eq!(answers, expected, "the clock of the process stands still");
        assert!(!redis().await);
        proxy.pass();
        // Redis knows nothing of what was counted without it, or of one request that reached it late.
        eventually("redis counts again", async || {
            gateway.service.process.clock.advance(TimeDelta::seconds(1));
            (redis().await && remaining().await.0 == 200).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn without_the_broker_it_starts_and_serves_and_tells_the_platform_when_the_broker_is_back() {
    let proxy = Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_AMQP_URL")).await).await;
    let through = proxy.address();
    proxy.cut();
    let gateway = Harness::start_with(|settings| {
        settings.broker.url = testkit::redirected(&settings.broker.url, through);
    })
    .await;
    let partner = gateway.partner("acme").await;
    assert_eq!(gateway.submit(&partner, &partner.token(gateway.now())).await.status().as_u16(), 200);
    let (status, report) = gateway.service.ops("/readyz").await;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((status, &report["ready"]), (200, &json!(true)));
    assert_ne!(report["checks"]["broker"], "ok");
    proxy.pass();
    let mut kinds = Vec::new();
    testkit::eventually_within(std::time::Duration::from_secs(30), "the events", async || {
        for message in gateway.broker.take(CONTROL_EVENTS.name).await {
            kinds.push(message.routing_key);
        }
        (kinds.len() >= 3).then_some(())
    })
    .await;
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["gateway.client.changed.v1", "gateway.credential.changed.v1", "gateway.organization.changed.v1"]
    );
}
