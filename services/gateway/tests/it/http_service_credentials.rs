//! Service credentials, from the organisation to the accepted token.

use crate::harness::{Harness, text};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

#[tokio::test]
async fn an_organisation_a_client_and_a_credential_make_a_token_that_is_accepted() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let credential = &partner.credential;
    assert_eq!(
        (&credential["algorithm"], &credential["issuer"], &credential["audience"], &credential["status"]),
        (&json!("HS256"), &json!("acme"), &json!("leadwire"), &json!("ACTIVE"))
    );
    assert_eq!(platform::secrets::decode_key(text(&credential["secret"])).unwrap().len(), 32);
    let request =
        gateway.with(&partner.token(gateway.now()), Method::POST, &partner.leads()).json(&json!({"a": 1}));
    let (status, echoed) = answer(request).await;
    assert_eq!((status, &echoed["body"]), (200, &json!(r#"{"a":1}"#)));
    let identity = &echoed["identity"];
    assert_eq!(identity["service"], "lead-intake");
    let caller = &identity["caller"];
    assert_eq!((&caller["kind"], &caller["surface"]), (&json!("principal"), &json!("partner")));
    assert_eq!(caller["organization"]["slug"], "acme");
    assert_eq!((&caller["client_id"], &caller["scopes"]), (&credential["subject"], &credential["scopes"]));
    assert_eq!(caller["credential"], json!({"id": credential["id"], "kind": "service_jwt"}));
}

#[tokio::test]
async fn the_secret_is_never_shown_again_and_is_sealed_in_the_table() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let path = format!("/api/v1/api-clients/{}/service-credentials", text(&partner.credential["subject"]));
    let (status, listed) = answer(gateway.admin(Method::GET, &path)).await;
    assert_eq!(status, 200);
    let secret = text(&partner.credential["secret"]);
    assert!(!listed.to_string().contains(secret));
    let mut expected = partner.credential.clone();
    expected.as_object_mut().unwrap().remove("secret");
    assert_eq!(listed["data"], json!([expected]));

    let bytes = platform::secrets::decode_key(secret).unwrap();
    let sealed: Vec<u8> =
        sqlx::query_scalar("select sealed from credential_secrets where sealed is not null and hash is null")
            .fetch_one(&gateway.database.pool())
            .await
            .unwrap();
    assert!(!sealed.windows(bytes.len()).any(|window| window == bytes));
}

#[tokio::test]
async fn a_sealed_secret_does_not_open_in_another_row() {
    let gateway = Harness::start().await;
    let acme = gateway.partner("acme").await;
    let globex = gateway.partner("globex").await;
    sqlx::query(
        "update credential_secrets set sealed = (select sealed from credential_secrets where lookup = $1) where lookup = $2",
    )
    .bind(text(&acme.credential["kid"]))
    .bind(text(&globex.credential["kid"]))
    .execute(&gateway.database.pool())
    .await
    .unwrap();
    assert_eq!(gateway.judge(&globex, &globex.token(gateway.now())).await, (500, json!("INTERNAL")));
    assert_eq!(gateway.submit(&acme, &acme.token(gateway.now())).await.status().as_u16(), 200);
}

#[tokio::test]
async fn a_deleted_and_an_expired_credential_sign_nothing_more() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let deleted = gateway.credential(&client, "acme", json!({})).await;
    let soon = gateway.service.process.clock.now() + TimeDelta::minutes(2);
    let expiring = gateway.credential(&client, "acme", json!({"expiresAt": soon})).await;
    assert_eq!(gateway.submit(&deleted, &deleted.token(gateway.now())).await.status().as_u16(), 200);
    assert_eq!(gateway.submit(&expiring, &expiring.token(gateway.now())).await.status().as_u16(), 200);
    let path = format!(
        "/api/v1/api-clients/{}/service-credentials/{}",
        text(&client["id"]),
        text(&deleted.credential["id"])
    );
    let response = gateway.admin(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 204);
    gateway.service.process.clock.advance(TimeDelta::minutes(2));
    for partner in [deleted, expiring] {
        assert_eq!(gateway.judge(&partner, &partner.token(gateway.now())).await, (401, json!("JWT_INVALID")));
    }
    // An API key is not deleted as a service credential, nor the other way round.
    let key = gateway.key(&client, json!({})).await;
    let path =
        format!("/api/v1/api-clients/{}/service-credentials/{}", text(&client["id"]), text(&key["id"]));
    assert_eq!(answer(gateway.admin(Method::DELETE, &path)).await.0, 404);
}

#[tokio::test]
async fn scopes_are_of_the_own_partner_and_an_override_is_the_administrators() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    let path = format!("/api/v1/api-clients/{}/service-credentials", text(&client["id"]));
    let make =
        async |bearer: &str, body: Value| answer(gateway.with(bearer, Method::POST, &path).json(&body)).await;
    let own = text(&key["key"]);
    let leads = json!(["acme:leads:write"]);
    assert_eq!(make(own, json!({"name": "c", "scopes": leads})).await.0, 201);
    assert_eq!(make(own, json!({"name": "c", "scopes": leads, "rateLimitOverride": 100})).await.0, 403);
    assert_eq!(
        make(&gateway.admin_key, json!({"name": "c", "scopes": leads, "rateLimitOverride": 100})).await.0,
        201
    );
    for bearer in [own, &gateway.admin_key] {
        assert_eq!(make(bearer, json!({"name": "c", "scopes": ["globex:leads:write"]})).await.0, 403);
    }
    for (body, path) in [
        (json!({"name": "c"}), "scopes"),
        (json!({"name": "c", "scopes": []}), "scopes"),
        (json!({"name": "c", "scopes": ["leads:write"]}), "scopes"),
        (json!({"scopes": leads}), "name"),
    ] {
        let (status, refused) = make(own, body).await;
        assert_eq!((status, &refused["details"]["fields"][0]["path"]), (400, &json!(path)));
    }
}
