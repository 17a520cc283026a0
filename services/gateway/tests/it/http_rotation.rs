//! Rotation of secrets: the old one lives on for an overlap, whatever the kind of credential.

use crate::harness::{Harness, text};
use crate::http_oauth::{GRANT, by_basic, call, told};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

#[tokio::test]
async fn a_rotated_secret_works_on_for_its_overlap_and_no_longer() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let old = gateway.oauth(&client, json!({})).await;
    let path =
        format!("/api/v1/api-clients/{}/oauth-credentials/{}/rotate", text(&client["id"]), text(&old["id"]));
    let works = async |oauth: &Value| {
        told(by_basic(&gateway, &oauth["clientId"], &oauth["clientSecret"], GRANT)).await.0 == 200
    };
    let token = gateway.access_token(&old).await;
    let (status, new) = answer(gateway.admin(Method::POST, &path)).await;
    assert_eq!((status, &new["id"], &new["clientId"]), (200, &old["id"], &old["clientId"]));
    assert_ne!(new["clientSecret"], old["clientSecret"]);
    assert!(works(&old).await && works(&new).await);
    let clock = &gateway.service.process.clock;
    clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert!(works(&old).await && works(&new).await);
    clock.advance(TimeDelta::seconds(1));
    assert!(!works(&old).await && works(&new).await);
    assert_eq!(call(&gateway, &token).await.0, 401, "expired long since");

    // At once, and a token of the old secret goes on.
    let token = gateway.access_token(&new).await;
    let (status, newest) =
        answer(gateway.admin(Method::POST, &path).json(&json!({"overlapSeconds": 0}))).await;
    assert_eq!(status, 200);
    assert!(!works(&new).await && works(&newest).await);
    assert_eq!(call(&gateway, &token).await.0, 200);
    for body in [json!({"overlapSeconds": -1}), json!({"overlapSeconds": "1"}), json!([])] {
        assert_eq!(answer(gateway.admin(Method::POST, &path).json(&body)).await.0, 400);
    }
}

#[tokio::test]
async fn a_service_credential_is_rotated_in_the_same_way() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let old = gateway.credential(&client, "acme", json!({})).await;
    let base = format!("/api/v1/api-clients/{}/service-credentials", text(&client["id"]));
    let path = format!("{base}/{}/rotate", text(&old.credential["id"]));
    let (status, rotated) = answer(gateway.admin(Method::POST, &path)).await;
    assert_eq!((status, &rotated["id"]), (200, &old.credential["id"]));
    assert_ne!(rotated["kid"], old.credential["kid"]);
    let new = crate::harness::Partner { slug: "acme".to_owned(), credential: rotated };
    let (_, listed) = answer(gateway.admin(Method::GET, &base)).await;
    assert_eq!(
        (listed["data"].as_array().unwrap().len(), &listed["data"][0]["kid"]),
        (1, &new.credential["kid"])
    );
    for partner in [&old, &new] {
        assert_eq!(gateway.submit(partner, &partner.token(gateway.now())).await.status().as_u16(), 200);
    }
    gateway.service.process.clock.advance(TimeDelta::hours(24));
    assert_eq!(gateway.judge(&old, &old.token(gateway.now())).await, (401, json!("JWT_INVALID")));
    assert_eq!(gateway.submit(&new, &new.token(gateway.now())).await.status().as_u16(), 200);
    // Deleting ends the new secret as well.
    let own = format!("{base}/{}", text(&old.credential["id"]));
    assert_eq!(gateway.admin(Method::DELETE, &own).send().await.unwrap().status().as_u16(), 204);
    assert_eq!(gateway.judge(&new, &new.token(gateway.now())).await, (401, json!("JWT_INVALID")));
    // A credential is not rotated as one of another kind.
    let oauth = gateway.oauth(&client, json!({})).await;
    assert_eq!(
        answer(gateway.admin(Method::POST, &format!("{base}/{}/rotate", text(&oauth["id"])))).await.0,
        404
    );
}

#[tokio::test]
async fn nobody_gets_a_secret_for_scopes_that_are_not_theirs() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let mut narrow = crate::harness::new_client(&client["organizationId"]);
    narrow["scopes"] = json!(["clients:read", "clients:write"]);
    let narrow = gateway.create("/api/v1/api-clients", &narrow).await;
    let key = gateway.key(&narrow, json!({})).await;
    let stranger = gateway.key(&gateway.client("globex").await, json!({})).await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let base = format!("/api/v1/api-clients/{}/oauth-credentials", text(&client["id"]));
    let rotate = format!("{base}/{}/rotate", text(&oauth["id"]));
    let body = json!({"name": "c", "scopes": ["lex:leads:write"]});
    for (key, status) in [(&key, 403), (&stranger, 404)] {
        let with = |path: &str| gateway.with(text(&key["key"]), Method::POST, path);
        assert_eq!(answer(with(&base).json(&body)).await.0, status);
        assert_eq!(answer(with(&rotate)).await.0, status);
    }
    for (body, path) in [
        (json!({"name": "c"}), "scopes"),
        (json!({"name": "c", "scopes": ["acme:leads:write"]}), "scopes[0]"),
        (json!({"scopes": ["lex:leads:write"]}), "name"),
    ] {
        let (status, refused) = answer(gateway.admin(Method::POST, &base).json(&body)).await;
        let named = text(&refused["details"]["fields"][0]["path"]).to_owned();
        assert_eq!(status, 400);
        assert!(named.starts_with(path.split('[').next().unwrap()), "{named}");
    }
}
