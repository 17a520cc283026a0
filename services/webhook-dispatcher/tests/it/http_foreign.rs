//! Nothing of one tenant is there for another: for every operation and every id in its path, what is foreign,
//! unknown, deleted or malformed has one and the same answer.

use crate::harness::{Harness, SUBSCRIPTIONS, client, platform, platform_key, webhooks};
use contracts::identity::Principal;
use contracts::ids::ClientId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;
use testkit::receiver::Receiver;

const UNKNOWN: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

/// The operations on one subscription: method, rest of the path, body.
fn operations(change: Method, delivery: &str) -> Vec<(Method, String, Value)> {
    let since = json!({"since": "2026-11-22T00:00:00Z"});
    vec![
        (Method::GET, String::new(), Value::Null),
        (change, String::new(), json!({"events": ["*"]})),
        (Method::POST, "/rotate-secret".to_owned(), Value::Null),
        (Method::POST, "/test".to_owned(), Value::Null),
        (Method::POST, "/recover".to_owned(), since),
        (Method::GET, "/deliveries".to_owned(), Value::Null),
        (Method::GET, "/deliveries?limit=5&cursor=".to_owned(), Value::Null),
        (Method::POST, format!("/deliveries/{delivery}/retry"), Value::Null),
        (Method::DELETE, String::new(), Value::Null),
    ]
}

/// Makes every operation on every subscription, all of which have to be answered alike.
async fn all_alike(
    harness: &Harness,
    caller: &Principal,
    base: &str,
    change: &Method,
    subscriptions: &[&str],
) {
    for (method, rest, body) in operations(change.clone(), "D") {
        let mut answers = Vec::new();
        for id in subscriptions {
            let simple = id.replace('-', "");
            let rest = rest.replace('D', &format!("msg_{}_{simple}", UNKNOWN.replace('-', "")));
            let path = format!("{base}/{id}{rest}");
            let (status, mut answer) = harness.ask(caller, method.clone(), &path, &body).await;
            assert_eq!(status, 404, "{method} {path}: {answer}");
            if let Some(answer) = answer.as_object_mut() {
                answer.remove("requestId");
            }
            answers.push(answer);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{method} {rest}: {answers:?}");
    }
}

#[tokio::test]
async fn a_partner_finds_nothing_that_is_not_its_own() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let foreign = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    let delivery = harness.log(&foreign).await[0]["id"].as_str().unwrap().to_owned();
    let webhook = harness.webhook(&json!({"url": receiver.url("/"), "events": ["lead.none"]})).await;

    let globex = callers::partner("globex", &["webhooks:read", "webhooks:write"]);
    let base = "/api/v1/partners/globex/webhook-subscriptions";
    let body = json!({"url": receiver.url("/"), "events": ["*"]});
    let (_, made) = harness.ask(&globex, Method::POST, base, &body).await;
    let deleted = made["data"]["id"].as_str().unwrap().to_owned();
    harness.ask(&globex, Method::DELETE, &format!("{base}/{deleted}"), &Value::Null).await;
    all_alike(&harness, &globex, base, &Method::PATCH, &[UNKNOWN, &foreign.id, &deleted]).await;
    // What is malformed names nothing either, and a real delivery of another's is as little there.
    let (status, _) = harness.ask(&globex, Method::GET, &format!("{base}/7"), &Value::Null).await;
    assert_eq!(status, 404);
    let stolen = format!("{base}/{}/deliveries/{delivery}/retry", foreign.id);
    assert_eq!(harness.ask(&globex, Method::POST, &stolen, &Value::Null).await.0, 404);

    // A delivery of another subscription is not one of this.
    let acme = callers::partner("acme", &["webhooks:write"]);
    let own = harness.subscribe(&receiver.url("/own"), &["lead.none"]).await;
    let crossed = format!("{SUBSCRIPTIONS}/{}/deliveries/{delivery}/retry", own.id);
    assert_eq!(harness.ask(&acme, Method::POST, &crossed, &Value::Null).await.0, 404);
    // A webhook of the platform family is not one of the partner's.
    let other_family = webhook["id"].as_str().unwrap();
    all_alike(&harness, &acme, SUBSCRIPTIONS, &Method::PATCH, &[UNKNOWN, other_family]).await;
    // Nothing of it was touched.
    harness.deliver().await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 1").await), (1, 1));
    assert_eq!(harness.list().await.len(), 2);
}

#[tokio::test]
async fn a_client_of_the_platform_finds_nothing_that_is_not_its_own() {
    let harness = Harness::start().await;
    let body = json!({"url": "https://93.184.216.34/", "events": ["*"]});
    let foreign = harness.webhook(&body).await["id"].as_str().unwrap().to_owned();
    let partner = harness.subscribe("https://93.184.216.34/", &["*"]).await;
    // The same organisation, another client.
    let sibling_client = ClientId::new(testkit::unique_id());
    let scopes = ["webhooks:read", "webhooks:write"];
    let sibling = platform_key("acme", Some(sibling_client), &scopes);
    let base = format!("/api/v1/api-clients/{sibling_client}/webhooks");
    let (_, made) = harness.ask(&sibling, Method::POST, &base, &body).await;
    let deleted = made["id"].as_str().unwrap().to_owned();
    harness.ask(&sibling, Method::DELETE, &format!("{base}/{deleted}"), &Value::Null).await;
    let ids = [UNKNOWN, foreign.as_str(), deleted.as_str(), partner.id.as_str()];
    all_alike(&harness, &sibling, &base, &Method::PUT, &ids).await;

    // Another organisation, and a client in the path that the gateway has not vouched for.
    let globex_client = ClientId::new(callers::organization_id("globex").as_uuid());
    let globex = platform_key("globex", Some(globex_client), &scopes);
    let base = format!("/api/v1/api-clients/{globex_client}/webhooks");
    all_alike(&harness, &globex, &base, &Method::PUT, &[UNKNOWN, foreign.as_str()]).await;
    let mut unknown = platform();
    unknown.facts = contracts::identity::SurfaceFacts::None;
    for caller in [&globex, &sibling, &unknown, &platform_key("acme", None, &scopes)] {
        all_alike(&harness, caller, &webhooks(), &Method::PUT, &[UNKNOWN, foreign.as_str()]).await;
        for method in [Method::GET, Method::POST] {
            let (status, refused) = harness.ask(caller, method, &webhooks(), &body).await;
            assert_eq!((status, &refused["error"]), (404, &json!("NOT_FOUND")));
        }
    }
    let (_, all) = harness.ask(&platform(), Method::GET, &webhooks(), &Value::Null).await;
    assert_eq!((all["data"].as_array().unwrap().len(), &all["data"][0]["status"]), (1, &json!("ACTIVE")));
}

#[tokio::test]
async fn an_organisation_finds_only_its_own_events() {
    let harness = Harness::start().await;
    harness.subscribe("https://93.184.216.34/", &["*"]).await;
    let event = harness.fan_out(1).await;
    let globex = platform_key("globex", None, &["webhooks:read"]);
    let of = |slug: &str| format!("/api/v1/organizations/{}/events", callers::organization_id(slug));
    let mut answers = Vec::new();
    for id in [event.id.to_string(), UNKNOWN.to_owned(), "evt_7".to_owned()] {
        let path = format!("{}/{id}/deliveries", of("globex"));
        let (status, answer) = harness.ask(&globex, Method::GET, &path, &Value::Null).await;
        assert_eq!(status, 404);
        answers.push(answer);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    let mut unknown = globex.clone();
    unknown.facts = contracts::identity::SurfaceFacts::None;
    for caller in [&globex, &unknown, &platform_key("globex", Some(client()), &["webhooks:read"])] {
        for path in [of("acme"), format!("{}/{}/deliveries", of("acme"), event.id)] {
            assert_eq!(harness.ask(caller, Method::GET, &path, &Value::Null).await.0, 404);
        }
    }
}
