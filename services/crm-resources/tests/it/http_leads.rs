//! `/api/v1/leads`, and their conversion.

use crate::harness::{Harness, read};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_lead_has_the_fields_and_defaults_of_the_contract() {
    let crm = Harness::start().await;
    let made = crm.make("/leads", json!({"name": "Grace", "converted": true, "customer_id": "x"})).await;
    let now = json!(crm.service.process.clock.now());
    assert_eq!(
        made,
        json!({
            "id": made["id"], "name": "Grace", "email": null, "phone": null, "company_name": null,
            "job_title": null, "source": null, "preferred_contact_method": null, "status": "new", "notes": null,
            "metadata": {}, "converted": false, "customer_id": null, "created_at": now, "updated_at": now,
        })
    );
    let all = json!({
        "name": "Grace Hopper", "email": "grace@example.com", "phone": "1", "company_name": "Navy",
        "job_title": "Admiral", "source": "web", "preferred_contact_method": "email", "status": "contacted",
        "notes": "n", "metadata": {"campaign": "spring"},
    });
    let path = format!("/leads/{}", made["id"].as_str().unwrap());
    let (_, body) = crm.patch(&path, all.clone()).await;
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(body["data"][name], *value, "{name}");
    }
}

#[tokio::test]
async fn metadata_maps_strings_to_strings_in_four_kilobytes() {
    let crm = Harness::start().await;
    for (metadata, message) in [
        (json!({"a": 1}), "must map strings to strings"),
        (json!({"a": null}), "must map strings to strings"),
        (json!([]), "must be an object"),
        (json!({"a": "\u{0}"}), "must not contain NUL characters"),
        (json!({"a": "x".repeat(4096 - 7)}), "is too large (maximum is 4096 bytes)"),
    ] {
        let (status, body) = crm.post("/leads", json!({"name": "x", "metadata": metadata})).await;
        assert_eq!((status, &body["errors"]), (422, &json!({"metadata": [message]})));
    }
    let largest = json!({"a": "x".repeat(4096 - 8)});
    let made = crm.make("/leads", json!({"name": "x", "metadata": largest})).await;
    let path = format!("/leads/{}", made["id"].as_str().unwrap());
    let (_, body) = crm.patch(&path, json!({"metadata": {"b": "1"}})).await;
    assert_eq!(body["data"]["metadata"], json!({"b": "1"}), "a map that is sent takes the other's place");
    let (_, body) = crm.patch(&path, json!({"metadata": null})).await;
    assert_eq!(body["data"]["metadata"], json!({}));
}

#[tokio::test]
async fn a_conversion_makes_a_customer_once_and_answers_the_lead() {
    let crm = Harness::start().await;
    let lead =
        json!({"name": "Grace", "email": "grace@example.com", "phone": "1", "source": "web", "notes": "n"});
    let made = crm.make("/leads", lead).await;
    let path = format!("/leads/{}/convert", made["id"].as_str().unwrap());
    let convert = async || read(crm.request(Method::POST, &path).send().await.unwrap()).await;
    let (status, first) = convert().await;
    assert_eq!(
        (status, &first["data"]["converted"], &first["data"]["status"]),
        (200, &json!(true), &json!("converted"))
    );
    let customer = first["data"]["customer_id"].as_str().unwrap();
    let (_, body) = crm.get(&format!("/customers/{customer}")).await;
    for name in ["name", "email", "phone", "source", "notes"] {
        assert_eq!(body["data"][name], made[name], "{name}");
    }
    assert_eq!(convert().await, (200, first));
    assert_eq!(crm.count("customers").await, 1);
}

#[tokio::test]
async fn a_conversion_links_the_customer_who_has_the_address_already() {
    let crm = Harness::start().await;
    let customer = crm.make("/customers", json!({"name": "Grace", "email": "Grace@Example.com"})).await;
    for _ in 0..2 {
        let lead = crm.make("/leads", json!({"name": "G.", "email": "grace@example.COM"})).await;
        let path = format!("/leads/{}/convert", lead["id"].as_str().unwrap());
        let (_, body) = read(crm.request(Method::POST, &path).send().await.unwrap()).await;
        assert_eq!(body["data"]["customer_id"], customer["id"]);
    }
    assert_eq!(crm.count("customers").await, 1);
}

#[tokio::test]
async fn concurrent_conversions_of_one_person_make_one_customer() {
    let crm = Harness::start().await;
    let mut paths = Vec::new();
    for _ in 0..3 {
        let lead = crm.make("/leads", json!({"name": "G", "email": "g@example.com"})).await;
        paths.push(format!("/leads/{}/convert", lead["id"].as_str().unwrap()));
    }
    let requests = paths.iter().chain(&paths).map(|path| crm.request(Method::POST, path).send());
    for answer in futures_util::future::join_all(requests).await {
        let (status, body) = read(answer.unwrap()).await;
        assert_eq!((status, &body["data"]["converted"]), (200, &Value::Bool(true)));
    }
    assert_eq!(crm.count("customers").await, 1);
}
