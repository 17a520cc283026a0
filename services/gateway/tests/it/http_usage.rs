//! `/api/v1/api-clients/{id}/usage` and `…/dashboard`: every answered request, once.

use crate::dispatcher::Dispatcher;
use crate::harness::{Harness, new_client, text};
use chrono::{DurationRound, TimeDelta};
use gateway::{App, Settings};
use platform::ids::IdSource;
use platform::lifecycle::Process;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{Asked, Running, answer, eventually};

/// Counts are written at once, or only when the process stops.
fn write_every(settings: &mut Settings, every: Duration) {
    settings.usage.write_every = every;
}

const SOON: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_hours(1);

fn path(client: &Value, rest: &str) -> String {
    format!("/api/v1/api-clients/{}/{rest}", text(&client["id"]))
}

async fn usage(gateway: &Harness, client: &Value, query: &str) -> Value {
    let (status, usage) = answer(gateway.admin(Method::GET, &path(client, &format!("usage{query}")))).await;
    assert_eq!(status, 200, "{usage}");
    usage
}

/// The usage of a client once it has so many requests.
async fn used(gateway: &Harness, client: &Value, total: usize) -> Value {
    eventually("everything is counted", async || {
        let usage = usage(gateway, client, "").await;
        let counted = usage["totalRequests"].as_u64().unwrap();
        assert!(counted <= total as u64, "too much: {usage}");
        (counted == total as u64).then_some(usage)
    })
    .await
}

/// Another gateway process on the same database.
async fn replica(gateway: &Harness, settings: &Settings) -> Running {
    let process = Process::new(gateway.service.process.clock.clone(), IdSource::random());
    let app = App::build(settings, process.clone(), String::new).await.unwrap();
    let service = Running::new(contracts::Service::Gateway, process, app.address(), app.ops_address());
    testkit::background(async move { app.run().await.unwrap() });
    service
}

async fn status(request: Asked) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

/// Counts by something.
fn counts(rows: &Value, by: &str) -> BTreeMap<String, u64> {
    rows.as_array().unwrap().iter().map(|row| (row[by].to_string(), row["count"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn every_answer_of_every_surface_is_counted_once_whichever_replica_gave_it() {
    let mut settings = None;
    let gateway = Harness::start_with(|given| {
        write_every(given, SOON);
        settings = Some(given.clone());
    })
    .await;
    let other = replica(&gateway, &settings.unwrap()).await;
    let client = gateway.client("acme").await;
    let platform = gateway.key(&client, json!({"rateLimitOverride": 1000})).await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let ingest = gateway.key(&client, json!({"surface": "ingest", "app": {"slug": "a", "name": "A"}})).await;
    let one = gateway.key(&client, json!({"surface": "crm", "rateLimitOverride": 1})).await;
    let partner = gateway.credential(&client, "acme", json!({})).await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let token = gateway.access_token(&oauth).await;
    let requests = [
        (Method::GET, "/api/v1/rate-limits", "/api/v1/rate-limits", text(&platform["key"])),
        (Method::GET, "/api/v1/api-clients/x", "/api/v1/api-clients/{id}", text(&platform["key"])),
        (Method::GET, "/api/v1/audit-log", "/api/v1/audit-log", text(&platform["key"])),
        (Method::GET, "/api/v1/products/1", "/api/v1/products/{id}", text(&crm["key"])),
        (Method::PATCH, "/api/v1/products/2", "/api/v1/products/{id}", text(&crm["key"])),
        (Method::GET, "/api/v1/ingest/ping", "/api/v1/ingest/ping", text(&ingest["key"])),
        (Method::GET, "/v1/messages/m?x=y", "/v1/messages/{messageId}", &token),
        (Method::GET, "/api/v1/products", "/api/v1/products", text(&one["key"])),
    ];
    let (mut statuses, mut templates, mut total) = (BTreeMap::new(), BTreeMap::new(), 0);
    let mut counted = |status: u16, template: &str| {
        *statuses.entry(status.to_string()).or_insert(0) += 1;
        *templates.entry(json!(template).to_string()).or_insert(0) += 1;
        total += 1;
    };
    for round in 0..6 {
        let service = if round % 2 == 0 { &gateway.service } else { &other };
        for (method, path, template, key) in &requests {
            let wanted = [200, 201, 404, 422, 500, 503][round];
            let request = service.bare(method.clone(), path).bearer_auth(key).header("x-echo-status", wanted);
            counted(status(request).await, template);
        }
        let token = partner.token(gateway.now());
        let lead = async || status(service.bare(Method::POST, &partner.leads()).bearer_auth(&token)).await;
        counted(lead().await, "/api/v1/partners/{partner_slug}/leads");
        // Nobody's: a token that was used before, a wrong key, none, no such route.
        assert_eq!(lead().await, 401);
        assert_eq!(
            status(service.bare(Method::GET, "/api/v1/products").bearer_auth("finova_sk_no")).await,
            401
        );
        assert_eq!(status(service.bare(Method::GET, "/api/v1/products")).await, 401);
        assert_eq!(status(service.bare(Method::GET, "/api/v1/nothing").bearer_auth(&token)).await, 404);
    }
    assert!(statuses.contains_key("429") && statuses.contains_key("403"), "{statuses:?}");

    let usage = used(&gateway, &client, total).await;
    assert_eq!(counts(&usage["requestsByEndpoint"], "endpoint"), templates);
    let failed: BTreeMap<_, _> = statuses
        .iter()
        .filter(|(status, _)| status.as_str() >= "400")
        .map(|(s, n)| (s.clone(), *n))
        .collect();
    assert_eq!(counts(&usage["topErrorCodes"], "statusCode"), failed);
    let failures: u64 = failed.values().sum();
    assert_eq!(usage["failedRequests"], failures);
    assert_eq!(usage["successfulRequests"], total as u64 - failures);
    assert_eq!(counts(&usage["requestsByTime"], "time").values().sum::<u64>(), total as u64);
    for list in ["api-keys", "service-credentials", "oauth-credentials"] {
        let (_, listed) = answer(gateway.admin(Method::GET, &path(&client, list))).await;
        for credential in listed["data"].as_array().unwrap() {
            assert_eq!(credential["lastUsedAt"], json!(gateway.service.process.clock.now()), "{list}");
        }
    }
}

#[tokio::test]
async fn a_report_looks_as_the_reference_says() {
    let gateway = Harness::start_with(|settings| write_every(settings, SOON)).await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    assert_eq!(key["lastUsedAt"], Value::Null);
    for route in ["rate-limits", "rate-limits", "organizations/x"] {
        status(gateway.with(text(&key["key"]), Method::GET, &format!("/api/v1/{route}"))).await;
    }
    let mut usage = used(&gateway, &client, 3).await;
    let today = gateway.service.process.clock.now().date_naive();
    let days = usage["requestsByTime"].as_array_mut().unwrap();
    assert_eq!(days.len(), 31, "the thirtieth day before begins somewhere in its middle");
    assert_eq!(days.pop().unwrap(), json!({"time": today, "count": 3}));
    assert_eq!(days[0], json!({"time": today - TimeDelta::days(30), "count": 0}));
    days.clear();
    for average in usage["requestsByEndpoint"].as_array_mut().unwrap() {
        let average = average.as_object_mut().unwrap().remove("avgResponseTime").unwrap();
        assert!(average.as_u64().is_some_and(|millis| (1..10_000).contains(&millis)), "{average}");
    }
    let average = usage.as_object_mut().unwrap().remove("averageResponseTime").unwrap();
    assert!(average.as_u64().is_some_and(|millis| (1..10_000).contains(&millis)), "{average}");
    assert_eq!(
        usage,
        json!({
            "totalRequests": 3, "successfulRequests": 2, "failedRequests": 1,
            "requestsByEndpoint": [
                {"endpoint": "/api/v1/rate-limits", "count": 2},
                {"endpoint": "/api/v1/organizations/{id}", "count": 1},
            ],
            "requestsByTime": [],
            "topErrorCodes": [{"statusCode": 404, "count": 1}],
        })
    );
    let keys = answer(gateway.admin(Method::GET, &path(&client, "api-keys"))).await.1;
    assert_eq!(keys["data"][0]["lastUsedAt"], json!(gateway.service.process.clock.now()));
}

#[tokio::test]
async fn hours_and_days_end_on_the_hour_in_utc() {
    let gateway = Harness::start_with(|settings| write_every(settings, SOON)).await;
    let clock = &gateway.service.process.clock;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    let ask = async || status(gateway.with(text(&key["key"]), Method::GET, "/api/v1/rate-limits")).await;
    let midnight = (clock.now() + TimeDelta::days(1)).duration_trunc(TimeDelta::days(1)).unwrap();
    clock.advance(midnight - TimeDelta::microseconds(1) - clock.now());
    ask().await;
    clock.advance(TimeDelta::microseconds(1));
    ask().await;
    clock.advance(TimeDelta::minutes(59));
    ask().await;
    clock.advance(TimeDelta::minutes(1));
    ask().await;
    used(&gateway, &client, 4).await;
    let range = |from: i64, to: i64| {
        let time = |hours| (midnight + TimeDelta::hours(hours)).to_rfc3339().replace('+', "%2B");
        format!("?dateFrom={}&dateTo={}", time(from), time(to))
    };
    let by_time = async |query: &str| -> Vec<(String, u64)> {
        let usage = usage(&gateway, &client, query).await;
        let rows = usage["requestsByTime"].as_array().unwrap();
        rows.iter().map(|row| (text(&row["time"]).to_owned(), row["count"].as_u64().unwrap())).collect()
    };
    let hour = |hours: i64| (midnight + TimeDelta::hours(hours)).format("%FT%TZ").to_string();
    assert_eq!(
        by_time(&format!("{}&groupBy=hour", range(-2, 6))).await,
        [(hour(-2), 0), (hour(-1), 1), (hour(0), 2), (hour(1), 1)],
        "hours that are still to come are left out"
    );
    let day = |days: i64| (midnight + TimeDelta::days(days)).format("%F").to_string();
    assert_eq!(by_time(&range(-48, 24)).await, [(day(-2), 0), (day(-1), 1), (day(0), 3)]);
    assert_eq!(by_time(&range(-48, 1)).await, [(day(-2), 0), (day(-1), 1), (day(0), 2)]);
    assert_eq!(by_time(&range(0, 1)).await, [(day(0), 2)]);
    let dates = format!("?dateFrom={}&dateTo={}", day(-1), day(-1));
    assert_eq!(by_time(&dates).await, [(day(-1), 1)], "a date is a whole day");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_said_and_what_is_anothers_does_not_exist() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let foreign = gateway.client("globex").await;
    let key = gateway.key(&client, json!({})).await;
    let refused = async |query: &str| {
        let (status, body) =
            answer(gateway.with(text(&key["key"]), Method::GET, &path(&client, &format!("usage?{query}"))))
                .await;
        assert_eq!((status, &body["error"]), (400, &json!("VALIDATION_ERROR")), "{query}: {body}");
        let fields = body["details"]["fields"].as_array().unwrap();
        fields.iter().map(|field| text(&field["path"]).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        refused("dateFrom=yesterday&dateTo=2026-02-30&groupBy=week").await,
        ["dateFrom", "dateTo", "groupBy"]
    );
    assert_eq!(refused("dateFrom=2024-01-02&dateTo=2024-01-01T00:00:00Z").await, ["dateTo"]);
    assert_eq!(refused("dateFrom=2020-01-01").await, ["dateFrom"]);
    assert_eq!(refused("dateFrom=2999-01-01").await, ["dateFrom"]);
    let now = gateway.service.process.clock.now();
    let days_ago = |days| (now - TimeDelta::days(days)).format("%F").to_string();
    assert_eq!(refused(&format!("groupBy=hour&dateFrom={}", days_ago(33))).await, ["dateFrom"]);
    let old = "?dateFrom=2024-01-01T00:00:00Z&dateTo=2024-01-31T23:59:59Z&groupBy=day";
    assert_eq!(usage(&gateway, &client, old).await["requestsByTime"].as_array().unwrap().len(), 31);

    for rest in ["usage", "dashboard"] {
        let ask = async |key: &Value, client: &Value| {
            answer(gateway.with(text(&key["key"]), Method::GET, &path(client, rest))).await
        };
        let (status, body) = ask(&key, &foreign).await;
        assert_eq!((status, &body["error"]), (404, &json!("NOT_FOUND")), "{rest}");
        assert_eq!(ask(&key, &json!({"id": testkit::unique_id()})).await, (status, body));
        assert_eq!(ask(&key, &json!({"id": "x"})).await.0, 404);
        for scopes in [json!(["clients:write"]), json!(["leads:read"])] {
            let weak = gateway.key(&client, json!({"scopes": scopes})).await;
            assert_eq!(ask(&weak, &client).await.0, 403, "{rest} {scopes}");
        }
    }
    let weak = gateway.key(&client, json!({"scopes": ["usage:read"]})).await;
    let ask = async |rest| status(gateway.with(text(&weak["key"]), Method::GET, &path(&client, rest))).await;
    assert_eq!((ask("usage").await, ask("dashboard").await), (200, 403));
}

#[tokio::test]
async fn a_process_that_stops_has_written_down_everything_it_answered() {
    let mut settings = None;
    let gateway = Harness::start_with(|given| settings = Some(given.clone())).await;
    let mut settings = settings.unwrap();
    write_every(&mut settings, NEVER);
    let stopping = replica(&gateway, &settings).await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({"surface": "crm"})).await;
    let ask = || stopping.bare(Method::GET, "/api/v1/products").bearer_auth(text(&key["key"])).send();
    let answers = futures_util::future::join_all((0..50).map(|_| ask())).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status().as_u16() == 200));
    assert_eq!(usage(&gateway, &client, "").await["totalRequests"], 0);
    drop(answers);
    drop(stopping);
    used(&gateway, &client, 50).await;
}

#[tokio::test]
async fn a_dashboard_shows_a_client_at_a_glance() {
    let mut dispatcher = None;
    let gateway = Harness::start_with(|settings| {
        write_every(settings, SOON);
        // Of a clock that stands where the harness's does, as far as a minute goes.
        let started = Dispatcher::start(&testkit::process().clock);
        settings.upstreams.webhook_dispatcher = vec![started.url.clone()];
        dispatcher = Some(started);
    })
    .await;
    let dispatcher = dispatcher.unwrap();
    let mut body = new_client(&gateway.organization("acme").await["id"]);
    body["rateLimitTier"] = json!("premium");
    let client = gateway.create("/api/v1/api-clients", &body).await;
    let key = gateway.key(&client, json!({})).await;
    let dashboard =
        async || answer(gateway.with(text(&key["key"]), Method::GET, &path(&client, "dashboard"))).await;
    let shown = || gateway.admin(Method::GET, &format!("/api/v1/api-clients/{}", text(&client["id"])));

    let (status, first) = dashboard().await;
    assert_eq!(status, 200, "{first}");
    let known = Dispatcher::known(&client["id"]);
    assert_eq!(first["client"]["webhookSubscriptions"], known);
    assert_eq!(answer(shown()).await.1["webhookSubscriptions"], known);
    assert_eq!(first["client"]["apiKeys"][0]["id"], key["id"]);
    assert_eq!((&first["activeWebhooks"], &first["totalWebhooks"]), (&json!(3), &json!(5)));
    let limits = &first["rateLimitStatus"];
    assert_eq!((&limits["tier"], &limits["limit"]), (&json!("PREMIUM"), &json!(300)));
    assert!(
        (1..300).contains(&limits["remaining"].as_u64().unwrap()),
        "this request has been charged: {limits}"
    );
    assert!(text(&limits["resetAt"]).ends_with(":00Z"), "{limits}");
    used(&gateway, &client, 1).await;
    let stats = &dashboard().await.1["usageStats"];
    assert_eq!(stats["totalRequests"], 1);
    assert_eq!(stats["requestsByEndpoint"][0]["endpoint"], "/api/v1/api-clients/{id}/dashboard");
    assert_eq!(stats["requestsByTime"].as_array().unwrap().len(), 31);

    dispatcher.answer_with(500);
    let (status, refused) = dashboard().await;
    assert_eq!((status, &refused["error"]), (503, &json!("UNAVAILABLE")), "{refused}");
    let (status, shown) = answer(shown()).await;
    assert_eq!(
        (status, &shown["webhookSubscriptions"]),
        (200, &Value::Null),
        "the client is there all the same"
    );
    assert_eq!(shown["apiKeys"][0]["id"], key["id"]);
}
