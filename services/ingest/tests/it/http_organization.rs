//! `/api/v1/organizations/{id}/ingest`: what an organisation sees of its workers on the platform surface.

use crate::harness::{Harness, SNAPSHOTS, caller, event, with};
use serde_json::{Value, json};
use testkit::callers::{organization_id, platform};

/// A path below an organisation's part.
fn of(slug: &str, rest: &str) -> String {
    format!("/api/v1/organizations/{}/ingest/{rest}", organization_id(slug))
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn workers_are_paged_and_found_by_any_of_their_names() {
    let ingest = Harness::start().await;
    let (acme, reader) = (caller("acme"), platform("acme", &["leads:read"], "acme"));
    let ada = json!({"email": "ada@example.com", "displayName": "Ada Lovelace", "externalId": "EMP-7"});
    let others: Vec<Value> = (0..4).map(|number| event(&format!("p{number}@example.com"))).collect();
    let events = [&[with(event("x"), &json!({"actor": ada}))], &others[..]].concat();
    assert_eq!(ingest.events(&acme, &json!(events)).await.0, 202);

    let all = ingest.all(&reader, &of("acme", "workers"), 2).await;
    assert_eq!(all.len(), 5);
    let ada =
        all.iter().find(|worker| worker["displayName"] == "Ada Lovelace").unwrap()["id"].as_str().unwrap();
    let found = ["search=lovelace", "search=ADA%40exam", "search=emp-7", "app=dialer&search=Ada"];
    for filter in found {
        let (status, page) = ingest.get(&reader, &of("acme", &format!("workers?{filter}"))).await;
        assert_eq!((status, ids(&page)), (200, vec![ada]), "{filter}");
        assert_eq!(page["nextCursor"], Value::Null);
    }
    for filter in ["search=nobody", "app=another", "search=%25"] {
        let (_, page) = ingest.get(&reader, &of("acme", &format!("workers?{filter}"))).await;
        assert_eq!(page["data"], json!([]), "{filter}");
    }

    let worker = of("acme", &format!("workers/{ada}"));
    let (status, shown) = ingest.get(&reader, &worker).await;
    assert_eq!((status, &shown["displayName"]), (200, &json!("Ada Lovelace")));
    assert_eq!(
        shown["identities"],
        json!([
            {"namespace": "custom:dialer", "value": "EMP-7"},
            {"namespace": "email", "value": "ada@example.com"},
        ])
    );
}

#[tokio::test]
async fn a_timeline_is_narrowed_down_and_goes_on_where_a_page_ended() {
    let ingest = Harness::start().await;
    let (acme, reader) = (caller("acme"), platform("acme", &["leads:write"], "acme"));
    let at = |minute: u32, kind: &str, category: &str| {
        let time = format!("2026-01-01T00:0{minute}:00Z");
        with(event("a@example.com"), &json!({"timestamp": time, "eventType": kind, "category": category}))
    };
    let events =
        [at(1, "call.made", "communication"), at(2, "call.made", "other"), at(3, "build.done", "code")];
    assert_eq!(ingest.events(&acme, &json!(events)).await.0, 202);
    let snapshot = json!({
        "snapshotType": "calls_open", "actor": {"email": "a@example.com"}, "metrics": {"open": 7},
        "timestamp": "2026-01-01T00:04:00Z",
    });
    assert_eq!(ingest.send(&acme, SNAPSHOTS, &snapshot).await.status(), 202);
    let worker = ingest.all(&reader, &of("acme", "workers"), 10).await[0]["id"].as_str().unwrap().to_owned();
    let timeline = |filter: &str| of("acme", &format!("workers/{worker}/timeline?{filter}"));

    assert_eq!(ingest.all(&reader, &of("acme", &format!("workers/{worker}/timeline")), 1).await.len(), 4);
    for (filter, count) in [
        ("type=call.made", 2),
        ("category=code", 1),
        ("app=dialer", 4),
        ("app=another", 0),
        ("from=2026-01-01T00:02:00Z", 3),
        ("to=2026-01-01T00:02:00Z", 2),
        ("type=call.made&category=other&from=2026-01-01T00:02:00Z&to=2026-01-01T00:02:00Z", 1),
    ] {
        let (status, page) = ingest.get(&reader, &timeline(filter)).await;
        assert_eq!((status, ids(&page).len()), (200, count), "{filter}");
    }
    let (_, page) = ingest.get(&reader, &timeline("type=call.made&limit=1")).await;
    let cursor = page["nextCursor"].as_str().unwrap();
    let (_, next) = ingest.get(&reader, &timeline(&format!("type=call.made&cursor={cursor}"))).await;
    assert_eq!((ids(&next).len(), &next["nextCursor"]), (1, &Value::Null));
    assert_ne!(ids(&next), ids(&page));
    for wrong in [&format!("cursor={cursor}"), "category=cooking", "from=yesterday", "limit=0"] {
        let (status, body) = ingest.get(&reader, &timeline(wrong)).await;
        assert_eq!((status, &body["error"]), (400, &json!("VALIDATION_ERROR")), "{wrong}");
    }
    let cards = ingest.all(&reader, &of("acme", &format!("workers/{worker}/cards")), 10).await;
    assert_eq!((cards.len(), &cards[0]["metrics"]), (1, &json!({"open": 7})));
}

#[tokio::test]
async fn usage_has_every_month_of_a_year_and_the_workers_there_are() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    ingest
        .events(&acme, &json!([event("a@example.com"), event("b@example.com"), event("a@example.com")]))
        .await;
    let (status, usage) = ingest.get(&platform("acme", &["usage:read"], "acme"), &of("acme", "usage")).await;
    let months = usage["months"].as_array().unwrap();
    assert_eq!((status, &usage["workers"], months.len()), (200, &json!(2), 12));
    let now = ingest.service.process.clock.now();
    assert_eq!(months[0], json!({"month": now.format("%Y-%m").to_string(), "events": 3}));
    assert!(months[1..].iter().all(|month| month["events"] == 0));
    let (_, nothing) =
        ingest.get(&platform("globex", &["usage:read"], "globex"), &of("globex", "usage")).await;
    assert_eq!((&nothing["workers"], &nothing["months"][0]["events"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn an_organisation_sees_its_own_workers_alone_and_only_with_the_scope() {
    let ingest = Harness::start().await;
    ingest.events(&caller("acme"), &json!([event("a@example.com")])).await;
    let reader = platform("acme", &["leads:read"], "acme");
    let worker = ingest.all(&reader, &of("acme", "workers"), 10).await[0]["id"].as_str().unwrap().to_owned();
    let one = [
        format!("workers/{worker}"),
        format!("workers/{worker}/timeline"),
        format!("workers/{worker}/cards"),
    ];
    let (globex, admin) =
        (platform("globex", &["leads:read"], "globex"), platform("ops", &["platform:admin"], "acme"));
    for rest in one.iter().map(String::as_str).chain(["workers"]) {
        assert_eq!(ingest.get(&admin, &of("acme", rest)).await.0, 200, "{rest}");
        // What the gateway has not vouched for is not there, whatever the path says.
        assert_eq!(ingest.get(&globex, &of("acme", rest)).await.0, 404, "{rest}");
        for scopes in [&["webhooks:read", "usage:read"][..], &[]] {
            let (status, body) = ingest.get(&platform("acme", scopes, "acme"), &of("acme", rest)).await;
            assert_eq!((status, &body["error"]), (403, &json!("FORBIDDEN")), "{rest}");
        }
    }
    for rest in &one {
        let unknown = rest.replace(&worker, &testkit::unique_id().to_string());
        let foreign = ingest.get(&globex, &of("globex", rest)).await;
        assert_eq!((foreign.0, &foreign), (404, &ingest.get(&globex, &of("globex", &unknown)).await));
        assert_eq!(foreign, ingest.get(&globex, &of("globex", &rest.replace(&worker, "nonsense"))).await);
    }
    assert_eq!(ingest.get(&reader, &of("acme", "usage")).await.0, 403);
    assert_eq!(ingest.all(&globex, &of("globex", "workers"), 10).await.len(), 0);
}
