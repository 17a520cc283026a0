//! Rate limits over replicas, in every dialect, and in the headers of the IETF's draft.

use crate::harness::{Harness, text};
use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::{Asked, Running, answer, read};

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).unwrap_or_else(|| panic!("no {name}"));
    value.to_str().unwrap().to_owned()
}

/// A value such as `"credential-minute";r=59;t=12`: the name, and the figures in order.
fn item(text: &str) -> (String, Vec<u64>) {
    let mut parts = text.split(';');
    let name = parts.next().unwrap().trim_matches('"').to_owned();
    (name, parts.map(|part| part.split_once('=').unwrap().1.parse().unwrap()).collect())
}

/// The seconds that are left of the minute in which a response was counted. They shrink; when they grow, a
/// new minute has begun.
fn left(response: &Response) -> u64 {
    item(&header(response, "ratelimit")).1[1]
}

async fn ask(replica: &Running, bearer: &str, path: &str) -> Response {
    replica.bare(Method::GET, path).bearer_auth(bearer).send().await.unwrap()
}

#[tokio::test]
async fn as_many_requests_as_the_limit_says_pass_over_all_replicas_and_not_one_more() {
    let gateway = Harness::start().await;
    let other = gateway.replica(|_| ()).await;
    let client = gateway.client("acme").await;
    loop {
        let key = gateway.key(&client, json!({"surface": "crm", "rateLimitOverride": 20})).await;
        let key = text(&key["key"]);
        let first = ask(&gateway.service, key, "/api/v1/products").await;
        let requests = (0..25).flat_map(|_| [&gateway.service, &other]);
        let answers = join_all(requests.map(|replica| ask(replica, key, "/api/v1/products"))).await;
        let last = ask(&other, key, "/api/v1/products").await;
        if left(&last) > left(&first) {
            continue;
        }
        let passed = answers.iter().filter(|response| response.status().as_u16() == 200).count();
        assert_eq!(passed, 19);
        let refused = answers.iter().filter(|response| response.status().as_u16() == 429).count();
        assert_eq!((refused, last.status().as_u16()), (31, 429));
        return;
    }
}

/// A credential of each kind with one request a minute, and how it asks.
async fn tight(gateway: &Harness) -> Vec<(&'static str, Box<dyn Fn() -> Asked + '_>)> {
    let client = gateway.client("acme").await;
    let one = json!({"rateLimitOverride": 1});
    let with = |more: Value| {
        let mut all = one.clone();
        all.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        all
    };
    let platform = gateway.key(&client, one.clone()).await["key"].clone();
    let crm = gateway.key(&client, with(json!({"surface": "crm"}))).await["key"].clone();
    let app = json!({"surface": "ingest", "app": {"slug": "web", "name": "Web"}});
    let ingest = gateway.key(&client, with(app)).await["key"].clone();
    let lex = gateway.access_token(&gateway.oauth(&client, one.clone()).await).await;
    let partner = gateway.credential(&client, "acme", one.clone()).await;
    let get = |bearer: Value, path: &'static str| -> Box<dyn Fn() -> Asked + '_> {
        Box::new(move || gateway.with(text(&bearer), Method::GET, path))
    };
    vec![
        ("platform", get(platform, "/api/v1/rate-limits")),
        ("crm", get(crm, "/api/v1/products")),
        ("ingest", get(ingest, "/api/v1/ingest/ping")),
        ("lex", get(json!(lex), "/v1/messages/1")),
        (
            "partner",
            Box::new(move || {
                let token = partner.token(gateway.now());
                gateway.with(&token, Method::POST, &partner.leads()).json(&json!({}))
            }),
        ),
    ]
}

#[tokio::test]
async fn one_request_too_many_is_429_in_every_dialect_with_the_time_to_wait() {
    let gateway = Harness::start().await;
    for (surface, request) in tight(&gateway).await {
        let mut refused = None;
        for _ in 0..4 {
            let response = request().send().await.unwrap();
            if response.status().as_u16() == 429 {
                refused = Some(response);
                break;
            }
            assert_eq!(response.status().as_u16(), 200, "{surface}");
        }
        let refused = refused.unwrap_or_else(|| panic!("{surface} has no limit"));
        let wait = left(&refused);
        assert!((1..=60).contains(&wait));
        assert_eq!(header(&refused, "retry-after"), wait.to_string(), "{surface}");
        assert_eq!(header(&refused, "ratelimit"), format!(r#""credential-minute";r=0;t={wait}"#));
        let policy = header(&refused, "ratelimit-policy");
        assert!(policy.starts_with(r#""credential-minute";q=1;w=60"#), "{surface}: {policy}");
        let (_, body) = read(refused).await;
        let code = match surface {
            "partner" | "ingest" => &body["error"]["code"],
            _ => &body["error"],
        };
        let expected = match surface {
            "partner" | "lex" => "RATE_LIMITED",
            "platform" => "RATE_LIMIT_EXCEEDED",
            _ => "rate_limited",
        };
        assert_eq!(code, expected, "{surface}: {body}");
    }
}

#[tokio::test]
async fn every_limit_of_a_request_is_named_whatever_the_answer_is() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let platform = gateway.key(&client, json!({})).await;
    let platform = text(&platform["key"]);
    let app = json!({"slug": "web", "name": "Web"});
    let ingest = gateway.key(&client, json!({"surface": "ingest", "app": app})).await;
    let client_policy =
        r#""client-minute";q=120;w=60, "client-hour";q=5000;w=3600, "client-day";q=50000;w=86400"#;
    let ingest_policy = r#""credential-minute";q=600;w=60, "organization-minute";q=3000;w=60"#;
    let address_policy = r#""address-minute";q=600;w=60"#;
    let too_large = vec![b'x'; 300 * 1024];
    for (request, status, policy) in [
        (gateway.with(platform, Method::GET, "/api/v1/rate-limits"), 200, client_policy),
        (gateway.with(platform, Method::POST, "/api/v1/api-keys").json(&json!({})), 400, client_policy),
        (gateway.with(platform, Method::POST, "/api/v1/organizations").json(&json!({})), 403, client_policy),
        (gateway.with(platform, Method::GET, "/api/v1/api-clients/1/webhooks"), 404, client_policy),
        (gateway.with(platform, Method::POST, "/api/v1/api-keys").body(too_large), 413, client_policy),
        (gateway.with(text(&ingest["key"]), Method::GET, "/api/v1/ingest/ping"), 200, ingest_policy),
        (gateway.service.bare(Method::GET, "/api/v1/rate-limits"), 401, address_policy),
        (gateway.service.bare(Method::GET, "/api/v1/nothing"), 404, address_policy),
        (gateway.service.bare(Method::DELETE, "/v1/messages"), 405, address_policy),
        (gateway.service.bare(Method::GET, "/.well-known/jwks.json"), 200, address_policy),
        (gateway.service.bare(Method::GET, "/api/v1/products"), 401, r#""address-minute";q=60;w=60"#),
    ] {
        let response = request.send().await.unwrap();
        let url = response.url().clone();
        assert_eq!(response.status().as_u16(), status, "{url}");
        assert_eq!(header(&response, "ratelimit-policy"), policy, "{url}");
        let (name, figures) = item(&header(&response, "ratelimit"));
        assert!(policy.contains(&format!("\"{name}\"")) && figures.len() == 2, "{url}");
    }
}

#[tokio::test]
async fn what_a_service_charged_more_is_shown_in_the_headers_of_the_surface() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let token = gateway.access_token(&gateway.oauth(&client, json!({})).await).await;
    let batch = gateway.with(&token, Method::POST, "/v1/messages/batch");
    let request = batch.header("x-echo-limit", "1000").header("x-echo-remaining", "941").json(&json!({}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(
        (header(&response, "x-ratelimit-limit"), header(&response, "x-ratelimit-remaining")),
        ("1000".to_owned(), "941".to_owned())
    );
    let (name, figures) = item(&header(&response, "ratelimit"));
    assert_eq!((name.as_str(), figures[0]), ("organization-minute", 941));
    assert!(response.headers().keys().all(|name| !name.as_str().starts_with("x-leadwire-")));
    // A client cannot say so itself.
    let request = gateway.with(&token, Method::GET, "/v1/messages/1");
    let response = request.header("x-leadwire-limit-remaining", "7").send().await.unwrap();
    assert_ne!(header(&response, "x-ratelimit-remaining"), "7");
}

#[tokio::test]
async fn a_refusal_of_somebody_who_is_known_counts_against_his_own_limit() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let origins = json!({"surface": "crm", "allowedOrigins": ["https://app.acme.com"]});
    let key = gateway.key(&client, origins).await;
    let ask = async || {
        let request = gateway.with(text(&key["key"]), Method::GET, "/api/v1/products");
        let response = request.header("origin", "https://evil.example").send().await.unwrap();
        assert_eq!(response.status().as_u16(), 403);
        item(&header(&response, "ratelimit"))
    };
    let ((name, before), (_, after)) = (ask().await, ask().await);
    assert_eq!(name, "credential-minute");
    assert!(after[0] + 1 == before[0] || after[1] > before[1], "{before:?} {after:?}");
    let path = format!("/api/v1/api-clients/{}", text(&client["id"]));
    let suspend = gateway.admin(Method::PUT, &path).json(&json!({"status": "SUSPENDED"}));
    assert_eq!(answer(suspend).await.0, 200);
    assert_eq!(ask().await.0, "credential-minute");
}

#[tokio::test]
async fn two_keys_of_an_organisation_share_what_it_may_ingest() {
    let gateway = Harness::start().await;
    for attempt in 0.. {
        // Redis tells the time: a minute may end in between.
        assert!(attempt < 3, "no limit");
        let plan = json!({"requestsPerMinutePerKey": 100, "requestsPerMinutePerOrganization": 3});
        let body = json!({"slug": format!("acme_{attempt}"), "name": "Acme", "plan": plan});
        let organization = gateway.create("/api/v1/organizations", &body).await;
        let client = gateway.client_of(&organization["id"]).await;
        let app = json!({"surface": "ingest", "app": {"slug": "web", "name": "Web"}});
        let (one, two) = (gateway.key(&client, app.clone()).await, gateway.key(&client, app).await);
        let mut answers = Vec::new();
        for key in [&one, &two, &one, &two] {
            answers.push(ask(&gateway.service, text(&key["key"]), "/api/v1/ingest/ping").await);
        }
        let statuses: Vec<_> = answers.iter().map(|response| response.status().as_u16()).collect();
        if statuses == [200, 200, 200, 429] {
            let (name, figures) = item(&header(&answers[3], "ratelimit"));
            assert_eq!((name.as_str(), figures[0]), ("organization-minute", 0));
            return;
        }
    }
}
