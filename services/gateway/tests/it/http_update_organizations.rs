//! `PATCH` and `DELETE /api/v1/organizations/{id}`.

use crate::harness::{Harness, text};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

const PATH: &str = "/api/v1/organizations";

fn path_of(organization: &Value) -> String {
    format!("{PATH}/{}", text(&organization["id"]))
}

async fn patch(gateway: &Harness, organization: &Value, body: Value) -> (u16, Value) {
    answer(gateway.admin(Method::PATCH, &path_of(organization)).json(&body)).await
}

#[tokio::test]
async fn a_patch_merges_at_every_depth_and_null_brings_the_default_back() {
    let gateway = Harness::start().await;
    let body = json!({
        "slug": "acme", "name": "Acme", "lexOrganizationId": "LEX-1", "lexAliases": ["A", "B"],
        "lexTier": "enterprise", "lexConformanceLevel": "L2",
        "plan": {"maxWorkers": 5, "monthlyEventQuota": 10}, "metadata": {"a": {"b": 1, "c": 2}, "d": 3},
    });
    let created = gateway.create(PATH, &body).await;
    gateway.service.process.clock.advance(chrono::TimeDelta::seconds(5));
    let change = json!({
        "name": "Acme Inc.", "lexAliases": ["B", "C"], "lexTier": null, "plan": {"apiEnabled": false, "maxWorkers": null},
        "metadata": {"a": {"b": null, "e": 4}}, "id": "ignored", "unknown": 1,
    });
    let (status, updated) = patch(&gateway, &created, change).await;
    let mut expected = created.clone();
    expected["name"] = json!("Acme Inc.");
    expected["lexAliases"] = json!(["B", "C"]);
    expected["lexTier"] = json!("standard");
    expected["plan"]["apiEnabled"] = json!(false);
    expected["plan"]["maxWorkers"] = Value::Null;
    expected["metadata"] = json!({"a": {"c": 2, "e": 4}, "d": 3});
    expected["updatedAt"] = updated["updatedAt"].clone();
    assert_eq!((status, &updated), (200, &expected));
    assert_ne!(updated["updatedAt"], created["updatedAt"]);
    assert_eq!(answer(gateway.admin(Method::GET, &path_of(&created))).await, (200, updated.clone()));
    gateway.service.process.clock.advance(chrono::TimeDelta::seconds(5));
    assert_eq!(patch(&gateway, &created, json!({})).await, (200, updated.clone()));
    // A name that was given up is free, one that is kept is not.
    let other = gateway.organization("globex").await;
    assert_eq!(patch(&gateway, &other, json!({"lexOrganizationId": "A"})).await.0, 200);
    for taken in [json!({"lexOrganizationId": "LEX-1"}), json!({"lexAliases": ["C"]})] {
        let (status, refused) = patch(&gateway, &other, taken).await;
        assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")));
    }
    let (_, reset) = patch(&gateway, &created, json!({"plan": null})).await;
    assert_eq!(
        (&reset["plan"]["apiEnabled"], &reset["plan"]["monthlyEventQuota"]),
        (&json!(true), &json!(1_000_000))
    );
}

#[tokio::test]
async fn every_failing_field_is_named_and_the_slug_stays() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    for (body, paths) in [
        (
            json!({"name": null, "plan": {"monthlyEventQuota": -1}, "metadata": 1}),
            vec!["name", "plan.monthlyEventQuota", "metadata"],
        ),
        (json!({"slug": "other"}), vec!["slug"]),
        (json!({"slug": null}), vec!["slug"]),
        (json!({"plan": "free"}), vec!["plan"]),
        (json!("acme"), vec![""]),
    ] {
        let (status, refused) = patch(&gateway, &organization, body.clone()).await;
        assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")), "{body}");
        let named: Vec<_> = refused["details"]["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| text(&field["path"]))
            .collect();
        assert_eq!(named, paths, "{body}");
    }
    assert_eq!(patch(&gateway, &organization, json!({"slug": "acme"})).await.0, 200);
    for (content_type, method, status) in [
        ("application/merge-patch+json", Method::PATCH, 200),
        ("application/json-patch+json", Method::PATCH, 415),
        ("application/merge-patch+json", Method::POST, 415),
    ] {
        let path = if method == Method::PATCH { path_of(&organization) } else { PATH.to_owned() };
        let request = gateway.admin(method, &path).header("content-type", content_type).body("{}");
        assert_eq!(answer(request).await.0, status, "{content_type}");
    }
}

#[tokio::test]
async fn a_deleted_organisation_takes_everything_of_its_own_with_it_and_frees_its_names() {
    let gateway = Harness::start().await;
    let body = json!({"slug": "acme", "name": "Acme", "lexOrganizationId": "LEX-1"});
    let organization = gateway.create(PATH, &body).await;
    let client = gateway.client_of(&organization["id"]).await;
    let partner = gateway.credential(&client, "acme", json!({})).await;
    let key = gateway.key(&client, json!({})).await;
    let ingest =
        gateway.key(&client, json!({"surface": "ingest", "app": {"slug": "app", "name": "App"}})).await;
    let bystander = gateway.partner("globex").await;
    assert_eq!(answer(gateway.with(text(&key["key"]), Method::GET, PATH)).await.0, 200);
    let response = gateway.admin(Method::DELETE, &path_of(&organization)).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.bytes().await.unwrap().len()), (204, 0));
    assert_eq!(gateway.judge(&partner, &partner.token(gateway.now())).await, (401, json!("JWT_INVALID")));
    assert_eq!(answer(gateway.with(text(&key["key"]), Method::GET, PATH)).await.0, 401);
    assert_eq!(answer(gateway.with(text(&ingest["key"]), Method::GET, "/api/v1/ingest/ping")).await.0, 401);
    assert_eq!(gateway.submit(&bystander, &bystander.token(gateway.now())).await.status().as_u16(), 200);
    for (method, path) in [
        (Method::GET, path_of(&organization)),
        (Method::DELETE, path_of(&organization)),
        (Method::GET, format!("/api/v1/api-clients/{}", text(&client["id"]))),
    ] {
        assert_eq!(answer(gateway.admin(method, &path)).await.0, 404, "{path}");
    }
    gateway.create(PATH, &body).await;
}

#[tokio::test]
async fn the_administrators_own_organisation_stays_and_nobody_else_changes_any() {
    let gateway = Harness::start().await;
    let (_, listed) = answer(gateway.admin(Method::GET, PATH)).await;
    let own = listed["data"][0].clone();
    let (status, refused) = answer(gateway.admin(Method::DELETE, &path_of(&own))).await;
    assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")));
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    for id in [text(&client["organizationId"]), text(&own["id"]), &testkit::unique_id().to_string()] {
        for method in [Method::PATCH, Method::DELETE] {
            let request = gateway.with(text(&key["key"]), method, &format!("{PATH}/{id}"));
            let (status, refused) = answer(request.json(&json!({}))).await;
            assert_eq!((status, &refused["error"]), (403, &json!("FORBIDDEN")));
        }
    }
}
