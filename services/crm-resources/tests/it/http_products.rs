//! `/api/v1/products`, and what is the same for every resource.

use crate::harness::{Harness, read};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_product_has_the_fields_and_defaults_of_the_contract() {
    let crm = Harness::start().await;
    let (status, body) = crm.post("/products", json!({"name": "Servicio de página web"})).await;
    assert_eq!(status, 201);
    let product = &body["data"];
    let now = json!(crm.service.process.clock.now());
    assert_eq!(
        *product,
        json!({
            "id": product["id"], "name": "Servicio de página web", "slug": "servicio-de-pagina-web", "sku": null,
            "description": null, "product_type": "simple", "is_active": true, "tags": [], "category_name": null,
            "currency": "mxn", "price_cents": 0, "inventory_enabled": false, "inventory_mode": "self",
            "taxable": false, "tax_rate_percent": 0.0, "created_at": now, "updated_at": now,
        })
    );
    let id = product["id"].as_str().unwrap();
    assert!(id.len() == 24 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    assert_eq!(crm.get(&format!("/products/{id}")).await, (200, body.clone()));
}

#[tokio::test]
async fn every_field_can_be_set_and_a_change_touches_what_is_sent_alone() {
    let crm = Harness::start().await;
    let all = json!({
        "name": "Site", "slug": "site", "sku": "WEB-001", "description": "A site", "product_type": "service",
        "is_active": false, "category_name": "Web", "currency": "USD", "price_cents": 1_500_000,
        "inventory_enabled": true, "inventory_mode": "hybrid", "taxable": true, "tax_rate_percent": 16.5,
        "tags": ["a", "b"], "unknown": 1, "id": "ignored",
    });
    let made = crm.make("/products", all.clone()).await;
    for (name, value) in all.as_object().unwrap() {
        match name.as_str() {
            "unknown" => assert_eq!(made[name], Value::Null),
            "id" => assert_ne!(made[name], *value),
            "currency" => assert_eq!(made[name], "usd"),
            _ => assert_eq!(made[name], *value, "{name}"),
        }
    }
    let path = format!("/products/{}", made["id"].as_str().unwrap());
    crm.service.process.clock.advance(chrono::TimeDelta::seconds(5));
    let (status, body) =
        crm.patch(&path, json!({"name": "New", "sku": null, "slug": null, "tags": null})).await;
    let mut expected = made.clone();
    expected["name"] = json!("New");
    expected["sku"] = Value::Null;
    expected["slug"] = Value::Null;
    expected["tags"] = json!([]);
    expected["updated_at"] = json!(crm.service.process.clock.now());
    assert_eq!((status, &body["data"]), (200, &expected));
    crm.service.process.clock.advance(chrono::TimeDelta::seconds(5));
    let (_, body) = crm.patch(&path, json!({"name": "New"})).await;
    assert_eq!(body["data"], expected, "what changes nothing is no change");
}

#[tokio::test]
async fn a_deleted_product_is_gone() {
    let crm = Harness::start().await;
    let made = crm.make("/products", json!({"name": "Site"})).await;
    let path = format!("/products/{}", made["id"].as_str().unwrap());
    let response = crm.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 204);
    assert!(response.bytes().await.unwrap().is_empty());
    let missing = json!({"error": "not_found", "message": "Resource not found."});
    assert_eq!(crm.get(&path).await, (404, missing.clone()));
    assert_eq!(crm.patch(&path, json!({"name": "x"})).await, (404, missing.clone()));
    assert_eq!(crm.delete(&path).await, (404, missing));
}

#[tokio::test]
async fn every_failing_field_is_named_and_the_first_is_told() {
    let crm = Harness::start().await;
    let (status, body) = crm
        .post(
            "/products",
            json!({
                "name": "  ", "slug": "Not A Slug", "product_type": "car", "is_active": "yes", "currency": "pesos",
                "price_cents": 1.5, "inventory_mode": null, "tax_rate_percent": 101, "tags": ["a", 1],
                "sku": "x".repeat(101), "description": "a\u{0}b", "category_name": 5,
            }),
        )
        .await;
    assert_eq!(
        (status, body),
        (
            422,
            json!({"error": "validation_failed", "message": "Name can't be blank", "errors": {
                "name": ["can't be blank"],
                "slug": ["is invalid (a-z, 0-9 and single hyphens)"],
                "sku": ["is too long (maximum is 100 characters)"],
                "description": ["must not contain NUL characters"],
                "product_type": ["is not included in the list"],
                "is_active": ["must be true or false"],
                "category_name": ["must be a string"],
                "currency": ["is invalid (three letters of ISO 4217)"],
                "price_cents": ["must be an integer"],
                "inventory_mode": ["can't be blank"],
                "tax_rate_percent": ["must be between 0 and 100"],
                "tags": ["element 1 must be a string"],
            }})
        )
    );
    for body in [json!({}), json!([]), json!({"data": null}), json!("text"), json!({"name": "x"})] {
        let request = crm.request(Method::POST, "/products").json(&body);
        let (status, answer) = read(request.send().await.unwrap()).await;
        assert_eq!((status, &answer["errors"]), (422, &json!({"data": ["can't be blank"]})), "{body}");
        assert_eq!(answer["message"], "Data can't be blank");
    }
    let (status, body) = crm.post("/products", json!([])).await;
    assert_eq!((status, &body["errors"]), (422, &json!({"data": ["must be an object"]})));
    assert_eq!(crm.count("products").await, 0);
}

#[tokio::test]
async fn what_is_not_json_is_refused_in_the_envelope_of_the_surface() {
    let crm = Harness::start().await;
    let post = || crm.request(Method::POST, "/products").header("content-type", "application/json");
    let deep = "[".repeat(200) + &"]".repeat(200);
    for (request, status, code) in [
        (post().body("{"), 422, "validation_failed"),
        (post().body(""), 422, "validation_failed"),
        (post().body(deep), 422, "validation_failed"),
        (post().body(r#"{"data":{"name":"x","price_cents":1e400}}"#), 422, "validation_failed"),
        (post().body(r#"{"data":{"name":"\ud800"}}"#), 422, "validation_failed"),
        (post().header("content-encoding", "gzip").body("{}"), 415, "unsupported_media_type"),
        (
            crm.request(Method::POST, "/products").header("content-type", "text/plain").body("{}"),
            415,
            "unsupported_media_type",
        ),
        (post().body(vec![b' '; 256 * 1024 + 1]), 413, "payload_too_large"),
        (crm.request(Method::PUT, "/products"), 405, "method_not_allowed"),
        (crm.request(Method::GET, "/products/a/b"), 404, "not_found"),
    ] {
        let (answered, body) = read(request.send().await.unwrap()).await;
        assert_eq!((answered, body["error"].as_str().unwrap()), (status, code), "{body}");
        assert!(body["message"].is_string());
    }
}

#[tokio::test]
async fn slugs_and_skus_are_unique_in_a_company_and_a_derived_slug_gives_way() {
    let crm = Harness::start().await;
    let mut slugs = Vec::new();
    for _ in 0..11 {
        slugs.push(
            crm.make("/products", json!({"name": "Web Site"})).await["slug"].as_str().unwrap().to_owned(),
        );
    }
    assert_eq!(slugs[..3], ["web-site", "web-site-2", "web-site-3"]);
    assert!(slugs[9].starts_with("web-site-") && slugs[9].len() == "web-site-".len() + 12, "{}", slugs[9]);
    let taken = json!({"slug": ["has already been taken"]});
    let (status, body) = crm.post("/products", json!({"name": "Other", "slug": "web-site"})).await;
    assert_eq!(
        (status, &body["errors"], &body["message"]),
        (422, &taken, &json!("Slug has already been taken"))
    );

    let first = crm.make("/products", json!({"name": "A", "sku": "S-1"})).await;
    let second = crm.make("/products", json!({"name": "B", "sku": "S-2"})).await;
    let (status, body) = crm.post("/products", json!({"name": "C", "sku": "S-1", "slug": "a"})).await;
    assert_eq!(status, 422);
    let both = json!({"slug": ["has already been taken"], "sku": ["has already been taken"]});
    assert_eq!(body["errors"], both);
    let path = format!("/products/{}", second["id"].as_str().unwrap());
    let (status, body) = crm.patch(&path, json!({"sku": "S-1"})).await;
    assert_eq!((status, &body["errors"]), (422, &json!({"sku": ["has already been taken"]})));
    let own = format!("/products/{}", first["id"].as_str().unwrap());
    assert_eq!(crm.patch(&own, json!({"sku": "S-1", "slug": "a", "name": "AA"})).await.0, 200);
}

#[tokio::test]
async fn it_is_alive_and_ready_and_past_the_gateway_there_is_nothing() {
    let crm = Harness::start().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(crm.service.ops(path).await.0, 200);
    }
    let direct = crm.service.bare(Method::GET, "/api/v1/products").send().await.unwrap();
    assert!(direct.headers().contains_key("x-request-id"));
    let (status, body) = read(direct).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_key")));
}
