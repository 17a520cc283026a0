//! Lists: pages, orders, filters, cursors.

use crate::harness::{Harness, key, read};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;

async fn three_customers(crm: &Harness) {
    for (name, email) in [("Beta", "b@example.com"), ("Alpha", "a@100%.example"), ("Gamma", "g@example.com")]
    {
        crm.make("/customers", json!({"name": name, "email": null, "notes": email})).await;
        crm.service.process.clock.advance(TimeDelta::seconds(1));
    }
}

async fn names(crm: &Harness, path: &str) -> Vec<String> {
    let (status, body) = crm.get(path).await;
    assert_eq!(status, 200, "{body}");
    let names = body["data"].as_array().unwrap().iter();
    names.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_list_is_newest_first_and_says_how_long_it_is() {
    let crm = Harness::start().await;
    assert_eq!(
        crm.get("/customers").await,
        (200, json!({"data": [], "meta": {"page": 1, "limit": 25, "total": 0, "total_pages": 0}}))
    );
    three_customers(&crm).await;
    let (_, body) = crm.get("/customers?limit=2").await;
    assert_eq!(body["meta"], json!({"page": 1, "limit": 2, "total": 3, "total_pages": 2}));
    assert_eq!((&body["data"][0]["name"], &body["data"][1]["name"]), (&json!("Gamma"), &json!("Alpha")));
    assert_eq!(names(&crm, "/customers?limit=2&page=2").await, ["Beta"]);
    assert!(names(&crm, "/customers?page=92233720368547758080").await.is_empty());
    assert_eq!(names(&crm, "/customers?page=0&limit=1000").await.len(), 3);
    let (status, body) = crm.get("/customers?page=two&limit=1.5").await;
    let message = json!(["must be an integer"]);
    assert_eq!((status, &body["errors"]), (422, &json!({"page": message, "limit": message})));
}

#[tokio::test]
async fn a_list_is_sorted_and_filtered_as_asked() {
    let crm = Harness::start().await;
    three_customers(&crm).await;
    assert_eq!(names(&crm, "/customers?sort=name").await, ["Alpha", "Beta", "Gamma"]);
    assert_eq!(names(&crm, "/customers?sort=-name").await, ["Gamma", "Beta", "Alpha"]);
    assert_eq!(names(&crm, "/customers?sort=created_at").await, ["Beta", "Alpha", "Gamma"]);
    let (_, body) = crm.get("/customers?sort=name&limit=1").await;
    let path = format!("/customers/{}", body["data"][0]["id"].as_str().unwrap());
    let since = crm.service.process.clock.now();
    crm.patch(&path, json!({"is_active": false, "email": "a_%x@example.com"})).await;
    assert_eq!(names(&crm, "/customers?sort=-updated_at&limit=1").await, ["Alpha"]);
    let encoded = since.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    assert_eq!(names(&crm, &format!("/customers?updated_since={encoded}")).await, ["Alpha"]);
    assert_eq!(names(&crm, "/customers?status=inactive").await, ["Alpha"]);
    assert_eq!(names(&crm, "/customers?status=active").await.len(), 2);
    assert_eq!(names(&crm, "/customers?search=ALPH").await, ["Alpha"]);
    assert_eq!(names(&crm, "/customers?search=_%25x").await, ["Alpha"]);
    assert!(names(&crm, "/customers?search=%25").await.len() == 1, "a percent sign is no wildcard");
    for path in
        ["/customers?sort=email", "/customers?status=odd", "/customers?search=%00", "/customers?cursor=x"]
    {
        let (status, body) = crm.get(path).await;
        assert_eq!((status, &body["error"]), (422, &json!("validation_failed")), "{path}");
    }
    crm.make("/leads", json!({"name": "L", "status": "qualified"})).await;
    assert_eq!(names(&crm, "/leads?status=qualified").await, ["L"]);
    assert!(names(&crm, "/leads?status=new").await.is_empty());
}

#[tokio::test]
async fn a_walk_by_cursor_meets_every_resource_once_while_others_come_and_go() {
    let crm = Harness::start().await;
    for number in 0..23 {
        crm.make("/products", json!({"name": format!("P{}", number % 4)})).await;
    }
    for sort in ["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let (status, body) = crm.get(&format!("/products?sort={sort}&limit=5&cursor={cursor}")).await;
            assert_eq!(status, 200, "{body}");
            pages += 1;
            assert_eq!(body["meta"]["page"], pages);
            assert_eq!((&body["meta"]["total"], &body["meta"]["total_pages"]), (&json!(23), &json!(5)));
            let items = body["data"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            match &body["meta"]["next_cursor"] {
                Value::String(next) => cursor.clone_from(next),
                end => {
                    assert!(end.is_null() && body["meta"].as_object().unwrap().contains_key("next_cursor"));
                    break;
                }
            }
        }
        assert_eq!((pages, seen.len()), (5, 23), "{sort}");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 23, "{sort}");
    }
}

#[tokio::test]
async fn a_cursor_leads_nowhere_but_through_its_own_list() {
    let crm = Harness::start().await;
    for name in ["a", "b", "c"] {
        crm.make("/customers", json!({"name": name})).await;
        crm.make("/leads", json!({"name": name})).await;
    }
    let (_, body) = crm.get("/customers?limit=1&cursor=").await;
    let cursor = body["meta"]["next_cursor"].as_str().unwrap();
    assert_eq!(crm.get(&format!("/customers?limit=2&cursor={cursor}")).await.0, 200, "the limit may change");
    for path in ["/customers?sort=name&", "/customers?search=a&", "/customers?status=active&", "/leads?"] {
        let (status, body) = crm.get(&format!("{path}cursor={cursor}")).await;
        assert_eq!((status, body["errors"]["cursor"].is_array()), (422, true), "{path}");
    }
    let path = format!("/api/v1/customers?cursor={cursor}");
    let foreign = crm.service.request(&key("globex"), Method::GET, &path).send().await.unwrap();
    assert_eq!(read(foreign).await.0, 422);
}

#[tokio::test]
async fn many_rows_are_paged_to_the_end_by_number_and_by_cursor() {
    let crm = Harness::start().await;
    sqlx::query(
        "insert into products select $1, lpad(to_hex(number), 24, '0'), 1, 'product ' || number, null, null, null,
             'simple', true, '{}', null, 'mxn', 0, false, 'self', false, 0, now(), now()
         from generate_series(1, 10000) as number",
    )
    .bind(callers::organization_id("acme").as_uuid())
    .execute(&crm.database.pool())
    .await
    .unwrap();
    let (status, body) = crm.get("/products?limit=100&page=100&sort=created_at").await;
    assert_eq!((status, body["data"].as_array().unwrap().len()), (200, 100));
    assert_eq!(body["meta"], json!({"page": 100, "limit": 100, "total": 10_000, "total_pages": 100}));
    let (status, body) = crm.get("/products?limit=100&page=101").await;
    assert_eq!((status, &body["data"]), (200, &json!([])));
    let (mut cursor, mut count) = (String::new(), 0);
    loop {
        let (_, body) = crm.get(&format!("/products?limit=100&sort=name&cursor={cursor}")).await;
        count += body["data"].as_array().unwrap().len();
        match body["meta"]["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(count, 10_000);
}
