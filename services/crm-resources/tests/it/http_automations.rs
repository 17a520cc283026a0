//! `/api/v1/automations`: listed, switched, renamed, deleted; authored elsewhere.

use crate::harness::{Harness, key_with, read};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_automation_has_the_fields_of_the_contract() {
    let crm = Harness::start().await;
    let id = crm.automation("acme", "Greet").await;
    let now = json!(crm.service.process.clock.now());
    let expected = json!({
        "id": id, "name": "Greet", "description": null, "active": true, "trigger_type": "lead_created",
        "steps_count": 3, "created_at": now, "updated_at": now,
    });
    assert_eq!(crm.get(&format!("/automations/{id}")).await, (200, json!({"data": expected})));
    assert_eq!(crm.get("/automations?status=active").await.1["data"], json!([expected]));
    assert_eq!(crm.get("/automations?status=inactive").await.1["data"], json!([]));
}

#[tokio::test]
async fn it_is_switched_and_renamed_but_its_workings_are_not_touched() {
    let crm = Harness::start().await;
    let (id, _) = (crm.automation("acme", "Greet").await, crm.automation("acme", "Other").await);
    let path = format!("/automations/{id}");
    let (status, body) = crm.patch(&path, json!({"name": "Hi", "description": "d", "active": false})).await;
    assert_eq!(status, 200);
    let data = &body["data"];
    assert_eq!(
        (&data["name"], &data["description"], &data["active"]),
        (&json!("Hi"), &json!("d"), &json!(false))
    );
    assert_eq!(data["steps_count"], 3);
    let workings = json!({"name": "x", "trigger_type": "lead_updated", "trigger_config": {}, "steps": []});
    let (status, body) = crm.patch(&path, workings).await;
    let refused = json!(["cannot be changed through this API"]);
    assert_eq!(status, 422);
    assert_eq!(body["errors"], json!({"trigger_type": refused, "trigger_config": refused, "steps": refused}));
    let (status, body) = crm.patch(&path, json!({"name": "Other"})).await;
    assert_eq!((status, &body["errors"]), (422, &json!({"name": ["has already been taken"]})));
    assert_eq!(crm.delete(&path).await.0, 204);
    assert_eq!(crm.get(&path).await.0, 404);
}

#[tokio::test]
async fn it_cannot_be_made_here() {
    let crm = Harness::start().await;
    let (status, body) = crm.post("/automations", json!({"name": "x"})).await;
    assert_eq!((status, &body["error"]), (422, &json!("validation_failed")));
    let empty = crm.request(Method::POST, "/automations").send().await.unwrap();
    assert_eq!(empty.status().as_u16(), 422);
    let reader = key_with("acme", &["read-automations"]);
    let request = crm.service.request(&reader, Method::POST, "/api/v1/automations");
    let (status, body) = read(request.send().await.unwrap()).await;
    assert_eq!((status, &body["required"]), (403, &json!("create-automations")));
}
