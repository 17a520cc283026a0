//! Errors of routes that are not there speak the dialect of their surface.

use crate::harness::{Harness, SUBSCRIPTIONS};
use reqwest::Method;
use serde_json::json;
use testkit::{callers, eventually};

#[tokio::test]
async fn what_is_not_there_yet_says_so_in_its_own_dialect() {
    let harness = Harness::start().await;
    let acme = callers::partner("acme", &["webhooks:write"]);
    let ask = async |method, path: &str| testkit::answer(harness.service.request(&acme, method, path)).await;
    let (status, partner) = ask(Method::GET, "/api/v1/partners/acme/webhooks").await;
    assert_eq!(
        (status, &partner["ok"], &partner["error"]["code"]),
        (404, &json!(false), &json!("NOT_FOUND"))
    );
    let (status, platform) = ask(Method::GET, "/api/v1/api-clients/1/hooks").await;
    assert_eq!(status, 404);
    assert!(platform["error"].is_string() && platform["message"].is_string(), "{platform}");
    let (status, lex) = ask(Method::POST, "/v1/subscription").await;
    assert_eq!(status, 404);
    assert!(lex["requestId"].is_string(), "{lex}");
    let (status, partner) = ask(Method::DELETE, SUBSCRIPTIONS).await;
    assert_eq!((status, &partner["error"]["code"]), (405, &json!("NOT_FOUND")));
    let (status, platform) = ask(Method::PATCH, "/api/v1/api-clients/1/webhooks").await;
    assert_eq!((status, &platform["error"]), (405, &json!("METHOD_NOT_ALLOWED")));
}

#[tokio::test]
async fn malformed_json_is_a_validation_failure() {
    let harness = Harness::start().await;
    let acme = callers::partner("acme", &["webhooks:write"]);
    let request = harness.service.request(&acme, Method::POST, SUBSCRIPTIONS).body("{");
    let (status, refused) = testkit::answer(request.header("content-type", "application/json")).await;
    assert_eq!((status, &refused["error"]["code"]), (422, &json!("VALIDATION_FAILED")));
}

#[tokio::test]
async fn it_is_ready_when_database_partitions_and_consumer_are() {
    let harness = Harness::start().await;
    let body = eventually("readiness", async || {
        let (status, body) = harness.service.ops("/readyz").await;
        (status == 200).then_some(body)
    })
    .await;
    for check in ["database", "partitions", "broker"] {
        assert!(body.contains(check), "{body}");
    }
    assert_eq!(harness.service.ops("/livez").await.0, 200);
}
