//! What the gateway sends here is served here.

use crate::harness::{Harness, client, platform_key};
use contracts::Surface;
use contracts::routes::ROUTES;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;

/// The message of an error, wherever the surface has it.
fn message(answer: &Value) -> &Value {
    answer["error"].get("message").unwrap_or(&answer["message"])
}

#[tokio::test]
async fn every_operation_of_the_route_table_is_there() {
    let harness = Harness::start().await;
    let partner = callers::partner("acme", &["webhooks:read", "webhooks:write"]);
    let lex = crate::lex::token("acme");
    let platform = platform_key("acme", Some(client()), &["platform:admin"]);
    let ours: Vec<_> =
        ROUTES.iter().filter(|route| route.owner == contracts::Service::WebhookDispatcher).collect();
    assert!(ours.len() >= 31, "{}", ours.len());
    for route in ours {
        let (caller, unknown) = match route.surface {
            Surface::Partner => (&partner, "/api/v1/partners/acme/nothing"),
            Surface::Lex => (&lex, "/v1/nothing"),
            _ => (&platform, "/api/v1/nothing"),
        };
        let (status, nothing) = harness.ask(caller, Method::GET, unknown, &Value::Null).await;
        assert_eq!(status, 404, "{nothing}");
        let id = testkit::unique_id().to_string();
        let path: Vec<_> = route
            .template
            .split('/')
            .map(|part| match part {
                "{partner_slug}" => "acme",
                part if part.starts_with('{') => &id,
                part => part,
            })
            .collect();
        let (path, method) = (path.join("/"), Method::from_bytes(route.method.as_bytes()).unwrap());
        let body = if method == Method::GET { Value::Null } else { json!({}) };
        let (status, answer) = harness.ask(caller, method, &path, &body).await;
        assert!(!matches!(status, 401 | 403 | 405 | 500..), "{} {path}: {status} {answer}", route.method);
        assert!(status != 404 || message(&answer) != message(&nothing), "{} {path}: {answer}", route.method);
    }
}
