//! An organisation's subscriptions of all families in one list, and what can be done to each.

use crate::harness::{Harness, client, platform_key};
use crate::lex;
use chrono::TimeDelta;
use contracts::identity::Principal;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;
use testkit::receiver::Receiver;

fn key(slug: &str, scope: &str) -> Principal {
    platform_key(slug, None, &[scope])
}

fn below(slug: &str, rest: &str) -> String {
    format!("/api/v1/organizations/{}/subscriptions{rest}", callers::organization_id(slug))
}

async fn listed(harness: &Harness, slug: &str, query: &str) -> Value {
    let path = below(slug, query);
    let (status, page) = harness.ask(&key(slug, "webhooks:read"), Method::GET, &path, &Value::Null).await;
    assert_eq!(status, 200, "{path}: {page}");
    page
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

/// One of each family, in this order: partner, platform, lex.
async fn one_of_each(harness: &Harness, receiver: &Receiver) -> [String; 3] {
    let partner = harness.subscribe(&receiver.url("/partner?token=t"), &["lead.*"]).await.id;
    harness.clock.advance(TimeDelta::seconds(1));
    let webhook = json!({"url": receiver.url("/platform"), "events": ["*"], "rateLimit": 5});
    let platform = harness.webhook(&webhook).await["id"].as_str().unwrap().to_owned();
    harness.clock.advance(TimeDelta::seconds(1));
    let wanted = json!({
        "eventTypes": ["ALL"], "filters": {"regions": ["US"]}, "deliveryEndpoint": receiver.url("/lex"),
        "hmacSecret": "a-secret-of-theirs",
    });
    let (status, made) = harness.ask(&lex::token("acme"), Method::POST, lex::SUBSCRIPTIONS, &wanted).await;
    assert_eq!(status, 201, "{made}");
    [partner, platform, made["subscriptionId"].as_str().unwrap().to_owned()]
}

#[tokio::test]
async fn subscriptions_of_every_family_are_in_one_list_that_filters_and_pages() {
    let harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let [partner, platform, lex] = one_of_each(&harness, &receiver).await;
    let all = listed(&harness, "acme", "").await;
    assert_eq!((ids(&all), &all["nextCursor"]), (vec![lex.as_str(), &platform, &partner], &Value::Null));
    let families: Vec<_> = all["data"].as_array().unwrap().iter().map(|one| &one["family"]).collect();
    assert_eq!(families, ["lex", "platform", "partner"]);
    assert_eq!(
        (&all["data"][0]["filters"], &all["data"][0]["deliveryFormat"]),
        (&json!({"regions": ["US"]}), &json!("JSON_EDI"))
    );
    assert_eq!((&all["data"][1]["rateLimit"], &all["data"][1]["clientId"]), (&json!(5), &json!(client())));
    assert_eq!(
        (&all["data"][1]["retryConfig"]["maxRetries"], &all["data"][2]["retryConfig"]),
        (&json!(3), &Value::Null)
    );
    assert!(!all.to_string().contains("token=t"), "what may be secret in a URL is not shown: {all}");
    assert!(!all.to_string().contains("whsec_"), "{all}");

    let change = json!({"status": "paused"});
    let path = below("acme", &format!("/{partner}"));
    harness.ask(&key("acme", "webhooks:write"), Method::PATCH, &path, &change).await;
    for (query, expected) in [
        ("?family=partner", vec![&partner]),
        ("?family=LEX", vec![&lex]),
        ("?status=paused", vec![&partner]),
        ("?status=active&family=platform", vec![&platform]),
        ("?url=/PLAT", vec![&platform]),
        ("?url=token", vec![]),
        ("?sortOrder=asc", vec![&partner, &platform, &lex]),
    ] {
        assert_eq!(ids(&listed(&harness, "acme", query).await), expected, "{query}");
    }
    for order in ["asc", "desc"] {
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = listed(&harness, "acme", &format!("?limit=1&sortOrder={order}&cursor={cursor}")).await;
            walked.extend(ids(&page).into_iter().map(str::to_owned));
            let Some(next) = page["nextCursor"].as_str() else { break };
            next.clone_into(&mut cursor);
        }
        let mut expected = [&partner, &platform, &lex].map(String::clone).to_vec();
        if order == "desc" {
            expected.reverse();
        }
        assert_eq!(walked, expected);
    }
    let first = listed(&harness, "acme", "?limit=1").await;
    let elsewhere = format!("?family=lex&cursor={}", first["nextCursor"].as_str().unwrap());
    let wrong = format!("{elsewhere}&status=lost&client=5&sortOrder=up&limit=101&family=fax");
    for (query, fields) in
        [(elsewhere, vec!["cursor"]), (wrong, vec!["family", "status", "client", "sortOrder", "limit"])]
    {
        let path = below("acme", &query);
        let (status, refused) =
            harness.ask(&key("acme", "webhooks:read"), Method::GET, &path, &Value::Null).await;
        let named = refused["details"]["fields"].as_array().unwrap().iter();
        let named: Vec<_> = named.map(|field| field["path"].as_str().unwrap()).collect();
        assert_eq!((status, named), (400, fields), "{refused}");
    }
}

#[tokio::test]
async fn one_of_any_family_is_paused_resumed_and_tested() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let (reader, writer) = (key("acme", "webhooks:read"), key("acme", "webhooks:write"));
    for (index, id) in one_of_each(&harness, &receiver).await.iter().enumerate() {
        let path = below("acme", &format!("/{id}"));
        let change =
            async |status: &str| harness.ask(&writer, Method::PATCH, &path, &json!({"status": status})).await;
        let (_, shown) = harness.ask(&reader, Method::GET, &path, &Value::Null).await;
        assert_eq!((&shown["id"], &shown["status"]), (&json!(id), &json!("ACTIVE")));
        let (status, paused) = change("PAUSED").await;
        assert_eq!((status, &paused["status"]), (200, &json!("PAUSED")), "{paused}");
        let test = format!("{path}/test");
        let (status, refused) = harness.ask(&writer, Method::POST, &test, &Value::Null).await;
        assert_eq!(status, 409, "{refused}");
        for broken in [json!({}), json!({"status": "DISABLED"}), json!({"status": 5}), json!([])] {
            assert_eq!(harness.ask(&writer, Method::PATCH, &path, &broken).await.0, 400, "{broken}");
        }
        assert_eq!(change("ACTIVE").await.1["status"], "ACTIVE");
        assert_eq!(harness.ask(&reader, Method::POST, &test, &Value::Null).await.0, 403);
        assert_eq!(harness.ask(&reader, Method::PATCH, &path, &json!({"status": "PAUSED"})).await.0, 403);
        let (status, delivery) = harness.ask(&writer, Method::POST, &test, &Value::Null).await;
        assert_eq!((status, &delivery["subscriptionId"]), (202, &json!(id)), "{delivery}");
        harness.deliver().await;
        assert_eq!(receiver.received().len(), index + 1);
        let (_, shown) = harness.ask(&reader, Method::GET, &path, &Value::Null).await;
        assert_eq!((&shown["delivered"], &shown["deliveries"]), (&json!(1), &json!(1)), "{shown}");
        assert!(shown["lastSuccessAt"].is_string(), "{shown}");
    }
}

#[tokio::test]
async fn another_organisations_subscriptions_are_not_there() {
    let harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let other = key("globex", "webhooks:write");
    for id in one_of_each(&harness, &receiver).await {
        for slug in ["acme", "globex"] {
            for (method, rest) in
                [(Method::GET, ""), (Method::PATCH, ""), (Method::POST, "/test"), (Method::POST, "/recover")]
            {
                let path = below(slug, &format!("/{id}{rest}"));
                let body = if rest == "/recover" {
                    json!({"since": harness.clock.now()})
                } else {
                    json!({"status": "PAUSED"})
                };
                let (status, refused) = harness.ask(&other, method, &path, &body).await;
                assert_eq!((status, &refused["error"]), (404, &json!("NOT_FOUND")), "{path}: {refused}");
            }
        }
    }
    assert_eq!(listed(&harness, "globex", "").await, json!({"data": [], "nextCursor": null}));
    assert_eq!(listed(&harness, "globex", &format!("?client={}", client())).await["data"], json!([]));
    assert_eq!(ids(&listed(&harness, "acme", "?status=active").await).len(), 3);
    assert_eq!(receiver.received().len(), 0);
}
