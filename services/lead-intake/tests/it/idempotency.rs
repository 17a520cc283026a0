//! Once per correlation id: under a crowd, after a year, and when the lead itself is long gone.

use crate::harness::{Harness, lead};
use futures_util::future::join_all;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_submissions_of_a_hundred_leads_make_a_hundred_leads_and_a_thousand_answers() {
    // The crowd's own machine is what is slow here.
    let intake = Harness::start_with(|settings| {
        settings.http.head_timeout = Duration::from_secs(30);
        settings.http.body_timeout = Duration::from_secs(30);
    })
    .await;
    let leads: Vec<_> = (0..100).map(|_| lead()).collect();
    let answers = join_all((0..1000).map(|turn| {
        let (intake, body) = (&intake, &leads[turn % 100]);
        async move {
            let response = intake.submit(body).await;
            let replayed = response.headers().contains_key("idempotent-replayed");
            (turn % 100, response.status().as_u16(), replayed, response.bytes().await.unwrap())
        }
    }))
    .await;
    let mut bodies: HashMap<usize, HashSet<_>> = HashMap::new();
    for (lead, status, _, body) in &answers {
        assert_eq!(*status, 201);
        bodies.entry(*lead).or_default().insert(body.clone());
    }
    assert!(bodies.len() == 100 && bodies.values().all(|bodies| bodies.len() == 1));
    assert_eq!(bodies.values().flatten().collect::<HashSet<_>>().len(), 100, "each lead has its own answer");
    assert_eq!(answers.iter().filter(|(_, _, replayed, _)| *replayed).count(), 900);
    let pool = intake.database.pool();
    let stored: i64 = sqlx::query_scalar("select count(*) from leads").fetch_one(&pool).await.unwrap();
    assert_eq!(stored, 100);
    assert_eq!(intake.events(100).await.len(), 100);
}

#[tokio::test]
async fn a_replay_after_a_year_is_byte_for_byte_though_the_months_partition_is_gone() {
    let intake = Harness::start().await;
    let submitted = lead();
    let first = intake.submit(&submitted).await.bytes().await.unwrap();
    intake.service.process.clock.advance(chrono::TimeDelta::days(366));
    let pool = intake.database.pool();
    let partition: String = sqlx::query_scalar("select tableoid::regclass::text from leads limit 1")
        .fetch_one(&pool)
        .await
        .unwrap();
    let statement = format!("drop table {partition}");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    let replay = intake.submit(&submitted).await;
    assert_eq!(
        (replay.status().as_u16(), &replay.headers()["idempotent-replayed"]),
        (201, &"true".parse().unwrap())
    );
    assert_eq!(replay.bytes().await.unwrap(), first);
}

#[tokio::test]
async fn a_lead_of_a_month_without_a_partition_is_told_to_come_again() {
    let intake = Harness::start().await;
    intake.service.process.clock.advance(chrono::TimeDelta::days(366));
    let response = intake.submit(&lead()).await;
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn what_is_refused_is_not_remembered() {
    let intake = Harness::start().await;
    let mut submitted = lead();
    submitted["customer"]["email"] = serde_json::json!("nobody");
    assert_eq!(intake.submit(&submitted).await.status().as_u16(), 422);
    submitted["customer"]["email"] = serde_json::json!("somebody@example.com");
    let response = intake.submit(&submitted).await;
    assert_eq!(response.status().as_u16(), 201);
    assert!(!response.headers().contains_key("idempotent-replayed"));
}
