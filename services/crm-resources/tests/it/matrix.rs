//! Every operation with the right scope, without it, and on ids that are one's own, somebody else's, gone, or none.

use crate::harness::{ACTIONS, Harness, RESOURCES, key, key_with, read};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Asked;

/// An operation: method, whether it has an id, what follows the id, its action.
const OPERATIONS: [(Method, bool, &str, &str); 6] = [
    (Method::GET, false, "", "read"),
    (Method::POST, false, "", "create"),
    (Method::GET, true, "", "read"),
    (Method::PATCH, true, "", "update"),
    (Method::DELETE, true, "", "delete"),
    (Method::POST, true, "/convert", "update"),
];

/// The operations that a resource has.
fn operations(resource: &str) -> impl Iterator<Item = &'static (Method, bool, &'static str, &'static str)> {
    let leads = resource == "leads";
    OPERATIONS.iter().filter(move |(_, _, rest, _)| rest.is_empty() || leads)
}

fn path(resource: &str, (_, has_id, rest, _): &(Method, bool, &str, &str), id: &str) -> String {
    if *has_id { format!("/api/v1/{resource}/{id}{rest}") } else { format!("/api/v1/{resource}") }
}

fn with_body(request: Asked, method: &Method) -> Asked {
    if matches!(*method, Method::POST | Method::PATCH) {
        request.json(&json!({"data": {"name": "Changed"}}))
    } else {
        request
    }
}

async fn made(crm: &Harness, organization: &str, resource: &str) -> String {
    if resource == "automations" {
        return crm.automation(organization, &testkit::unique_id().to_string()).await;
    }
    let request = crm.service.request(&key(organization), Method::POST, &format!("/api/v1/{resource}"));
    let (status, body) = read(request.json(&json!({"data": {"name": "Mine"}})).send().await.unwrap()).await;
    assert_eq!(status, 201, "{body}");
    body["data"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_operation_demands_its_own_scope_and_no_other() {
    let crm = Harness::start().await;
    for resource in RESOURCES {
        for operation in operations(resource) {
            let id = made(&crm, "acme", resource).await;
            let wanted = format!("{}-{resource}", operation.3);
            let others: Vec<_> = RESOURCES
                .iter()
                .flat_map(|resource| ACTIONS.iter().map(move |action| format!("{action}-{resource}")))
                .filter(|scope| *scope != wanted)
                .collect();
            let others: Vec<_> = others.iter().map(String::as_str).collect();
            let call = |scopes: &[&str]| {
                let request = crm.service.request(
                    &key_with("acme", scopes),
                    operation.0.clone(),
                    &path(resource, operation, &id),
                );
                with_body(request, &operation.0).send()
            };
            let (status, body) = read(call(&others).await.unwrap()).await;
            assert_eq!(
                (status, body),
                (
                    403,
                    json!({
                        "error": "insufficient_scope", "required": wanted,
                        "message": "This API key does not have the required scope.",
                    })
                )
            );
            let (status, body) = read(call(&[&wanted]).await.unwrap()).await;
            let expected = match (&operation.0, operation.1, resource) {
                (&Method::POST, false, "automations") => 422,
                (&Method::POST, false, _) => 201,
                (&Method::DELETE, ..) => 204,
                _ => 200,
            };
            assert_eq!(status, expected, "{wanted} {body}");
        }
    }
}

#[tokio::test]
async fn an_id_that_is_not_ones_own_is_not_there() {
    let crm = Harness::start().await;
    let missing = json!({"error": "not_found", "message": "Resource not found."});
    for resource in RESOURCES {
        let foreign = made(&crm, "globex", resource).await;
        let gone = made(&crm, "acme", resource).await;
        crm.delete(&format!("/{resource}/{gone}")).await;
        let other_kind = made(&crm, "acme", if resource == "leads" { "customers" } else { "leads" }).await;
        let upper =
            made(&crm, "acme", resource).await.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A");
        let ids = [
            foreign.as_str(),
            &gone,
            &other_kind,
            &upper,
            "000000000000000000000000",
            "1",
            "0000000000000000000000000",
            "%00",
            "'%20or%201=1--",
        ];
        for operation in operations(resource).filter(|(_, has_id, ..)| *has_id) {
            for id in ids {
                let request =
                    crm.service.request(&key("acme"), operation.0.clone(), &path(resource, operation, id));
                let (status, body) = read(with_body(request, &operation.0).send().await.unwrap()).await;
                assert_eq!((status, &body), (404, &missing), "{} {resource} {id}", operation.0);
            }
        }
        let request =
            crm.service.request(&key("globex"), Method::GET, &format!("/api/v1/{resource}/{foreign}"));
        let (status, body) = read(request.send().await.unwrap()).await;
        assert_eq!((status, &body["data"]["id"]), (200, &json!(foreign)), "untouched");
    }
}

#[tokio::test]
async fn no_parameter_of_a_list_and_no_field_of_a_body_leads_to_another_company() {
    let crm = Harness::start().await;
    let globex = testkit::callers::organization_id("globex");
    for resource in RESOURCES {
        let foreign = made(&crm, "globex", resource).await;
        made(&crm, "acme", resource).await;
        for query in [
            String::new(),
            "?limit=100&page=1".to_owned(),
            "?cursor=".to_owned(),
            "?sort=name".to_owned(),
            "?updated_since=2000-01-01T00:00:00Z".to_owned(),
            format!("?organization_id={globex}&organization=globex&tenant_id={globex}&company_id={globex}"),
            format!("?id={foreign}&search="),
        ] {
            let (status, body) = crm.get(&format!("/{resource}{query}")).await;
            assert_eq!((status, &body["meta"]["total"]), (200, &json!(1)), "{resource}{query}");
            let items = body["data"].as_array().unwrap();
            assert!(items.len() == 1 && items[0]["id"] != json!(foreign), "{resource}{query}");
        }
        if resource != "automations" {
            let fields = json!({"name": "x", "organization_id": globex, "company_id": globex, "id": foreign});
            let made = crm.make(&format!("/{resource}"), fields).await;
            assert_ne!(made["id"], json!(foreign));
        }
    }
    let slugs: Vec<Value> = vec![
        crm.make("/products", json!({"name": "Only", "slug": "only", "sku": "1"})).await["slug"].clone(),
        {
            let request = crm.service.request(&key("globex"), Method::POST, "/api/v1/products");
            let body = json!({"data": {"name": "Only", "slug": "only", "sku": "1"}});
            read(request.json(&body).send().await.unwrap()).await.1["data"]["slug"].clone()
        },
    ];
    assert_eq!(slugs, ["only", "only"], "what is unique is unique in a company");
}

#[tokio::test]
async fn a_conversion_never_links_another_companys_customer() {
    let crm = Harness::start().await;
    let request = crm.service.request(&key("globex"), Method::POST, "/api/v1/customers");
    let body = json!({"data": {"name": "G", "email": "g@example.com"}});
    let (_, foreign) = read(request.json(&body).send().await.unwrap()).await;
    let lead = crm.make("/leads", json!({"name": "G", "email": "g@example.com"})).await;
    let path = format!("/leads/{}/convert", lead["id"].as_str().unwrap());
    let (_, converted) = read(crm.request(Method::POST, &path).send().await.unwrap()).await;
    assert_ne!(converted["data"]["customer_id"], foreign["data"]["id"]);
}
