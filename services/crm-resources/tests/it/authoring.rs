//! `/api/v1/organizations/{id}/automations`.

use crate::harness::{Harness, admin, apply, key, read, waited_run};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;

async fn put(crm: &Harness, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/organizations/{}/automations", callers::organization_id("acme"));
    read(crm.service.request(&admin(), Method::PUT, &path).json(body).send().await.unwrap()).await
}

#[tokio::test]
async fn the_same_file_again_is_an_update_and_what_has_not_changed_stays() {
    let crm = Harness::start().await;
    let mut file = json!({
        "organization": "acme", "name": "Greet", "description": "d", "trigger": {"type": "lead_created"},
        "steps": [{"set_metadata": {"a": "b"}}],
    });
    let (status, made) = put(&crm, &file).await;
    assert_eq!((status, &made["stepsCount"], &made["active"]), (201, &json!(1), &json!(true)));
    assert_eq!(put(&crm, &file).await, (200, made.clone()));
    crm.service.process.clock.advance(chrono::TimeDelta::seconds(1));
    file["steps"] = json!([{"set_metadata": {"a": "c"}}]);
    let (status, changed) = put(&crm, &file).await;
    assert_eq!(
        (status, &changed["id"], changed["updatedAt"] == made["updatedAt"]),
        (200, &made["id"], false)
    );
    let path = format!(
        "/api/v1/organizations/{}/automations/{}",
        callers::organization_id("acme"),
        made["id"].as_str().unwrap()
    );
    let (_, shown) = read(crm.service.request(&admin(), Method::GET, &path).send().await.unwrap()).await;
    assert_eq!(shown["steps"], file["steps"]);
    let list = format!("/api/v1/organizations/{}/automations", callers::organization_id("acme"));
    let (_, listed) = read(crm.service.request(&admin(), Method::GET, &list).send().await.unwrap()).await;
    assert_eq!((&listed["data"], &listed["pagination"]["total"]), (&json!([changed]), &json!(1)));
    let (_, body) = crm.get("/automations").await;
    assert_eq!(body["data"][0]["trigger_type"], "lead_created");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_file_is_named() {
    let crm = Harness::start().await;
    let (status, body) = put(
        &crm,
        &json!({"name": "", "trigger": {"type": "lead_created"}, "steps": [{"condition": {"if": "1 +"}}, {"jump": 1}]}),
    )
    .await;
    let fields = body["details"]["fields"].as_array().unwrap();
    let paths: Vec<_> = fields.iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!((status, paths), (400, vec!["name", "steps.0.condition.if", "steps.1"]));
    for url in ["http://169.254.169.254/latest", "ftp://example.com", "nonsense"] {
        let steps = json!([{"http_request": {"url": url}}]);
        let file = json!({"name": "x", "trigger": {"type": "lead_created"}, "steps": steps});
        let (status, body) = put(&crm, &file).await;
        assert_eq!(
            (status, &body["details"]["fields"][0]["path"]),
            (400, &json!("steps.0.http_request.url"))
        );
    }
}

#[tokio::test]
async fn only_an_administrator_writes_automations() {
    let crm = Harness::start().await;
    let path = format!("/api/v1/organizations/{}/automations", callers::organization_id("acme"));
    let request = crm.service.request(&key("acme"), Method::PUT, &path).json(&json!({}));
    let (status, body) = read(request.send().await.unwrap()).await;
    assert_eq!((status, &body["error"]), (403, &json!("FORBIDDEN")));
    for path in ["/api/v1/organizations/x/automations", "/api/v1/organizations/x/automations/y/runs"] {
        let request = crm.service.request(&admin(), Method::GET, path);
        assert_eq!(read(request.send().await.unwrap()).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn an_automation_can_be_run_by_hand() {
    let crm = Harness::start().await;
    let made = crm.make("/leads", json!({"name": "G"})).await;
    let applied =
        apply(&crm, "Greet", "lead_created", json!([{"update_lead": {"notes": "Hi ${data.name}"}}])).await;
    let path = format!(
        "/api/v1/organizations/{}/automations/{}/runs",
        callers::organization_id("acme"),
        applied["id"].as_str().unwrap()
    );
    let run = |subject: Value| {
        crm.service.request(&admin(), Method::POST, &path).json(&json!({"subject": subject})).send()
    };
    let (status, started) = read(run(made["id"].clone()).await.unwrap()).await;
    assert_eq!(status, 201);
    let done = waited_run(&crm, &applied, |run| run["state"] == "completed").await;
    assert_eq!((&done["id"], &done["eventType"]), (&started["id"], &Value::Null));
    assert_eq!(done["event_type"], "manual");
    let (_, body) = crm.get(&format!("/leads/{}", made["id"].as_str().unwrap())).await;
    assert_eq!(body["data"]["notes"], "Hi G");
    for subject in [json!("000000000000000000000000"), json!("x"), json!(1)] {
        assert_eq!(read(run(subject).await.unwrap()).await.0, 400);
    }
}
