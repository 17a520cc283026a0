//! `/api/v1/customers`.

use crate::harness::Harness;
use serde_json::{Value, json};

#[tokio::test]
async fn a_customer_has_the_fields_and_defaults_of_the_contract() {
    let crm = Harness::start().await;
    let made = crm.make("/customers", json!({"name": "Grace"})).await;
    let now = json!(crm.service.process.clock.now());
    assert_eq!(
        made,
        json!({
            "id": made["id"], "name": "Grace", "short_name": null, "email": null, "phone": null, "birthdate": null,
            "source": null, "notes": null, "is_active": true, "created_at": now, "updated_at": now,
        })
    );
    let all = json!({
        "name": "Grace Hopper", "short_name": "Grace", "email": "grace@example.com", "phone": "+15122321234",
        "birthdate": "1906-12-09", "source": "web", "notes": "n", "is_active": false,
    });
    let path = format!("/customers/{}", made["id"].as_str().unwrap());
    let (status, body) = crm.patch(&path, all.clone()).await;
    assert_eq!(status, 200);
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(body["data"][name], *value, "{name}");
    }
    let nulls = json!({"email": null, "phone": null, "birthdate": null, "short_name": null, "source": null, "notes": null});
    let (status, body) = crm.patch(&path, nulls.clone()).await;
    assert_eq!(status, 200);
    for name in nulls.as_object().unwrap().keys() {
        assert_eq!(body["data"][name], Value::Null, "{name}");
    }
    assert_eq!(body["data"]["is_active"], false);
}

#[tokio::test]
async fn every_failing_field_is_named() {
    let crm = Harness::start().await;
    let (status, body) = crm
        .post(
            "/customers",
            json!({"email": "nobody", "birthdate": "1906-13-01", "is_active": null, "phone": 5}),
        )
        .await;
    assert_eq!((status, &body["message"]), (422, &json!("Name can't be blank")));
    assert_eq!(
        body["errors"],
        json!({
            "name": ["can't be blank"], "email": ["is invalid"], "phone": ["must be a string"],
            "birthdate": ["must be a date (YYYY-MM-DD)"], "is_active": ["can't be blank"],
        })
    );
    let made = crm.make("/customers", json!({"name": "Grace"})).await;
    let path = format!("/customers/{}", made["id"].as_str().unwrap());
    for name in [json!(null), json!(""), json!(" ")] {
        let (status, body) = crm.patch(&path, json!({"name": name})).await;
        assert_eq!((status, &body["errors"]), (422, &json!({"name": ["can't be blank"]})));
    }
    assert_eq!(crm.get(&path).await.1["data"], made);
}
