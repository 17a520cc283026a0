//! Dependencies that are down: honest answers, and recovery without a restart.

use crate::harness::Harness;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;
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
async fn without_redis_it_counts_alone_and_stays_ready() {
    let proxy = Proxy::start(testkit::address_of(&testkit::required("LEADWIRE_TEST_REDIS_URL")).await).await;
    let through = proxy.address();
    let gateway = Harness::start_with(|settings| {
        settings.redis.url = testkit::redirected(&settings.redis.url, through);
        assert!(settings.redis.url.expose_secret().contains(&through.port().to_string()));
    })
    .await;
    let client = gateway.client("acme").await;
    proxy.cut();
    let partner = gateway.credential(&client, "acme", json!({"rateLimitOverride": 2})).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(gateway.submit(&partner, &partner.token(gateway.now())).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429], "the clock of the process stands still");
    let (status, report) = gateway.service.ops("/readyz").await;
    assert_eq!(status, 200);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["ready"], true);
    assert_ne!(report["checks"]["redis"], "ok");
}
