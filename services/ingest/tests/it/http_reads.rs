//! The lists: tenancy, cursors, and what a page costs.

use crate::harness::{Harness, WORKERS, caller, event, with};
use serde_json::{Value, json};
use std::collections::HashSet;

#[tokio::test]
async fn pages_join_into_the_whole_without_gaps_and_repetitions() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let events: Vec<Value> = (0..90)
        .map(|number| {
            let minute = number % 7;
            with(
                event(&format!("p{}@example.com", number % 9)),
                &json!({"timestamp": format!("2026-01-01T00:0{minute}:00Z")}),
            )
        })
        .collect();
    assert_eq!(ingest.events(&acme, &json!(events)).await.0, 202);
    let workers = ingest.all(&acme, WORKERS, 2).await;
    let ids: HashSet<_> = workers.iter().map(|worker| worker["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((workers.len(), ids.len()), (9, 9));
    let mut seen = HashSet::new();
    for id in ids {
        let timeline = ingest.all(&acme, &format!("{WORKERS}/{id}/timeline"), 3).await;
        assert!(
            timeline.windows(2).all(|pair| pair[0]["timestamp"].as_str() >= pair[1]["timestamp"].as_str())
        );
        seen.extend(timeline.iter().map(|event| event["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen.len(), 90);
}

#[tokio::test]
async fn somebody_else_s_worker_is_as_unknown_as_nobody_s() {
    let ingest = Harness::start().await;
    let (acme, globex) = (caller("acme"), caller("globex"));
    ingest.events(&acme, &json!([event("a@example.com")])).await;
    let worker = ingest.all(&acme, WORKERS, 10).await[0]["id"].as_str().unwrap().to_owned();
    for list in ["timeline", "snapshots"] {
        let mut answers = Vec::new();
        for id in [worker.clone(), testkit::unique_id().to_string(), "nonsense".to_owned()] {
            let (status, mut body) = ingest.get(&globex, &format!("{WORKERS}/{id}/{list}")).await;
            body["error"]["requestId"].take();
            answers.push((status, body));
        }
        assert_eq!((answers[0].0, &answers[0].1["error"]["code"]), (404, &json!("not_found")));
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    }
    assert_eq!(ingest.all(&globex, WORKERS, 10).await.len(), 0);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let ingest = Harness::start().await;
    let (acme, globex) = (caller("acme"), caller("globex"));
    for caller in [&acme, &globex] {
        ingest.events(caller, &json!([event("a@example.com"), event("b@example.com")])).await;
    }
    let (_, page) = ingest.get(&acme, &format!("{WORKERS}?limit=1")).await;
    let cursor = page["nextCursor"].as_str().unwrap();
    let worker = page["data"][0]["id"].as_str().unwrap();
    for (caller, path) in [
        (&globex, format!("{WORKERS}?cursor={cursor}")),
        (&acme, format!("{WORKERS}/{worker}/timeline?cursor={cursor}")),
        (&acme, format!("{WORKERS}?cursor=AAAA")),
        (&acme, format!("{WORKERS}?limit=0")),
        (&acme, format!("{WORKERS}?limit=many")),
    ] {
        let (status, body) = ingest.get(caller, &path).await;
        assert_eq!((status, &body["error"]["code"]), (400, &json!("invalid_body")), "{path}");
    }
}

#[tokio::test]
async fn a_page_deep_in_a_long_timeline_reads_no_more_than_its_own_rows() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    ingest.events(&acme, &json!([event("a@example.com")])).await;
    let pool = ingest.database.pool();
    sqlx::query(
        "insert into events select organization_id, worker_id, occurred_at - make_interval(secs => n),
             gen_random_uuid(), received_at, event_type, category, app, null, null
         from events, generate_series(1, 50000) as n",
    )
    .execute(&pool)
    .await
    .unwrap();
    sqlx::query("analyze events").execute(&pool).await.unwrap();
    let plan: Value = sqlx::query_scalar(
        "explain (analyze, buffers, format json)
         select event_id from events
         where organization_id = (select organization_id from workers) and worker_id = (select worker_id from workers)
             and (occurred_at, event_id) < (now() - interval '40000 s', gen_random_uuid())
         order by occurred_at desc, event_id desc limit 51",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let blocks = plan[0]["Plan"]["Shared Hit Blocks"].as_u64().unwrap()
        + plan[0]["Plan"]["Shared Read Blocks"].as_u64().unwrap();
    assert!(blocks < 120, "{blocks} blocks: {plan}");
}
