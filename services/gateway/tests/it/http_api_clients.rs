//! `/api/v1/api-clients`.

use crate::harness::{Harness, new_client, text};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

const PATH: &str = "/api/v1/api-clients";

#[tokio::test]
async fn a_client_is_answered_as_the_reference_says() {
    let gateway = Harness::start().await;
    let body = json!({
        "name": "My Partner App", "description": "Integration for lead management",
        "redirectUris": ["https://example.com/callback"], "website": "https://example.com",
        "contactEmail": "tech@example.com", "rateLimitTier": "premium",
        "scopes": ["leads:read", "leads:write", "webhooks:write"],
    });
    let mut created = gateway.create(PATH, &body).await;
    let organization = created["organizationId"].clone();
    for name in ["id", "organizationId", "createdAt", "updatedAt"] {
        assert!(created.as_object_mut().unwrap().remove(name).unwrap().is_string(), "{name}");
    }
    assert_eq!(
        created,
        json!({
            "name": "My Partner App", "description": "Integration for lead management",
            "redirectUris": ["https://example.com/callback"], "website": "https://example.com", "logoUrl": null,
            "contactEmail": "tech@example.com", "status": "ACTIVE", "rateLimitTier": "PREMIUM", "webhookUrl": null,
            "webhookSecret": null, "scopes": ["leads:read", "leads:write", "webhooks:write"], "metadata": null,
            "apiKeys": [], "webhookSubscriptions": [],
        })
    );
    // An administrator's client without an organisation gets one named after it.
    let path = format!("/api/v1/organizations/{}", text(&organization));
    assert_eq!(answer(gateway.admin(Method::GET, &path)).await.1["slug"], "my_partner_app");
    let again = gateway.create(PATH, &body).await;
    assert_ne!(again["organizationId"], organization);
}

#[tokio::test]
async fn clients_are_filtered_sorted_and_paged() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    for (name, tier) in [("Beta", "basic"), ("alpha", "STANDARD"), ("100%_Gamma", "standard")] {
        let mut body = new_client(&organization["id"]);
        body["name"] = json!(name);
        body["rateLimitTier"] = json!(tier);
        body["contactEmail"] = json!(format!("{}@example.com", name.len()));
        gateway.create(PATH, &body).await;
    }
    let names = async |query: &str| -> Vec<Value> {
        let (status, listed) = answer(gateway.admin(Method::GET, &format!("{PATH}?{query}"))).await;
        assert_eq!(status, 200, "{query}: {listed}");
        listed["data"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect()
    };
    assert_eq!(names("sortBy=name&sortOrder=asc").await, ["100%_Gamma", "Administration", "alpha", "Beta"]);
    assert_eq!(names("rateLimitTier=STANDARD&sortBy=name&sortOrder=desc").await, ["alpha", "100%_Gamma"]);
    assert_eq!(names("search=%25_G").await, ["100%_Gamma"]);
    assert_eq!(names("search=ALPH").await, ["alpha"]);
    assert_eq!(names("contactEmail=10%40EXAMPLE").await, ["100%_Gamma"]);
    assert_eq!(names("status=suspended").await, [] as [Value; 0]);
    let (_, second) =
        answer(gateway.admin(Method::GET, &format!("{PATH}?limit=3&page=2&sortBy=createdAt"))).await;
    assert_eq!(second["pagination"], json!({"page": 2, "limit": 3, "total": 4, "totalPages": 2}));
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    let mut row: Vec<_> = second["data"][0].as_object().unwrap().keys().map(String::as_str).collect();
    row.sort_unstable();
    assert_eq!(row, ["contactEmail", "createdAt", "id", "name", "organizationId", "rateLimitTier", "status"]);
    let (status, refused) =
        answer(gateway.admin(Method::GET, &format!("{PATH}?limit=101&page=x&sortBy=secret&status=gone")))
            .await;
    assert_eq!(status, 400);
    let paths: Vec<_> =
        refused["details"]["fields"].as_array().unwrap().iter().map(|f| text(&f["path"])).collect();
    assert_eq!(paths, ["status", "sortBy", "page", "limit"]);
}

#[tokio::test]
async fn every_failing_field_is_named() {
    let gateway = Harness::start().await;
    let body = json!({
        "name": " ", "redirectUris": ["not a uri"], "website": "javascript:alert(1)", "logoUrl": "https://u:p@x.y",
        "contactEmail": "nobody", "rateLimitTier": "gold", "scopes": ["root"], "metadata": "x", "organizationId": 5,
    });
    let (status, refused) = answer(gateway.admin(Method::POST, PATH).json(&body)).await;
    assert_eq!(status, 400);
    assert_eq!(refused["details"]["fields"].as_array().unwrap().len(), 9, "{refused}");
    let (_, refused) = answer(gateway.admin(Method::POST, PATH).json(&json!({}))).await;
    let paths: Vec<_> =
        refused["details"]["fields"].as_array().unwrap().iter().map(|f| text(&f["path"])).collect();
    assert_eq!(paths, ["name", "redirectUris", "contactEmail"]);
}

#[tokio::test]
async fn another_organisations_client_does_not_exist() {
    let gateway = Harness::start().await;
    let own = gateway.client("acme").await;
    let foreign = gateway.client("globex").await;
    let foreign_key = gateway.key(&foreign, json!({})).await;
    let foreign_credential = gateway.credential(&foreign, "globex", json!({})).await.credential;
    let key = gateway.key(&own, json!({})).await;
    let key = text(&key["key"]);
    let (id, unknown) = (text(&foreign["id"]).to_owned(), testkit::unique_id().to_string());
    let new_key = |client: &str| json!({"clientId": client, "name": "k"});
    let new_credential = json!({"name": "c", "scopes": ["acme:leads:write"]});
    for (method, path, body) in [
        (Method::GET, format!("{PATH}/ID"), None),
        (Method::GET, format!("{PATH}/ID/api-keys"), None),
        (Method::DELETE, format!("{PATH}/ID/api-keys/{}", text(&foreign_key["id"])), None),
        (Method::DELETE, format!("{PATH}/{}/api-keys/{}", text(&own["id"]), text(&foreign_key["id"])), None),
        (Method::GET, format!("{PATH}/ID/service-credentials"), None),
        (Method::POST, format!("{PATH}/ID/service-credentials"), Some(new_credential)),
        (Method::DELETE, format!("{PATH}/ID/service-credentials/{}", text(&foreign_credential["id"])), None),
        (Method::POST, "/api/v1/api-keys".to_owned(), Some(new_key(&id))),
        (Method::POST, PATH.to_owned(), Some(new_client(&foreign["organizationId"]))),
    ] {
        let ask = async |id: &str| {
            let request = gateway.with(key, method.clone(), &path.replace("ID", id));
            answer(match &body {
                Some(body) => request.json(body),
                None => request,
            })
            .await
        };
        let refused = ask(&id).await;
        assert_eq!((refused.0, &refused.1["error"]), (404, &json!("NOT_FOUND")), "{method} {path}");
        if path.contains("ID") {
            assert_eq!(refused, ask(&unknown).await, "{method} {path}");
        }
    }
    // Nothing of it was touched.
    let keys = answer(gateway.admin(Method::GET, &format!("{PATH}/{id}/api-keys"))).await.1;
    assert_eq!(keys["data"][0]["status"], "ACTIVE");
    let (_, listed) = answer(gateway.with(key, Method::GET, PATH)).await;
    assert_eq!(listed["pagination"]["total"], 1);
}

#[tokio::test]
async fn a_client_made_without_admin_stays_below_its_makers_ceiling() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    let mut body = new_client(&organization["id"]);
    body["scopes"] = json!(["clients:write", "acme:leads:write"]);
    let limited = gateway.create(PATH, &body).await;
    let key = gateway.key(&limited, json!({})).await;
    assert_eq!(key["scopes"], json!(["clients:write"]));
    let key = text(&key["key"]);
    let make = async |scopes: Value| {
        let mut body = new_client(&organization["id"]);
        body["scopes"] = scopes;
        answer(gateway.with(key, Method::POST, PATH).json(&body)).await
    };
    assert_eq!(make(Value::Null).await.1["scopes"], json!(["clients:write", "acme:leads:write"]));
    assert_eq!(make(json!(["clients:read", "acme:leads:write"])).await.0, 201, "write implies read");
    for scopes in [
        json!(["platform:admin"]),
        json!(["leads:read"]),
        json!(["globex:leads:write"]),
        json!(["read-products"]),
    ] {
        assert_eq!(make(scopes.clone()).await.0, 403, "{scopes}");
    }
}
