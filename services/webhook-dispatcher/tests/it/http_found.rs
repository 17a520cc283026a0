//! Finding one event or one kind of delivery among very many, and what is told of it.

use crate::harness::{Harness, platform_key};
use chrono::TimeDelta;
use contracts::ids::OrganizationId;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::callers;
use testkit::receiver::{Receiver, Reply};

async fn found(harness: &Harness, path: &str) -> Value {
    let operator = platform_key("platform", None, &["platform:admin"]);
    let own = platform_key("acme", None, &["webhooks:read"]);
    let caller = if path.contains("/admin/") { operator } else { own };
    let (status, body) = harness.ask(&caller, Method::GET, path, &Value::Null).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn below(organization: OrganizationId, path: &str) -> String {
    format!("/api/v1/organizations/{organization}/{path}")
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_event_is_found_by_what_it_speaks_of_and_says_which_request_it_comes_from() {
    let harness = Harness::start().await;
    let acme = callers::organization_id("acme");
    let mut events = Vec::new();
    for _ in 0..4 {
        events.push(harness.lead_created());
        harness.clock.advance(TimeDelta::seconds(1));
    }
    events[1].subject = events[0].subject.clone();
    events[1].kind = "lead.completed".to_owned();
    events[1].requestid = None;
    // Another organisation's that speaks of what has the same id.
    events[2].subject = events[0].subject.clone();
    events[2].tenantid = callers::organization_id("globex");
    // What is too long to be found by is stored all the same.
    events[3].subject = Some("x".repeat(5_000));
    for event in &events {
        harness.publish(event).await;
    }
    harness.calm().await;
    let subject = events[0].subject.clone().unwrap();
    let public: Vec<_> = events.iter().map(|event| format!("evt_{}", event.id.as_uuid().simple())).collect();
    for (query, expected) in [
        (format!("subject={subject}"), vec![&public[1], &public[0]]),
        (format!("subject={subject}&type=lead.completed"), vec![&public[1]]),
        (format!("subject={subject}&source=crm"), vec![]),
        ("subject=nothing".to_owned(), vec![]),
        ("source=intake".to_owned(), vec![&public[3], &public[1], &public[0]]),
    ] {
        let page = found(&harness, &below(acme, &format!("events?{query}"))).await;
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page["pagination"]["total"], json!(expected.len()), "{query}");
    }
    let page = found(&harness, &format!("/api/v1/admin/events?subject={subject}")).await;
    assert_eq!(ids(&page), [&public[0], &public[1], &public[2]], "whoever's they are");

    let shown = found(&harness, &below(acme, &format!("events/{}", public[0]))).await;
    assert_eq!((&shown["subject"], &shown["requestId"]), (&json!(subject), &json!("asked-1")));
    let shown = found(&harness, &below(acme, &format!("events/{}", public[1]))).await;
    assert_eq!(shown["requestId"], Value::Null);
    let shown = found(&harness, &below(acme, &format!("events/{}", public[3]))).await;
    assert_eq!(shown["subject"], Value::Null);
}

#[tokio::test]
async fn each_request_of_a_delivery_is_shown_with_the_headers_that_its_receiver_got() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(500), Reply::Status(200)]);
    harness.webhook(&json!({"url": receiver.url("/in"), "events": ["lead.*"]})).await;
    let acme = callers::organization_id("acme");
    let event = harness.fan_out(1).await;
    harness.deliver().await;
    harness.deliver_after(3_600).await;
    let shown = found(&harness, &below(acme, &format!("events/{}", event.id))).await;
    let path = below(acme, &format!("deliveries/{}", shown["deliveries"][0]["id"].as_str().unwrap()));
    let shown = found(&harness, &path).await;
    let received = receiver.received();
    assert_eq!((received.len(), shown["attempts"].as_array().unwrap().len()), (2, 2));
    for (got, attempt) in received.iter().zip(shown["attempts"].as_array().unwrap()) {
        let told = attempt["requestHeaders"].as_array().unwrap();
        // Those of the connection say nothing.
        let not_told = ["host", "content-length", "accept", "connection"];
        for (name, value) in got.headers.iter().filter(|(name, _)| !not_told.contains(&name.as_str())) {
            let header = told.iter().find(|one| one["name"] == json!(name));
            let header = header.unwrap_or_else(|| panic!("{name} is not told: {told:?}"));
            let is_kept =
                !["webhook-signature", "x-webhook-signature", "traceparent"].contains(&name.as_str());
            assert_eq!(header["value"], if is_kept { json!(value) } else { Value::Null }, "{name}");
        }
        for header in told {
            assert!(got.header(header["name"].as_str().unwrap()).is_some(), "{header} was not sent");
        }
    }
}

/// So many events of one type, between one of another that is older and one that is newer, each with a delivery.
async fn many(harness: &Harness, subscription: &str) {
    let acme = callers::organization_id("acme");
    let millis = harness.clock.now().timestamp_millis() - 60_000;
    let made = format!(
        "with made as (
             select number, (lpad(to_hex({millis} + number), 12, '0') || '7' || substr(md5(number::text), 1, 3) || '8'
                 || substr(md5('-' || number), 1, 15))::uuid as id,
                 case number when 1 then 'lead.first' when 10500 then 'lead.last' else 'lead.created' end as kind
             from generate_series(1, 10500) as number
         ), stored as (
             insert into events (event_id, organization_id, source, kind, occurred_at, track_delivery, payload, received_at,
                 origin)
             select id, '{acme}', '/leadwire/lead-intake', kind, now(), false, '', now(),
                 case number when 1 then 'crm' else 'intake' end from made
         )
         insert into deliveries (event_id, subscription_id, organization_id, state, next_at, created_at)
         select id, '{subscription}', '{acme}', case number when 1 then 3 else 1 end, now(), now() from made"
    );
    let mut connection = harness.pool.acquire().await.unwrap();
    sqlx::query(AssertSqlSafe(made)).execute(&mut *connection).await.unwrap();
    sqlx::query("analyze events, deliveries").execute(&mut *connection).await.unwrap();
}

#[tokio::test]
async fn what_is_rare_is_found_among_many_or_the_page_says_where_to_look_further() {
    let harness = Harness::start().await;
    let webhook =
        harness.webhook(&json!({"url": "http://127.0.0.1:9000/", "events": ["nothing.at_all"]})).await;
    let subscription = webhook["id"].as_str().unwrap();
    many(&harness, subscription).await;
    let acme = callers::organization_id("acme");
    for (path, total) in [
        ("events?type=lead.first", 1),
        ("events?source=crm", 1),
        ("events?source=ingest", 0),
        ("events?source=intake&type=lead.last", 1),
        ("events?type=lead.created", 10_000),
    ] {
        let page = found(&harness, &below(acme, path)).await;
        assert_eq!(page["pagination"]["total"], json!(total), "{path}");
        assert_eq!(ids(&page).len(), total.min(20), "{path}");
    }
    // By the events of the type.
    for path in ["deliveries?type=lead.first", "deliveries?type=lead.last"] {
        let page = found(&harness, &below(acme, path)).await;
        assert_eq!((ids(&page).len(), &page["nextCursor"]), (1, &Value::Null), "{path}");
    }
    let of_subscription =
        format!("deliveries?subscription={subscription}&type=lead.first&status=skipped_disabled");
    assert_eq!(ids(&found(&harness, &below(acme, &of_subscription)).await).len(), 1);
    // By looking through them: the page stops before it is there.
    for path in [
        "/api/v1/admin/deliveries?type=lead.first".to_owned(),
        "/api/v1/admin/deliveries?status=skipped_disabled".to_owned(),
        "/api/v1/admin/events?type=lead.last".to_owned(),
        below(acme, "deliveries?status=skipped_disabled"),
        below(acme, &format!("deliveries?status=skipped_disabled&subscription={subscription}")),
        below(acme, "deliveries?type=lead.created&status=skipped_disabled&limit=1"),
    ] {
        let (mut seen, mut cursor, mut pages) = (0, String::new(), 0);
        loop {
            let page = found(&harness, &format!("{path}{cursor}")).await;
            seen += ids(&page).len();
            pages += 1;
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let expected = if path.contains("type=lead.created") { (0, 11) } else { (1, 2) };
        assert_eq!((seen, pages), expected, "{path}");
    }
    // A page that is full is full, however many are passed over.
    let page = found(&harness, &below(acme, "deliveries?status=delivered&limit=100")).await;
    assert_eq!(ids(&page).len(), 100);
}
