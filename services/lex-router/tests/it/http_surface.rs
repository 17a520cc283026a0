//! What surrounds the messages: health, schemas, scopes, errors in the dialect of the surface.

use crate::harness::{Harness, MESSAGES, organization};
use contracts::identity::Principal;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{answer, read};

fn scoped(scopes: &[&str]) -> Principal {
    let mut principal = organization("PORTAL-001");
    principal.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    principal
}

#[tokio::test]
async fn it_is_alive_and_ready_and_says_so_on_the_surface_as_well() {
    let lex = Harness::start().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(lex.service.ops(path).await.0, 200, "{path}");
    }
    let (status, body) = answer(lex.service.anonymous(Method::GET, "/v1/health")).await;
    assert_eq!((status, &body["status"], &body["version"]), (200, &json!("ok"), &json!("1.0.0")));
    assert!(body["timestamp"].is_string());
    let (status, body) = read(lex.service.bare(Method::POST, MESSAGES).send().await.unwrap()).await;
    assert_eq!((status, &body["error"]), (401, &json!("UNAUTHORIZED")));
}

#[tokio::test]
async fn schemas_are_served_and_others_are_not_there() {
    let lex = Harness::start().await;
    for name in ["LEAD", "ASSET", "ACKNOWLEDGMENT", "SUBSCRIPTION", "LEAD_CLOSURE", "MESSAGE_ENVELOPE"] {
        let (status, body) = answer(lex.service.anonymous(Method::GET, &format!("/v1/schema/{name}"))).await;
        assert_eq!(status, 200, "{name}");
        assert!(body["$schema"].as_str().unwrap().contains("draft-07"), "{name}");
    }
    let (status, body) = answer(lex.service.anonymous(Method::GET, "/v1/schema/VEHICLE")).await;
    assert_eq!((status, &body["error"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn every_operation_asks_for_its_scope() {
    let lex = Harness::start().await;
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let asset = lex.asset("M-2", "ASSET-1", "PORTAL-001");
    let closure = json!({"closureStatus": "WON", "closureDate": lex.time(0)});
    let run = json!({"organizationId": "PORTAL-001", "targetLevel": 1});
    for (path, body, scope) in [
        (MESSAGES, &lead, "lex:assets:write"),
        (MESSAGES, &asset, "lex:leads:write"),
        (MESSAGES, &lead, "lex:leads:read"),
        ("/v1/leads", &lead, "lex:assets:write"),
        ("/v1/assets", &asset, "lex:leads:write"),
        ("/v1/leads/LEAD-000001/closure", &closure, "lex:leads:write"),
        ("/v1/conformance/run", &run, "lex:leads:write"),
    ] {
        let (status, body) = lex.post(&scoped(&[scope]), path, body).await;
        assert_eq!((status, &body["error"]), (403, &json!("FORBIDDEN")), "{path} with {scope}");
    }
    for path in ["/v1/messages/M-1", "/v1/messages/M-1/ack", "/v1/messages?status=DLQ"] {
        assert_eq!(lex.get(&scoped(&["lex:leads:write"]), path).await.0, 403, "{path}");
    }
    assert_eq!(lex.count("select count(*) from message_names").await, 0);
    lex.accept(&scoped(&["lex:leads:write"]), &lead).await;
    lex.accept(&scoped(&["lex:assets:write"]), &asset).await;
    assert_eq!(lex.get(&scoped(&["lex:assets:read"]), "/v1/messages/M-1").await.0, 403);
    assert_eq!(lex.get(&scoped(&["lex:assets:read"]), "/v1/messages/M-2").await.0, 200);
}

#[tokio::test]
async fn what_is_no_message_is_refused_as_the_contract_says() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    for body in ["", "{", "[]", "7", r#"{"alx":{}}"#, r#"{"lex":7}"#, "{\"lex\":{\"a\":1,\"a\":2}}", "\u{0}"]
    {
        let request = lex.service.request(&portal, Method::POST, MESSAGES);
        let request = request.header("content-type", "application/json").body(body);
        let (status, answer) = answer(request).await;
        let issue = &answer["errors"][0];
        assert_eq!(
            (
                status,
                &answer["messageId"],
                &answer["valid"],
                &issue["code"],
                &issue["level"],
                &issue["field"]
            ),
            (400, &json!(""), &json!(false), &json!("INVALID_FORMAT"), &json!("CRITICAL"), &json!("lex")),
            "{body:?}: {answer}"
        );
    }
    let request = lex.service.request(&portal, Method::POST, MESSAGES);
    let (status, body) = answer(request.header("content-type", "text/plain").body("{}")).await;
    assert_eq!((status, &body["error"]), (415, &json!("UNSUPPORTED_MEDIA_TYPE")));
    let request = lex.service.request(&portal, Method::PUT, MESSAGES).json(&Value::Null);
    assert_eq!(answer(request).await.0, 405);
    let (status, body) = lex.get(&portal, "/v1/unknown").await;
    assert_eq!((status, &body["error"]), (404, &json!("NOT_FOUND")));
    assert!(body["requestId"].is_string());
}
