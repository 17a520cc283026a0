//! `POST /api/v1/organizations/{id}/erase`.

use crate::harness::{Harness, text};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

async fn erase(gateway: &Harness, organization: &Value, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/organizations/{}/erase", text(organization));
    answer(gateway.admin(Method::POST, &path).json(body)).await
}

/// The entries of the audit log about erased people, newest first.
async fn entries(gateway: &Harness) -> Vec<Value> {
    let (_, log) = answer(gateway.admin(Method::GET, "/api/v1/audit-log?action=person.erased")).await;
    log["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_service_is_asked_and_the_audit_log_does_not_say_who_it_was() {
    let gateway = Harness::start().await;
    let id = gateway.organization("acme").await["id"].clone();
    let body = json!({"email": "Grace@Example.com", "phone": "+15122321234"});
    let records =
        json!({"leadIntake": 3, "ingest": 3, "lexRouter": 3, "crmResources": 3, "webhookDispatcher": 3});
    assert_eq!(erase(&gateway, &id, &body).await, (200, json!({"data": records})));
    let wishes = gateway.echo.wishes();
    let mut asked: Vec<_> = wishes.iter().map(|(identity, _)| text(&identity["service"])).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["crm-resources", "ingest", "lead-intake", "lex-router", "webhook-dispatcher"]);
    for (identity, wish) in &wishes {
        assert_eq!(identity["caller"], json!({"kind": "service", "name": "gateway"}));
        assert_eq!(json!(wish.organization_id), id);
        assert_eq!(wish.email.as_deref(), Some("grace@example.com"));
        assert_eq!(wish.phone.as_deref(), Some("+15122321234"));
    }

    assert_eq!(erase(&gateway, &id, &json!({"email": "grace@example.com"})).await.0, 200);
    let [again, first] = &entries(&gateway).await[..] else { panic!("not one entry each") };
    assert_eq!(first["target"], format!("organization:{}", text(&id)));
    assert_eq!((&first["organizationId"], &first["before"]), (&id, &Value::Null));
    assert_eq!(first["after"]["records"]["lead-intake"], 3);
    assert_eq!(first["after"]["unreached"], json!([]));
    assert_eq!(text(&first["after"]["phoneDigest"]).len(), 32);
    assert_eq!(again["after"]["emailDigest"], first["after"]["emailDigest"]);
    assert_eq!(again["after"]["phoneDigest"], Value::Null);
    let log = json!([again, first]).to_string().to_lowercase();
    for trace in ["grace", "example", "5122321234"] {
        assert!(!log.contains(trace), "{trace}: {log}");
    }
}

#[tokio::test]
async fn services_that_are_down_are_named_and_the_others_have_done_it() {
    let gateway = Harness::start_with(|settings| {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        settings.upstreams.ingest = vec![format!("http://{closed}").parse().unwrap()];
    })
    .await;
    let id = gateway.organization("acme").await["id"].clone();
    let (status, refused) = erase(&gateway, &id, &json!({"phone": "+15122321234"})).await;
    let message = text(&refused["message"]);
    assert_eq!(status, 503, "{refused}");
    assert!(message.contains("ingest") && !message.contains("lead-intake"), "{message}");
    assert_eq!(gateway.echo.wishes().len(), 4);
    let [entry] = &entries(&gateway).await[..] else { panic!("not one entry") };
    assert_eq!(entry["after"]["unreached"], json!(["ingest"]));
    assert_eq!(entry["after"]["records"].as_object().unwrap().len(), 4);
}

#[tokio::test]
async fn only_an_administrator_may_and_only_for_an_organisation_that_exists() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    let body = json!({"email": "grace@example.com"});
    let path = format!("/api/v1/organizations/{}/erase", text(&client["organizationId"]));
    let request = gateway.with(text(&key["key"]), Method::POST, &path).json(&body);
    assert_eq!(answer(request).await.0, 403);
    let unknown = json!(testkit::unique_id());
    assert_eq!(erase(&gateway, &unknown, &body).await.0, 404);
    assert!(gateway.echo.wishes().is_empty() && entries(&gateway).await.is_empty());
}

#[tokio::test]
async fn a_body_that_does_not_say_who_is_meant_hears_of_every_problem() {
    let gateway = Harness::start().await;
    let id = gateway.organization("acme").await["id"].clone();
    for (body, wrong) in [
        (json!({}), vec!["email"]),
        (json!({"email": null, "phone": null}), vec!["email"]),
        (json!({"email": "grace", "phone": "512 232 1234"}), vec!["email", "phone"]),
        (json!({"email": 5, "phone": "+0123456789"}), vec!["email", "phone"]),
        (json!({"phone": "+1234567890123456"}), vec!["phone"]),
    ] {
        let (status, refused) = erase(&gateway, &id, &body).await;
        assert_eq!(status, 400, "{body}: {refused}");
        let fields = refused["details"]["fields"].as_array().unwrap();
        assert_eq!(fields.iter().map(|field| text(&field["path"])).collect::<Vec<_>>(), wrong, "{body}");
    }
    assert!(gateway.echo.wishes().is_empty());
}
