//! What the surface says as long as its operations are not there.

use crate::harness::Harness;
use contracts::Surface;
use contracts::identity::CredentialKind;
use reqwest::Method;
use serde_json::json;
use testkit::{callers, read};

#[tokio::test]
async fn it_is_alive_and_ready() {
    let Harness { service, database: _database } = Harness::start().await;
    assert_eq!(service.ops("/livez").await.0, 200);
    assert_eq!(service.ops("/readyz").await.0, 200);
    assert_eq!(service.ops("/metrics").await.0, 200);
}

#[tokio::test]
async fn an_operation_that_is_not_there_is_not_found_in_the_dialect_of_the_surface() {
    let Harness { service, database: _database } = Harness::start().await;
    let caller = callers::key("acme", Surface::Ingest, CredentialKind::IngestKey, &[]);
    let response = service.request(&caller, Method::POST, "/api/v1/ingest/events").send().await.unwrap();
    assert!(response.headers().contains_key("x-request-id"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn past_the_gateway_there_is_nothing() {
    let Harness { service, database: _database } = Harness::start().await;
    let (status, body) =
        read(service.bare(Method::POST, "/api/v1/ingest/events").send().await.unwrap()).await;
    assert_eq!(status, 401, "{body}");
}
