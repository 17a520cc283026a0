//! Rate limits and their headers.

use crate::harness::{Harness, Partner, text};
use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

fn number(response: &Response, name: &str) -> u64 {
    header(response, name).parse().unwrap()
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap().to_owned()
}

/// The minute of Redis's clock that a partner response was counted in, as the seconds that were left of it.
/// They shrink; when they grow, a new minute has begun.
fn has_rolled_over(before: &Response, after: &Response) -> bool {
    number(after, "ratelimit-reset") > number(before, "ratelimit-reset")
}

/// `count` requests of a new credential, all within one minute, in the order of their answers.
async fn within_one_minute(gateway: &Harness, client: &Value, rest: &Value, count: usize) -> Vec<Response> {
    loop {
        let partner = gateway.credential(client, "acme", rest.clone()).await;
        let mut responses = vec![submit(gateway, &partner).await];
        responses.extend(join_all((1..count).map(|_| submit(gateway, &partner))).await);
        let last = submit(gateway, &partner).await;
        let rolled_over = has_rolled_over(&responses[0], &last);
        responses.push(last);
        if !rolled_over {
            return responses;
        }
    }
}

async fn submit(gateway: &Harness, partner: &Partner) -> Response {
    gateway.submit(partner, &partner.token(gateway.now())).await
}

#[tokio::test]
async fn sixty_requests_a_minute_pass_and_the_next_is_refused() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let mut responses = within_one_minute(&gateway, &client, &json!({}), 60).await;
    let refused = responses.pop().unwrap();
    assert!(responses.iter().all(|response| response.status().as_u16() == 200));
    let mut remaining: Vec<_> =
        responses.iter().map(|response| number(response, "ratelimit-remaining")).collect();
    remaining.sort_unstable();
    assert_eq!(remaining, (0..60).collect::<Vec<_>>());
    assert!(responses.iter().all(|response| number(response, "ratelimit-limit") == 60));
    assert!(responses.iter().all(|response| (1..=60).contains(&number(response, "ratelimit-reset"))));

    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!((number(&refused, "ratelimit-limit"), number(&refused, "ratelimit-remaining")), (60, 0));
    assert_eq!(header(&refused, "retry-after"), header(&refused, "ratelimit-reset"));
    let body: Value = refused.json().await.unwrap();
    assert_eq!((&body["ok"], &body["error"]["code"]), (&json!(false), &json!("RATE_LIMITED")));
}

#[tokio::test]
async fn an_override_replaces_the_figure_of_its_credential() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let responses = within_one_minute(&gateway, &client, &json!({"rateLimitOverride": 3}), 3).await;
    let statuses: Vec<_> = responses.iter().map(|response| response.status().as_u16()).collect();
    assert_eq!(statuses, [200, 200, 200, 429]);
    assert_eq!(number(&responses[0], "ratelimit-limit"), 3);
}

#[tokio::test]
async fn the_platform_surface_speaks_of_the_window_that_is_closest_to_its_limit() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let plain = gateway.key(&client, json!({})).await;
    let ask = async |key: &Value| {
        let request = gateway.with(text(&key["key"]), Method::GET, "/api/v1/rate-limits");
        request.send().await.unwrap()
    };
    let response = ask(&plain).await;
    assert_eq!(
        (number(&response, "x-ratelimit-limit"), number(&response, "x-ratelimit-remaining")),
        (120, 119)
    );
    let reset = chrono::DateTime::parse_from_rfc3339(&header(&response, "x-ratelimit-reset")).unwrap();
    assert_eq!(reset.timestamp() % 60, 0);
    // An override is a window of the key's own; the client's hour goes on counting.
    let own = gateway.key(&client, json!({"rateLimitOverride": 100_000})).await;
    let response = ask(&own).await;
    assert_eq!(
        (number(&response, "x-ratelimit-limit"), number(&response, "x-ratelimit-remaining")),
        (5_000, 4_998)
    );

    let tight = gateway.key(&client, json!({"rateLimitOverride": 1})).await;
    let refused = loop {
        let response = ask(&tight).await;
        if response.status().as_u16() == 429 {
            break response;
        }
    };
    assert_eq!((number(&refused, "x-ratelimit-limit"), number(&refused, "x-ratelimit-remaining")), (1, 0));
    let wait = number(&refused, "retry-after");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(
        body,
        json!({"error": "RATE_LIMIT_EXCEEDED", "message": "API rate limit exceeded", "retryAfter": wait})
    );
}

#[tokio::test]
async fn crm_and_ingest_have_figures_and_headers_of_their_own() {
    let gateway = Harness::start().await;
    let organization = gateway
        .create(
            "/api/v1/organizations",
            &json!({"slug": "acme", "name": "Acme", "plan": {"requestsPerMinutePerKey": 50, "requestsPerMinutePerOrganization": 40}}),
        )
        .await;
    let client = gateway.client_of(&organization["id"]).await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let ingest =
        gateway.key(&client, json!({"surface": "ingest", "app": {"slug": "web", "name": "Web"}})).await;
    let response = gateway.with(text(&crm["key"]), Method::GET, "/api/v1/products").send().await.unwrap();
    assert_eq!(
        (number(&response, "x-ratelimit-limit"), number(&response, "x-ratelimit-remaining")),
        (600, 599)
    );
    assert!((1..=60).contains(&number(&response, "x-ratelimit-reset")));
    let response =
        gateway.with(text(&ingest["key"]), Method::GET, "/api/v1/ingest/ping").send().await.unwrap();
    assert_eq!(header(&response, "x-api-version"), "2026-04-01");
    // The organisation's window is the tighter one.
    assert_eq!(
        (number(&response, "x-ratelimit-limit"), number(&response, "x-ratelimit-remaining")),
        (40, 39)
    );
}

#[tokio::test]
async fn what_fails_to_authenticate_counts_against_the_address() {
    let gateway = Harness::start().await;
    let ask = async || gateway.service.bare(Method::GET, "/api/v1/products").send().await.unwrap();
    let mut failures = 0;
    let mut before = ask().await;
    let refused = loop {
        assert_eq!(before.status().as_u16(), 401);
        assert_eq!(number(&before, "x-ratelimit-limit"), 60);
        failures += 1;
        let response = ask().await;
        if number(&response, "x-ratelimit-reset") > number(&before, "x-ratelimit-reset") {
            failures = 0;
        }
        if response.status().as_u16() == 429 {
            break response;
        }
        before = response;
    };
    assert_eq!(failures, 60);
    assert_eq!(
        (header(&refused, "retry-after"), number(&refused, "x-ratelimit-remaining")),
        (header(&refused, "x-ratelimit-reset"), 0)
    );
    assert_eq!(refused.json::<Value>().await.unwrap()["error"], "rate_limited");
    // Other surfaces, and those who hold a key, are not kept out by it.
    let other = gateway.service.bare(Method::GET, "/api/v1/rate-limits").send().await.unwrap();
    assert_eq!((other.status().as_u16(), number(&other, "x-ratelimit-limit")), (401, 600));
    let client = gateway.client("acme").await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let good = gateway.with(text(&crm["key"]), Method::GET, "/api/v1/products").send().await.unwrap();
    assert_eq!(good.status().as_u16(), 200);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_its_surface_errors_included() {
    let gateway = Harness::start().await;
    for (method, path, names) in [
        (
            Method::GET,
            "/api/v1/partners/acme/nothing",
            ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        ),
        (
            Method::DELETE,
            "/api/v1/partners/acme/leads",
            ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        ),
        (
            Method::GET,
            "/.well-known/jwks.json",
            ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        ),
        (Method::GET, "/api/v1/nothing", ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]),
        (Method::GET, "/api/v1/leads", ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]),
        (Method::GET, "/api/v1/ingest/ping", ["x-ratelimit-limit", "x-ratelimit-remaining", "x-api-version"]),
        (Method::POST, "/v1/messages", ["x-ratelimit-limit", "x-ratelimit-remaining", "x-request-id"]),
    ] {
        let response = gateway.service.bare(method, path).send().await.unwrap();
        for name in names {
            assert!(response.headers().contains_key(name), "{name} at {path}");
        }
    }
}
