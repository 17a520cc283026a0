//! `/v1/subscriptions`: what is answered, and to whom.

use crate::harness::{Harness, client, platform, webhooks};
use crate::lex::{SUBSCRIPTIONS, lex_id, one, token};
use contracts::Service;
use contracts::internal;
use contracts::lex::{LexFilters, LexFormat, LexSubscription};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;
use testkit::receiver::Receiver;

const URL: &str = "https://93.184.216.34/lex/webhook";

fn wanted() -> Value {
    json!({
        "eventTypes": ["LEAD_STATUS_CHANGED", "LEAD_CLOSED"],
        "filters": {
            "productTypes": ["VEHICLE", "MOTORCYCLE", "AIRCRAFT_NEW"],
            "leadStatuses": ["ORDER", "IN_DELIVERY", "DELIVERED"], "regions": ["US", "CA"],
        },
        "deliveryEndpoint": URL, "deliveryFormat": "JSON_EDI", "hmacSecret": "your-webhook-signing-secret",
    })
}

#[tokio::test]
async fn a_subscription_is_answered_and_listed_without_its_secret() {
    let harness = Harness::start().await;
    let (status, made) = harness.ask(&token("acme"), Method::POST, SUBSCRIPTIONS, &wanted()).await;
    assert_eq!(status, 201, "{made}");
    let mut expected = wanted();
    expected.as_object_mut().unwrap().remove("hmacSecret");
    for (name, value) in [
        ("subscriptionId", made["subscriptionId"].clone()),
        ("organizationId", json!(lex_id("acme"))),
        ("status", json!("ACTIVE")),
        ("createdAt", json!(harness.clock.now())),
        ("deliveryCount", json!(0)),
    ] {
        expected[name] = value;
    }
    assert_eq!(made, expected);
    let (_, found) = harness.ask(&token("acme"), Method::GET, &one(&made), &Value::Null).await;
    assert_eq!(found, expected);
    let (status, listed) = harness.ask(&token("acme"), Method::GET, SUBSCRIPTIONS, &Value::Null).await;
    assert_eq!((status, listed), (200, json!({"subscriptions": [expected]})));
    let (secret, hint): (Vec<u8>, String) = sqlx::query_as("select secret, secret_hint from subscriptions")
        .fetch_one(&harness.pool)
        .await
        .unwrap();
    assert!(!secret.windows(20).any(|part| b"your-webhook-signing-secret".starts_with(part)));
    assert_eq!(hint, "", "a secret that may be short is not shown in part");
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_envelope_of_failed_validation() {
    let harness = Harness::start().await;
    let broken =
        json!({"eventTypes": [], "deliveryEndpoint": "ftp://hooks.example.com", "deliveryFormat": "X12"});
    let (status, refused) = harness.ask(&token("acme"), Method::POST, SUBSCRIPTIONS, &broken).await;
    assert_eq!((status, &refused["messageId"], &refused["valid"]), (400, &json!(""), &json!(false)));
    let issues = refused["errors"].as_array().unwrap();
    let said: Vec<_> =
        issues.iter().map(|issue| (&issue["level"], issue["field"].as_str().unwrap())).collect();
    let error = json!("ERROR");
    assert_eq!(said, [(&error, "eventTypes"), (&error, "deliveryEndpoint"), (&error, "deliveryFormat")]);

    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": URL})).await;
    for (method, path) in [(Method::POST, SUBSCRIPTIONS.to_owned()), (Method::PATCH, one(&made))] {
        let request = harness.service.request(&token("acme"), method.clone(), &path);
        let request = request.header("content-type", "application/json").body("{");
        let (status, refused) = testkit::answer(request).await;
        assert_eq!(
            (status, &refused["errors"][0]["level"]),
            (400, &json!("CRITICAL")),
            "{method}: {refused}"
        );
        let request = harness.service.request(&token("acme"), method, &path);
        let (status, refused) =
            testkit::answer(request.header("content-type", "text/plain").body("{}")).await;
        assert_eq!((status, &refused["error"]), (415, &json!("UNSUPPORTED_MEDIA_TYPE")));
    }
    let (status, refused) =
        harness.ask(&token("acme"), Method::PATCH, &one(&made), &json!({"status": "CANCELLED"})).await;
    assert_eq!((status, &refused["errors"][0]["field"]), (400, &json!("status")));
}

#[tokio::test]
async fn addresses_nearby_are_refused_where_private_networks_are() {
    let harness = Harness::start_with(|settings| settings.delivery.allow_private_networks = false).await;
    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": URL})).await;
    for url in [
        "http://93.184.216.34/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://localhost/",
    ] {
        let body = json!({"eventTypes": ["ALL"], "deliveryEndpoint": url});
        for (method, path) in [(Method::POST, SUBSCRIPTIONS.to_owned()), (Method::PATCH, one(&made))] {
            let (status, refused) = harness.ask(&token("acme"), method, &path, &body).await;
            assert_eq!((status, &refused["errors"][0]["field"]), (400, &json!("deliveryEndpoint")), "{url}");
        }
    }
}

#[tokio::test]
async fn the_scope_is_needed_for_everything() {
    let harness = Harness::start().await;
    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": URL})).await;
    let mut reader = token("acme");
    reader.scopes = vec!["lex:leads:read".to_owned()];
    for (method, rest) in [
        (Method::GET, ""),
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/test"),
        (Method::POST, "/rotate-secret"),
        (Method::GET, "/deliveries"),
    ] {
        let path = format!("{}{rest}", one(&made));
        let (status, refused) = harness.ask(&reader, method, &path, &json!({})).await;
        assert_eq!((status, &refused["error"]), (403, &json!("FORBIDDEN")), "{path}");
    }
    let (status, refused) = testkit::answer(harness.service.bare(Method::GET, SUBSCRIPTIONS)).await;
    assert_eq!((status, &refused["error"]), (401, &json!("UNAUTHORIZED")));
}

#[tokio::test]
async fn a_subscription_is_changed_paused_and_cancelled() {
    let harness = Harness::start().await;
    let made =
        harness.lex_subscribe("acme", json!({"deliveryEndpoint": URL, "filters": {"regions": ["US"]}})).await;
    let change = json!({
        "eventTypes": ["LEAD_CLOSED"], "filters": {"senderIds": ["A-01"]}, "deliveryFormat": "XML_EDI",
        "rateLimit": 5, "status": "PAUSED",
    });
    let (status, changed) = harness.ask(&token("acme"), Method::PATCH, &one(&made), &change).await;
    assert_eq!((status, &changed["status"], &changed["rateLimit"]), (200, &json!("PAUSED"), &json!(5)));
    assert_eq!(changed["filters"], json!({"regions": ["US"], "senderIds": ["A-01"]}));
    let list = async |query: &str| {
        let path = format!("{SUBSCRIPTIONS}{query}");
        harness.ask(&token("acme"), Method::GET, &path, &Value::Null).await
    };
    assert_eq!(list("").await.1, json!({"subscriptions": []}));
    assert_eq!(list("?status=PAUSED").await.1, json!({"subscriptions": [changed]}));
    assert_eq!(list("?status=ALL").await.0, 400);
    for status in [204, 404] {
        let (answered, _) = harness.ask(&token("acme"), Method::DELETE, &one(&made), &Value::Null).await;
        assert_eq!(answered, status);
    }
    assert_eq!(list("?status=PAUSED").await.1, json!({"subscriptions": []}));
}

#[tokio::test]
async fn an_organisation_finds_nothing_that_is_not_its_own() {
    let harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let foreign = harness.lex_subscribe("globex", json!({"deliveryEndpoint": receiver.url("/")})).await;
    let webhook = harness.webhook(&json!({"url": receiver.url("/"), "events": ["*"]})).await;
    let deleted = harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/")})).await;
    harness.ask(&token("acme"), Method::DELETE, &one(&deleted), &Value::Null).await;
    let unknown = "0192f0c1-2345-7abc-8def-0123456789ab";
    let ids = [
        unknown,
        foreign["subscriptionId"].as_str().unwrap(),
        webhook["id"].as_str().unwrap(),
        deleted["subscriptionId"].as_str().unwrap(),
        "SUB-1",
    ];
    for (method, rest, body) in [
        (Method::GET, "", Value::Null),
        (Method::PATCH, "", json!({"status": "ACTIVE"})),
        (Method::POST, "/rotate-secret", Value::Null),
        (Method::POST, "/test", Value::Null),
        (Method::POST, "/recover", json!({"since": "2026-11-22T00:00:00Z"})),
        (Method::GET, "/deliveries?limit=0", Value::Null),
        (Method::DELETE, "", Value::Null),
    ] {
        let mut answers = Vec::new();
        for id in ids {
            let path = format!("{SUBSCRIPTIONS}/{id}{rest}");
            let (status, mut answer) = harness.ask(&token("acme"), method.clone(), &path, &body).await;
            assert_eq!((status, &answer["error"]), (404, &json!("NOT_FOUND")), "{method} {path}");
            answer.as_object_mut().unwrap().remove("requestId");
            answers.push(answer);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{method} {rest}: {answers:?}");
    }
    let delivery = |id: &str| format!("msg_{}_{}", unknown.replace('-', ""), id.replace('-', ""));
    for id in &ids[..4] {
        let path = format!("{SUBSCRIPTIONS}/{id}/deliveries/{}/retry", delivery(id));
        let (status, answer) = harness.ask(&token("acme"), Method::POST, &path, &Value::Null).await;
        assert_eq!((status, &answer["message"]), (404, &json!("there is no such subscription")), "{path}");
    }
    // Nor do the other families see it.
    let (_, webhooks) = harness.ask(&platform(), Method::GET, &webhooks(), &Value::Null).await;
    assert_eq!(webhooks["data"].as_array().unwrap().len(), 1);
    assert_eq!(harness.list().await.len(), 0);
}

async fn put(harness: &Harness, service: Service, id: &str, wanted: &LexSubscription) -> (u16, Value) {
    let path = format!("{}/{id}", internal::LEX_SUBSCRIPTIONS);
    let request = harness.service.from_service(service, Method::PUT, &path).json(wanted);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

fn asked_for(id: &str) -> LexSubscription {
    LexSubscription {
        organization_id: callers::organization_id("acme"),
        client_id: Some(client()),
        id: id.parse().unwrap(),
        event_types: vec!["LEAD_CREATED".to_owned(), "QUOTA_WARNING".to_owned()],
        filters: LexFilters { regions: vec!["us".to_owned()], ..LexFilters::default() },
        delivery_endpoint: URL.to_owned(),
        delivery_format: Some(LexFormat::XmlEdi),
        active: true,
    }
}

#[tokio::test]
async fn a_message_makes_changes_and_ends_a_subscription_and_only_lex_router_brings_it() {
    let harness = Harness::start().await;
    let id = "0192f0c1-2345-5abc-8def-0123456789ab";
    let router = Service::LexRouter;
    let wanted = asked_for(id);
    for _ in 0..2 {
        assert_eq!(put(&harness, router, id, &wanted).await.0, 204);
    }
    let record = async || {
        let path = format!("{SUBSCRIPTIONS}/{id}");
        harness.ask(&token("acme"), Method::GET, &path, &Value::Null).await
    };
    let (status, made) = record().await;
    assert_eq!((status, &made["eventTypes"]), (200, &json!(["LEAD_CREATED", "QUOTA_WARNING"])));
    assert_eq!((&made["deliveryFormat"], &made["filters"]), (&json!("XML_EDI"), &json!({"regions": ["us"]})));
    let changed = LexSubscription { filters: LexFilters::default(), delivery_format: None, ..wanted.clone() };
    put(&harness, router, id, &changed).await;
    assert_eq!(
        (&record().await.1["filters"], &record().await.1["deliveryFormat"]),
        (&json!({}), &json!("JSON_EDI"))
    );

    let foreign = LexSubscription { organization_id: callers::organization_id("globex"), ..wanted.clone() };
    assert_eq!(put(&harness, router, id, &foreign).await.0, 404);
    assert_eq!(record().await.1["filters"], json!({}));
    assert_eq!(put(&harness, Service::Gateway, id, &wanted).await.0, 404);
    let other = "0192f0c1-2345-5abc-8def-0123456789ac";
    assert_eq!(put(&harness, router, other, &wanted).await.0, 400);
    let nowhere = LexSubscription { delivery_endpoint: "nowhere".to_owned(), ..wanted.clone() };
    let (status, refused) = put(&harness, router, id, &nowhere).await;
    assert_eq!((status, &refused["details"]["fields"][0]["path"]), (400, &json!("deliveryEndpoint")));

    let ended = LexSubscription { active: false, ..wanted.clone() };
    for _ in 0..2 {
        assert_eq!(put(&harness, router, id, &ended).await.0, 204);
        assert_eq!(record().await.0, 404);
    }
    // Asked for again, it is there again, and ends with its client.
    assert_eq!(put(&harness, router, id, &wanted).await.0, 204);
    assert_eq!(record().await.1["status"], "ACTIVE");
    let (organization, client) = (callers::organization_id("acme"), client());
    let path = format!("{}?organization={organization}&client={client}", internal::SUBSCRIPTIONS);
    let asked = harness.service.from_service(Service::Gateway, Method::GET, &path);
    assert_eq!(testkit::answer(asked).await.1["total"], 1);
}
