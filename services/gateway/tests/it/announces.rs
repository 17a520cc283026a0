//! What the gateway tells the platform about its organisations, clients and credentials.

use crate::harness::{CONTROL_EVENTS, Harness, text};
use contracts::control::{
    ClientChanged, ClientDeleted, CredentialChanged, OrganizationChanged, OrganizationDeleted,
};
use contracts::event::{CloudEvent, EventData};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{answer, eventually};

/// The events so far, when there are so many, as routing key, aggregate's version and data.
async fn events(gateway: &Harness, count: usize) -> Vec<(String, i64, Value)> {
    let mut seen = Vec::new();
    eventually("the events", async || {
        for message in gateway.broker.take(CONTROL_EVENTS.name).await {
            let event: CloudEvent<Value> = serde_json::from_str(&message.payload).unwrap();
            seen.push((message.routing_key, event.aggregateversion, event.data));
        }
        (seen.len() >= count).then_some(())
    })
    .await;
    assert_eq!(seen.len(), count, "{seen:?}");
    seen
}

#[tokio::test]
async fn every_change_is_announced_with_the_aggregates_version_and_an_empty_one_is_not() {
    let gateway = Harness::start().await;
    let organization = gateway.organization("acme").await;
    let (id, path) = (&organization["id"], format!("/api/v1/organizations/{}", text(&organization["id"])));
    for body in [json!({"name": "New"}), json!({}), json!({"name": "Newer", "lexTier": "enterprise"})] {
        assert_eq!(answer(gateway.admin(Method::PATCH, &path).json(&body)).await.0, 200);
    }
    let client = gateway.client_of(id).await;
    let client_path = format!("/api/v1/api-clients/{}", text(&client["id"]));
    for body in [json!({"status": "SUSPENDED"}), json!({"status": "SUSPENDED"}), json!({"status": "ACTIVE"})]
    {
        assert_eq!(answer(gateway.admin(Method::PUT, &client_path).json(&body)).await.0, 200);
    }
    let key = gateway.key(&client, json!({})).await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let rotate = format!("{client_path}/oauth-credentials/{}/rotate", text(&oauth["id"]));
    assert_eq!(answer(gateway.admin(Method::POST, &rotate)).await.0, 200);
    let revoke = format!("{client_path}/api-keys/{}", text(&key["id"]));
    for path in [&revoke, &revoke, &client_path, &path] {
        assert_eq!(
            gateway.admin(Method::DELETE, path).send().await.unwrap().status().as_u16(),
            204,
            "{path}"
        );
    }
    let seen = events(&gateway, 12).await;
    let kinds: Vec<_> = seen.iter().map(|(key, version, _)| (key.as_str(), *version)).collect();
    assert_eq!(
        kinds,
        [
            (OrganizationChanged::ROUTING_KEY, 1),
            (OrganizationChanged::ROUTING_KEY, 2),
            (OrganizationChanged::ROUTING_KEY, 3),
            (ClientChanged::ROUTING_KEY, 1),
            (ClientChanged::ROUTING_KEY, 2),
            (ClientChanged::ROUTING_KEY, 3),
            (CredentialChanged::ROUTING_KEY, 1),
            (CredentialChanged::ROUTING_KEY, 1),
            (CredentialChanged::ROUTING_KEY, 2),
            (CredentialChanged::ROUTING_KEY, 2),
            (ClientDeleted::ROUTING_KEY, 4),
            (OrganizationDeleted::ROUTING_KEY, 4),
        ]
    );
    let facts: OrganizationChanged = serde_json::from_value(seen[2].2.clone()).unwrap();
    assert_eq!((facts.organization.name.as_str(), facts.organization.slug.as_str()), ("Newer", "acme"));
    assert_eq!(json!(facts.organization.lex_tier), "enterprise");
    assert_eq!(
        seen[9].2,
        json!({"organization_id": id, "client_id": client["id"], "credential_id": key["id"]})
    );
    assert_eq!(seen[10].2, json!({"organization_id": id, "client_id": client["id"]}));
    assert_eq!(seen[11].2, json!({"organization_id": id}));
}

#[tokio::test]
async fn what_is_refused_is_not_announced_and_an_organisation_around_a_client_is() {
    let gateway = Harness::start().await;
    let body = json!({"name": "Acme", "redirectUris": [], "contactEmail": "a@example.com"});
    let client = gateway.create("/api/v1/api-clients", &body).await;
    let key = json!({"clientId": client["id"], "name": "k", "scopes": ["platform:admin"]});
    assert_eq!(answer(gateway.admin(Method::POST, "/api/v1/api-keys").json(&key)).await.0, 403);
    let taken = json!({"slug": "acme", "name": "Another"});
    assert_eq!(answer(gateway.admin(Method::POST, "/api/v1/organizations").json(&taken)).await.0, 409);
    gateway.organization("globex").await;
    let seen = events(&gateway, 3).await;
    let kinds: Vec<_> = seen.iter().map(|(key, ..)| key.as_str()).collect();
    assert_eq!(
        kinds,
        [OrganizationChanged::ROUTING_KEY, ClientChanged::ROUTING_KEY, OrganizationChanged::ROUTING_KEY]
    );
    assert_eq!(seen[2].2["organization"]["slug"], "globex");
}
