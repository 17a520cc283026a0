//! `GET …/leads` and `GET …/leads/{lead_id}`.

use crate::harness::{Harness, lead};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use testkit::{callers, read};

async fn get(intake: &Harness, slug: &str, path: &str) -> (u16, Value) {
    let caller = callers::partner(slug, &["leads:read"]);
    let path = format!("/api/v1/partners/{slug}/leads{path}");
    read(intake.service.request(&caller, Method::GET, &path).send().await.unwrap()).await
}

#[tokio::test]
async fn an_accepted_lead_can_be_read_back_by_its_partner_alone() {
    let intake = Harness::start().await;
    let (_, created) = read(intake.submit(&lead()).await).await;
    let path = format!("/{}", created["data"]["lead_id"].as_str().unwrap());
    assert_eq!(get(&intake, "acme", &path).await, (200, created));
    let (status, foreign) = get(&intake, "globex", &path).await;
    let (_, unknown) = get(&intake, "globex", &format!("/{}", testkit::unique_id())).await;
    assert_eq!((status, foreign), (404, unknown));
    assert_eq!(get(&intake, "acme", "/not-an-id").await.0, 404);
}

#[tokio::test]
async fn the_list_pages_through_every_lead_once_newest_first() {
    let intake = Harness::start().await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        let (_, created) = read(intake.submit(&lead()).await).await;
        expected.insert(0, created["data"].clone());
        intake.service.process.clock.advance(chrono::TimeDelta::days(1));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = get(&intake, "acme", &format!("?limit=3&cursor={cursor}")).await;
        assert_eq!(status, 200);
        let items = page["data"]["items"].as_array().unwrap();
        assert_eq!(page["data"]["count"], items.len());
        seen.extend(items.clone());
        match page["data"]["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    assert_eq!(seen.iter().map(|lead| lead["lead_id"].to_string()).collect::<HashSet<_>>().len(), 7);
    assert_eq!(get(&intake, "globex", "").await.1["data"]["items"], json!([]));
}

#[tokio::test]
async fn a_cursor_belongs_to_one_organisation_and_one_filter() {
    let intake = Harness::start().await;
    for _ in 0..2 {
        intake.submit(&lead()).await;
    }
    let (_, page) = get(&intake, "acme", "?limit=1").await;
    let cursor = page["data"]["next_cursor"].as_str().unwrap();
    for (slug, query) in [
        ("globex", format!("?cursor={cursor}")),
        ("acme", format!("?cursor={cursor}&status=received")),
        ("acme", "?cursor=garbage".to_owned()),
    ] {
        let (status, body) = get(&intake, slug, &query).await;
        assert_eq!((status, &body["error"]["details"]["fields"][0]["path"]), (422, &json!("cursor")));
    }
}

#[tokio::test]
async fn a_bad_query_names_every_parameter() {
    let intake = Harness::start().await;
    let (status, body) = get(&intake, "acme", "?limit=0&status=lost&cursor=x").await;
    let fields = body["error"]["details"]["fields"].as_array().unwrap();
    let paths: Vec<_> = fields.iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!((status, paths), (422, vec!["limit", "status", "cursor"]));
}

#[tokio::test]
async fn a_list_of_one_status_pages_through_its_leads_alone() {
    let intake = Harness::start().await;
    let mut expected = Vec::new();
    for turn in 0..9 {
        let (_, created) = read(intake.submit(&lead()).await).await;
        let id = created["data"]["lead_id"].as_str().unwrap().to_owned();
        if turn % 2 == 0 {
            let id: uuid::Uuid = id.parse().unwrap();
            sqlx::query("update leads set status = 'failed' where lead_id = $1")
                .bind(id)
                .execute(&intake.database.pool())
                .await
                .unwrap();
            expected.insert(0, id.to_string());
        }
        intake.service.process.clock.advance(chrono::TimeDelta::days(5));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = get(&intake, "acme", &format!("?status=failed&limit=2&cursor={cursor}")).await;
        assert_eq!(status, 200);
        for item in page["data"]["items"].as_array().unwrap() {
            assert_eq!(item["status"], "failed");
            seen.push(item["lead_id"].as_str().unwrap().to_owned());
        }
        match page["data"]["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    assert_eq!(get(&intake, "acme", "?status=completed").await.1["data"]["count"], 0);
}
