//! `/api/v1/organizations`.

use crate::harness::{Harness, text};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

const PATH: &str = "/api/v1/organizations";

#[tokio::test]
async fn an_organisation_is_founded_with_the_defaults_of_its_plan() {
    let gateway = Harness::start().await;
    let body = json!({"slug": "acme", "name": "Acme", "plan": {"maxWorkers": 5}, "metadata": {"a": 1}});
    let created = gateway.create(PATH, &body).await;
    assert_eq!(
        created["plan"],
        json!({
            "apiEnabled": true, "monthlyEventQuota": 1_000_000, "requestsPerMinutePerKey": 600,
            "requestsPerMinutePerOrganization": 3000, "maxWorkers": 5,
        })
    );
    assert_eq!((&created["lexTier"], &created["lexAliases"]), (&json!("standard"), &json!([])));
    assert_eq!(created["lexOrganizationId"], Value::Null);
    let path = format!("{PATH}/{}", text(&created["id"]));
    assert_eq!(answer(gateway.admin(Method::GET, &path)).await, (200, created));
}

#[tokio::test]
async fn a_taken_slug_or_lex_name_is_a_conflict_and_leaves_nothing_behind() {
    let gateway = Harness::start().await;
    gateway
        .create(
            PATH,
            &json!({"slug": "acme", "name": "Acme", "lexOrganizationId": "LEX-1", "lexAliases": ["A"]}),
        )
        .await;
    for body in [
        json!({"slug": "acme", "name": "Another"}),
        json!({"slug": "globex", "name": "Globex", "lexOrganizationId": "A"}),
        json!({"slug": "globex", "name": "Globex", "lexAliases": ["LEX-1"]}),
    ] {
        let (status, refused) = answer(gateway.admin(Method::POST, PATH).json(&body)).await;
        assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")), "{body}");
    }
    gateway.organization("globex").await;
}

#[tokio::test]
async fn every_failing_field_is_named() {
    let gateway = Harness::start().await;
    let body = json!({
        "slug": "Not A Slug", "lexTier": "gold", "lexConformanceLevel": "L9", "lexNotificationWebhook": "ftp://x",
        "plan": {"monthlyEventQuota": -1, "apiEnabled": "yes"}, "metadata": [],
    });
    let (status, refused) = answer(gateway.admin(Method::POST, PATH).json(&body)).await;
    assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")));
    let mut paths: Vec<_> =
        refused["details"]["fields"].as_array().unwrap().iter().map(|field| text(&field["path"])).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "lexConformanceLevel",
            "lexNotificationWebhook",
            "lexTier",
            "metadata",
            "name",
            "plan.apiEnabled",
            "plan.monthlyEventQuota",
            "slug",
        ]
    );
    for (content_type, body, status) in
        [("application/json", "{", 400), ("application/json", "[]", 400), ("text/plain", "{}", 415)]
    {
        let request = gateway.admin(Method::POST, PATH).header("content-type", content_type).body(body);
        assert_eq!(answer(request).await.0, status, "{body}");
    }
}

#[tokio::test]
async fn without_admin_only_ones_own_organisation_exists_and_none_can_be_founded() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let other = gateway.organization("globex").await;
    let key = gateway.key(&client, json!({})).await;
    let key = text(&key["key"]);
    let (status, refused) =
        answer(gateway.with(key, Method::POST, PATH).json(&json!({"slug": "mine", "name": "Mine"}))).await;
    assert_eq!((status, &refused["error"]), (403, &json!("FORBIDDEN")));
    let own = format!("{PATH}/{}", text(&client["organizationId"]));
    assert_eq!(answer(gateway.with(key, Method::GET, &own)).await.0, 200);
    let unknown = answer(gateway.with(key, Method::GET, &format!("{PATH}/{}", testkit::unique_id()))).await;
    let foreign = answer(gateway.with(key, Method::GET, &format!("{PATH}/{}", text(&other["id"])))).await;
    let malformed = answer(gateway.with(key, Method::GET, &format!("{PATH}/1"))).await;
    assert_eq!(unknown.0, 404);
    assert_eq!(foreign, unknown);
    assert_eq!(malformed, unknown);
    let (_, listed) = answer(gateway.with(key, Method::GET, PATH)).await;
    assert_eq!(listed["pagination"], json!({"page": 1, "limit": 20, "total": 1, "totalPages": 1}));
    assert_eq!(listed["data"][0]["slug"], "acme");
    let (_, everyone) = answer(gateway.admin(Method::GET, PATH)).await;
    assert_eq!(everyone["pagination"]["total"], 3);
}
