//! `PUT` and `DELETE /api/v1/api-clients/{id}`.

use crate::harness::{Harness, new_client, text};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

const PATH: &str = "/api/v1/api-clients";

fn path_of(client: &Value) -> String {
    format!("{PATH}/{}", text(&client["id"]))
}

async fn put(gateway: &Harness, bearer: &str, client: &Value, body: Value) -> (u16, Value) {
    answer(gateway.with(bearer, Method::PUT, &path_of(client)).json(&body)).await
}

#[tokio::test]
async fn only_the_fields_of_the_body_change_and_null_clears() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    let mut body = new_client(&organization["id"]);
    body["website"] = json!("https://example.com");
    body["metadata"] = json!({"a": {"b": 1}, "c": 2});
    let created = gateway.create(PATH, &body).await;
    gateway.service.process.clock.advance(chrono::TimeDelta::seconds(5));
    let change =
        json!({"status": "suspended", "rateLimitTier": "PREMIUM", "website": null, "metadata": {"a": {}}});
    let (status, updated) = put(&gateway, &gateway.admin_key, &created, change).await;
    let mut expected = created.clone();
    expected["status"] = json!("SUSPENDED");
    expected["rateLimitTier"] = json!("PREMIUM");
    expected["website"] = Value::Null;
    expected["metadata"] = json!({"a": {}});
    expected["updatedAt"] = updated["updatedAt"].clone();
    assert_eq!((status, &updated), (200, &expected));
    assert_ne!(updated["updatedAt"], created["updatedAt"]);
    assert_eq!(answer(gateway.admin(Method::GET, &path_of(&created))).await, (200, updated.clone()));
    // Nothing new, nothing changed.
    gateway.service.process.clock.advance(chrono::TimeDelta::seconds(5));
    assert_eq!(put(&gateway, &gateway.admin_key, &created, json!({})).await, (200, updated.clone()));
    assert_eq!(put(&gateway, &gateway.admin_key, &created, updated.clone()).await, (200, updated));
}

#[tokio::test]
async fn every_failing_field_is_named() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let other = gateway.organization("globex").await;
    for (body, paths) in [
        (json!({"name": "", "status": "GONE", "scopes": ["root"]}), vec!["name", "scopes", "status"]),
        (json!({"name": null, "contactEmail": "x", "status": null}), vec!["name", "contactEmail", "status"]),
        (json!({"organizationId": other["id"]}), vec!["organizationId"]),
        (json!({"organizationId": null}), vec!["organizationId"]),
        (json!({"rateLimitTier": "gold", "redirectUris": "x"}), vec!["redirectUris", "rateLimitTier"]),
        (json!([]), vec![""]),
    ] {
        let (status, refused) = put(&gateway, &gateway.admin_key, &client, body.clone()).await;
        assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")), "{body}");
        let named: Vec<_> = refused["details"]["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| text(&field["path"]))
            .collect();
        assert_eq!(named, paths, "{body}");
    }
}

#[tokio::test]
async fn a_suspended_client_is_refused_on_every_credential_and_a_resumed_one_is_not() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let client = json!({"id": partner.credential["subject"]});
    let platform = gateway.key(&client, json!({})).await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let ingest =
        gateway.key(&client, json!({"surface": "ingest", "app": {"slug": "app", "name": "App"}})).await;
    let statuses = async || {
        let status = async |key: &Value, path: &str| {
            answer(gateway.with(text(&key["key"]), Method::GET, path)).await.0
        };
        [
            gateway.submit(&partner, &partner.token(gateway.now())).await.status().as_u16(),
            status(&platform, "/api/v1/rate-limits").await,
            status(&crm, "/api/v1/products").await,
            status(&ingest, "/api/v1/ingest/ping").await,
        ]
    };
    assert_eq!(statuses().await, [200; 4]);
    assert_eq!(put(&gateway, &gateway.admin_key, &client, json!({"status": "SUSPENDED"})).await.0, 200);
    assert_eq!(statuses().await, [403, 403, 403, 402]);
    assert_eq!(put(&gateway, &gateway.admin_key, &client, json!({"status": "ACTIVE"})).await.0, 200);
    assert_eq!(statuses().await, [200; 4]);
}

#[tokio::test]
async fn a_lower_ceiling_takes_hold_of_the_credentials_that_there_are() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let client = json!({"id": partner.credential["subject"]});
    let key = gateway.key(&client, json!({"scopes": ["clients:read", "usage:read"]})).await;
    let read = async || answer(gateway.with(text(&key["key"]), Method::GET, PATH)).await.0;
    assert_eq!(read().await, 200);
    let lower = json!({"scopes": ["usage:read", "acme:webhooks:read"]});
    assert_eq!(put(&gateway, &gateway.admin_key, &client, lower).await.0, 200);
    assert_eq!(read().await, 403);
    assert_eq!(gateway.judge(&partner, &partner.token(gateway.now())).await, (403, json!("FORBIDDEN")));
    // No new credential gets what the ceiling forbids, not even from an administrator.
    let body = json!({"clientId": client["id"], "name": "k", "scopes": ["clients:read"]});
    assert_eq!(answer(gateway.admin(Method::POST, "/api/v1/api-keys").json(&body)).await.0, 403);
    assert_eq!(put(&gateway, &gateway.admin_key, &client, json!({"scopes": null})).await.0, 200);
    assert_eq!(read().await, 200);
}

#[tokio::test]
async fn nobody_raises_a_ceiling_above_what_they_hold() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    let maker = gateway.client_of(&organization["id"]).await;
    let mut limited = new_client(&organization["id"]);
    limited["scopes"] = json!(["usage:read"]);
    let limited = gateway.create(PATH, &limited).await;
    let key = gateway.key(&maker, json!({"scopes": ["clients:write", "usage:read"]})).await;
    let everything = gateway.key(&maker, json!({})).await;
    let (key, everything) = (text(&key["key"]), text(&everything["key"]));
    for scopes in [
        json!(["usage:read", "leads:write"]),
        json!(["platform:admin"]),
        json!(["globex:leads:read"]),
        json!(null),
    ] {
        let (status, refused) = put(&gateway, key, &limited, json!({"scopes": scopes})).await;
        assert_eq!((status, &refused["error"]), (403, &json!("FORBIDDEN")), "{scopes}");
    }
    // What one holds may be given, and anything may be taken.
    let (status, raised) =
        put(&gateway, key, &limited, json!({"scopes": ["clients:read", "acme:leads:write"]})).await;
    assert_eq!((status, &raised["scopes"]), (200, &json!(["clients:read", "acme:leads:write"])));
    assert_eq!(put(&gateway, key, &limited, json!({"scopes": []})).await.0, 200);
    // Who holds all that an organisation's client can hold may lift the ceiling; never up to the platform's.
    assert_eq!(put(&gateway, everything, &limited, json!({"scopes": ["platform:admin"]})).await.0, 403);
    let (status, lifted) = put(&gateway, everything, &limited, json!({"scopes": null})).await;
    assert_eq!((status, &lifted["scopes"]), (200, &Value::Null));
    // A refused change changes nothing.
    let body = json!({"name": "renamed", "scopes": ["platform:admin"]});
    assert_eq!(put(&gateway, everything, &limited, body).await.0, 403);
    assert_eq!(answer(gateway.admin(Method::GET, &path_of(&limited))).await.1["name"], "My Partner App");
}

#[tokio::test]
async fn a_client_neither_suspends_nor_deletes_itself_and_needs_the_scope_to_change_others() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let own = gateway.key(&client, json!({})).await;
    let own = text(&own["key"]);
    let (status, refused) = put(&gateway, own, &client, json!({"status": "SUSPENDED"})).await;
    assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")));
    let (status, refused) = answer(gateway.with(own, Method::DELETE, &path_of(&client))).await;
    assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")));
    assert_eq!(put(&gateway, own, &client, json!({"name": "Renamed"})).await.0, 200);
    let reader = gateway.key(&client, json!({"scopes": ["clients:read"]})).await;
    assert_eq!(put(&gateway, text(&reader["key"]), &client, json!({"name": "No"})).await.0, 403);
    let request = gateway.with(text(&reader["key"]), Method::DELETE, &path_of(&client));
    assert_eq!(answer(request).await.0, 403);
}

#[tokio::test]
async fn a_deleted_client_takes_its_credentials_with_it_at_once() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let partner = gateway.credential(&client, "acme", json!({})).await;
    let key = gateway.key(&client, json!({})).await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let access = gateway.access_token(&oauth).await;
    let sibling = gateway.client_of(&client["organizationId"]).await;
    let survivor = gateway.key(&sibling, json!({})).await;
    assert_eq!(gateway.submit(&partner, &partner.token(gateway.now())).await.status().as_u16(), 200);
    let request = gateway.with(text(&survivor["key"]), Method::DELETE, &path_of(&client));
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.bytes().await.unwrap().len()), (204, 0));
    assert_eq!(gateway.judge(&partner, &partner.token(gateway.now())).await, (401, json!("JWT_INVALID")));
    assert_eq!(answer(gateway.with(text(&key["key"]), Method::GET, PATH)).await.0, 401);
    assert_eq!(answer(gateway.with(&access, Method::GET, "/v1/messages/1")).await.0, 401);
    let exchange = gateway
        .service
        .bare(Method::POST, "/oauth/token")
        .basic_auth(text(&oauth["clientId"]), oauth["clientSecret"].as_str())
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    assert_eq!(answer(exchange).await.0, 401);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(answer(gateway.admin(method, &path_of(&client))).await.0, 404);
    }
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from credentials where client_id = $1)
             + (select count(*) from credential_secrets s left join credentials c on c.id = s.credential_id
                where c.id is null)",
    )
    .bind(text(&client["id"]).parse::<uuid::Uuid>().unwrap())
    .fetch_one(&gateway.database.pool())
    .await
    .unwrap();
    assert_eq!(left, 0);
}
