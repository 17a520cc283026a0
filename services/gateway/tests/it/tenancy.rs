//! Nobody reaches what is not theirs: for every operation with an id, an id of another tenant, of a tenant
//! that is gone, of nothing, and no id at all are answered alike.

use crate::harness::{Harness, new_client, text};
use contracts::Surface;
use contracts::routes::{Access, ROUTES, Route};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use testkit::{answer, unique_id};

/// The ids of one tenant, by the placeholders of routes.
struct Tenant {
    client: Value,
    ids: HashMap<&'static str, String>,
}

impl Tenant {
    async fn new(gateway: &Harness, slug: &str) -> Self {
        let organization = gateway.organization(slug).await;
        let client = gateway.client_of(&organization["id"]).await;
        let key = gateway.key(&client, json!({})).await;
        let service = gateway.credential(&client, slug, json!({})).await.credential;
        let oauth = gateway.oauth(&client, json!({})).await;
        let id = |value: &Value| text(&value["id"]).to_owned();
        let ids = [
            ("organization", id(&organization)),
            ("client", id(&client)),
            ("key", id(&key)),
            ("service", id(&service)),
            ("oauth", id(&oauth)),
        ];
        Self { client, ids: ids.into() }
    }

    fn id(&self, thing: &str) -> &str {
        &self.ids[thing]
    }
}

/// What the placeholder at a position of a template stands for. `None`: an id that the gateway does not know.
fn thing(template: &str, placeholder: &str) -> Option<&'static str> {
    match placeholder {
        "{id}" if template.starts_with("/api/v1/organizations/") => Some("organization"),
        "{id}" => Some("client"),
        "{apiKeyId}" => Some("key"),
        "{credentialId}" if template.contains("/service-credentials/") => Some("service"),
        "{credentialId}" => Some("oauth"),
        _ => None,
    }
}

/// The path of a route with ids of a tenant, but `other` at one position.
fn path(route: &Route, tenant: &Tenant, position: usize, other: Option<&str>) -> String {
    let segment = |(index, segment): (usize, &str)| match thing(route.template, segment) {
        Some(_) if index == position && other.is_some() => other.unwrap_or_default().to_owned(),
        Some(thing) => tenant.id(thing).to_owned(),
        None if segment.starts_with('{') => unique_id().to_string(),
        None => segment.to_owned(),
    };
    let segments: Vec<_> = route.template.split('/').enumerate().map(segment).collect();
    segments.join("/")
}

/// A body that the route would take.
fn body(route: &Route, slug: &str) -> Value {
    match (route.method, route.template.rsplit('/').next().unwrap()) {
        ("POST", "service-credentials") => json!({"name": "c", "scopes": [format!("{slug}:leads:read")]}),
        ("POST", "oauth-credentials") => json!({"name": "c", "scopes": ["lex:leads:read"]}),
        ("PUT", "{id}") => json!({"description": "changed"}),
        _ => json!({}),
    }
}

fn is_for_administrators(route: &Route) -> bool {
    route.template.starts_with("/api/v1/admin/dead-letter-queues/")
        || route.template == "/api/v1/organizations/{id}/erase"
        || (route.template == "/api/v1/organizations/{id}" && route.method != "GET")
}

#[tokio::test]
async fn an_id_that_is_not_ones_own_is_answered_like_one_that_does_not_exist() {
    let gateway = Harness::start().await;
    let own = Tenant::new(&gateway, "acme").await;
    let foreign = Tenant::new(&gateway, "globex").await;
    let gone = Tenant::new(&gateway, "initech").await;
    let removal = format!("/api/v1/organizations/{}", gone.id("organization"));
    assert_eq!(gateway.admin(Method::DELETE, &removal).send().await.unwrap().status().as_u16(), 204);
    // Another client of the tenant calls, because none deletes itself.
    let mut enterprise = new_client(&own.client["organizationId"]);
    enterprise["rateLimitTier"] = json!("enterprise");
    let caller = gateway.create("/api/v1/api-clients", &enterprise).await;
    let caller = gateway.key(&caller, json!({"rateLimitOverride": 100_000})).await;
    let caller = text(&caller["key"]);
    let send = async |route: &Route, path: &str| {
        let method = Method::from_bytes(route.method.as_bytes()).unwrap();
        let request = gateway.with(caller, method, path).json(&body(route, "acme")).send().await.unwrap();
        (request.status().as_u16(), request.text().await.unwrap())
    };

    let mut routes: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.surface == Surface::Platform && route.access == Access::Authenticated)
        .filter(|route| route.template.contains('{'))
        .collect();
    // What ends something comes last, and within it what lies deepest first.
    routes.sort_by_key(|route| (route.method == "DELETE", std::cmp::Reverse(route.template.len())));
    let mut positions = 0;
    for route in &routes {
        let for_administrators = is_for_administrators(route);
        for (position, segment) in route.template.split('/').enumerate() {
            let Some(thing) = thing(route.template, segment) else { continue };
            positions += 1;
            let unknown = send(route, &path(route, &own, position, Some(&unique_id().to_string()))).await;
            assert_eq!(unknown.0, if for_administrators { 403 } else { 404 }, "{route:?}: {unknown:?}");
            for other in [foreign.id(thing), gone.id(thing), "0", "00000000-0000-0000-0000-000000000000"] {
                let refused = send(route, &path(route, &own, position, Some(other))).await;
                assert_eq!(refused, unknown, "{route:?} position {position}: {other}");
            }
        }
    }
    assert!(positions > 30, "{positions}");
    for route in &routes {
        let (status, body) = send(route, &path(route, &own, usize::MAX, None)).await;
        let for_administrators = is_for_administrators(route);
        let expected = if for_administrators { 403..404 } else { 200..300 };
        assert!(expected.contains(&status), "{route:?}: {status} {body}");
    }
    // Nothing of the other tenant was touched.
    let client = format!("/api/v1/api-clients/{}", foreign.id("client"));
    let (_, found) = answer(gateway.admin(Method::GET, &client)).await;
    assert_eq!((&found["description"], &found["apiKeys"][0]["status"]), (&Value::Null, &json!("ACTIVE")));
}

#[tokio::test]
async fn an_id_in_a_body_reaches_no_further_than_one_in_a_path() {
    let gateway = Harness::start().await;
    let own = Tenant::new(&gateway, "acme").await;
    let foreign = Tenant::new(&gateway, "globex").await;
    let gone = Tenant::new(&gateway, "initech").await;
    let removal = format!("/api/v1/organizations/{}", gone.id("organization"));
    assert_eq!(gateway.admin(Method::DELETE, &removal).send().await.unwrap().status().as_u16(), 204);
    let key = gateway.key(&own.client, json!({})).await;
    let key = text(&key["key"]);
    let make_key = async |client: &str| {
        let body = json!({"clientId": client, "name": "k"});
        answer(gateway.with(key, Method::POST, "/api/v1/api-keys").json(&body)).await
    };
    let make_client = async |organization: &str| {
        let body = new_client(&json!(organization));
        answer(gateway.with(key, Method::POST, "/api/v1/api-clients").json(&body)).await
    };
    let unknown = unique_id().to_string();
    let (no_client, no_organization) = (make_key(&unknown).await, make_client(&unknown).await);
    assert_eq!((no_client.0, no_organization.0), (404, 404));
    for other in [&foreign, &gone] {
        assert_eq!(make_key(other.id("client")).await, no_client);
        assert_eq!(make_client(other.id("organization")).await, no_organization);
    }
    assert_eq!(make_key(own.id("client")).await.0, 201);
    assert_eq!(make_client(own.id("organization")).await.0, 201);
    // A filter finds nothing of others either.
    let list = "/api/v1/api-clients?search=partner&limit=100";
    let (_, listed) = answer(gateway.with(key, Method::GET, list)).await;
    let organizations: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|row| text(&row["organizationId"])).collect();
    assert_eq!(organizations, [own.id("organization"); 2]);
}

#[tokio::test]
async fn a_credential_is_reached_through_its_own_client_alone() {
    let gateway = Harness::start().await;
    let one = Tenant::new(&gateway, "acme").await;
    let other = Tenant::new(&gateway, "globex").await;
    let client = format!("/api/v1/api-clients/{}", one.id("client"));
    for (method, path) in [
        (Method::DELETE, format!("{client}/api-keys/{}", other.id("key"))),
        (Method::DELETE, format!("{client}/service-credentials/{}", other.id("service"))),
        (Method::POST, format!("{client}/oauth-credentials/{}/rotate", other.id("oauth"))),
        // Of the right client, but of another family.
        (Method::DELETE, format!("{client}/api-keys/{}", one.id("service"))),
        (Method::POST, format!("{client}/service-credentials/{}/rotate", one.id("oauth"))),
    ] {
        assert_eq!(answer(gateway.admin(method, &path)).await.0, 404, "{path}");
    }
}
