//! `/api/v1/organizations/{id}/lex`: what an organisation sees of its messages on the platform surface.

use crate::harness::{Harness, SIGNING_KEY, codes, organization, with, with_header};
use chrono::TimeDelta;
use lex::certificate;
use platform::secrets::decode_key;
use serde_json::{Value, json};
use testkit::callers::{organization_id, platform};
use testkit::eventually;

/// A path below an organisation's part.
fn of(slug: &str, rest: &str) -> String {
    format!("/api/v1/organizations/{}/lex/{rest}", organization_id(slug))
}

async fn listed(lex: &Harness, slug: &str, filter: &str) -> Vec<String> {
    let reader = platform(slug, &["leads:read"], slug);
    let (status, page) = lex.get(&reader, &of(slug, &format!("messages?{filter}"))).await;
    assert_eq!(status, 200, "{page}");
    let rows = page["data"].as_array().unwrap().iter();
    rows.map(|row| row["messageId"].as_str().unwrap().to_owned()).collect()
}

/// The id of a message's record.
async fn record_of(lex: &Harness, slug: &str, message_id: &str) -> String {
    let reader = platform(slug, &["leads:read"], slug);
    let (_, page) = lex.get(&reader, &of(slug, &format!("messages?messageId={message_id}"))).await;
    page["data"][0]["id"].as_str().unwrap().to_owned()
}

/// The next message comes later, so that the order of ids is theirs.
fn a_second_later(lex: &Harness) {
    lex.service.process.clock.advance(TimeDelta::seconds(1));
}

/// Two parties with three messages between them, and one that was refused.
async fn exchange() -> Harness {
    let lex = Harness::start().await;
    let (portal, dealer) = (organization("PORTAL-001"), organization("DEALER-001"));
    for known in [&portal, &dealer] {
        lex.register(known).await;
    }
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
    a_second_later(&lex);
    let said = json!({
        "acknowledgmentId": "ACK-A-1-0000001", "correlationId": "M-1", "status": "PROCESSED", "timestamp": lex.time(0),
    });
    let ack = lex.message("ACKNOWLEDGMENT", "acknowledgment", &said, "A-1", "DEALER-001", "PORTAL-001");
    lex.accept(&dealer, &ack).await;
    a_second_later(&lex);
    lex.accept(&portal, &lex.asset("M-2", "ASSET-000001", "PORTAL-001")).await;
    a_second_later(&lex);
    let bad = with(lex.lead("M-3", "LEAD-000002", "PORTAL-001", "DEALER-001"), "status", json!("LOST"));
    assert!(!lex.refuse(&portal, &bad).await.is_empty());
    lex
}

#[tokio::test]
async fn messages_are_listed_on_both_sides_and_narrowed_down() {
    let lex = exchange().await;
    for (slug, filter, ids) in [
        ("PORTAL-001", "", vec!["M-3", "M-2", "A-1", "M-1"]),
        ("PORTAL-001", "direction=received", vec!["A-1"]),
        ("PORTAL-001", "direction=SENT&type=lead", vec!["M-3", "M-1"]),
        ("PORTAL-001", "status=rejected", vec!["M-3"]),
        ("PORTAL-001", "acknowledgment=processed", vec!["M-1"]),
        ("PORTAL-001", "partner=DEALER-001", vec!["M-3", "A-1", "M-1"]),
        ("PORTAL-001", "leadId=LEAD-000001", vec!["M-1"]),
        ("PORTAL-001", "messageId=M-2", vec!["M-2"]),
        ("PORTAL-001", "to=2020-01-01T00:00:00Z", vec![]),
        ("PORTAL-001", "from=2020-01-01T00:00:00Z&type=asset", vec!["M-2"]),
        ("PORTAL-001", "direction=sent&status=dlq", vec![]),
        // What was refused never went to anybody.
        ("DEALER-001", "", vec!["A-1", "M-1"]),
        ("DEALER-001", "direction=received&partner=PORTAL-001", vec!["M-1"]),
    ] {
        assert_eq!(listed(&lex, slug, filter).await, ids, "{slug} {filter}");
    }
    let reader = platform("PORTAL-001", &["leads:read"], "PORTAL-001");
    for wrong in ["status=LOST", "direction=up", "type=LETTER", "from=yesterday", "limit=101", "cursor=AAAA"]
    {
        let (status, body) = lex.get(&reader, &of("PORTAL-001", &format!("messages?{wrong}"))).await;
        assert_eq!((status, &body["error"]), (400, &json!("VALIDATION_ERROR")), "{wrong}");
    }
}

#[tokio::test]
async fn pages_join_into_the_whole_in_either_direction() {
    let lex = exchange().await;
    for (slug, filter, count) in [
        ("PORTAL-001", "", 4),
        ("PORTAL-001", "direction=sent", 3),
        ("PORTAL-001", "type=LEAD", 2),
        ("DEALER-001", "", 2),
    ] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        let reader = platform(slug, &["leads:read"], slug);
        loop {
            let path = of(slug, &format!("messages?limit=1&{filter}&cursor={cursor}"));
            let (status, page) = lex.get(&reader, &path).await;
            assert_eq!(status, 200, "{page}");
            found.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].to_string()));
            let Some(next) = page["nextCursor"].as_str() else { break };
            next.clone_into(&mut cursor);
        }
        assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "{found:?}");
        assert_eq!(found.len(), count, "{slug} {filter}");
    }
}

#[tokio::test]
async fn a_message_is_shown_with_its_acknowledgment_its_issues_and_its_lead() {
    let lex = exchange().await;
    let reader = platform("PORTAL-001", &["leads:read"], "PORTAL-001");
    let first = record_of(&lex, "PORTAL-001", "M-1").await;
    let (status, shown) = lex.get(&reader, &of("PORTAL-001", &format!("messages/{first}"))).await;
    assert_eq!((status, &shown["direction"], &shown["status"]), (200, &json!("SENT"), &json!("PROCESSED")));
    assert_eq!(shown["acknowledgment"]["status"], "PROCESSED");
    assert_eq!(shown["message"]["lex"]["payload"]["lead"]["leadId"], "LEAD-000001");
    assert_eq!(
        (&shown["lead"]["status"], &shown["lead"]["openedBy"]),
        (&json!("SHOPPING"), &json!("PORTAL-001"))
    );
    let theirs = platform("DEALER-001", &["leads:read"], "DEALER-001");
    let (status, seen) = lex.get(&theirs, &of("DEALER-001", &format!("messages/{first}"))).await;
    assert_eq!((status, &seen["direction"], &seen["id"]), (200, &json!("RECEIVED"), &shown["id"]));

    let refused = record_of(&lex, "PORTAL-001", "M-3").await;
    let (_, shown) = lex.get(&reader, &of("PORTAL-001", &format!("messages/{refused}"))).await;
    assert_eq!((&shown["status"], &shown["isSuperseded"]), (&json!("REJECTED"), &json!(false)));
    assert!(!codes(&shown["acknowledgment"]["errors"]).is_empty());
    lex.accept(&organization("PORTAL-001"), &lex.lead("M-3", "LEAD-000002", "PORTAL-001", "DEALER-001"))
        .await;
    let (_, shown) = lex.get(&reader, &of("PORTAL-001", &format!("messages/{refused}"))).await;
    assert_eq!(shown["isSuperseded"], true);
    assert_eq!(listed(&lex, "PORTAL-001", "messageId=M-3").await.len(), 2);
}

#[tokio::test]
async fn held_and_dead_messages_say_what_they_wait_for_and_why_they_died() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "NOBODY-001");
    lex.accept(&portal, &with_header(lead, "ttl", json!({"maxAgeSeconds": 60, "onExpiry": "DLQ"}))).await;
    let reader = platform("PORTAL-001", &["leads:read"], "PORTAL-001");
    let path = of("PORTAL-001", &format!("messages/{}", record_of(&lex, "PORTAL-001", "M-1").await));
    let (_, held) = lex.get(&reader, &path).await;
    assert_eq!((&held["awaitsReceiver"], &held["onExpiry"]), (&json!(true), &json!("DLQ")));
    assert_eq!(codes(&held["warnings"]), ["RECEIVER_NOT_REGISTERED"]);

    lex.settle("M-1", |settled| (settled.dead_letter, settled.expired) = (1, 1)).await;
    let dead = eventually("the message is dead", async || {
        let (_, shown) = lex.get(&reader, &path).await;
        (shown["status"] == "DLQ").then_some(shown)
    })
    .await;
    assert_eq!(codes(&dead["acknowledgment"]["errors"]), ["MESSAGE_TTL_EXPIRED"]);
    assert_eq!(listed(&lex, "PORTAL-001", "direction=sent&status=DLQ").await, ["M-1"]);
    assert_eq!(listed(&lex, "PORTAL-001", "direction=sent&status=DLQ&type=ASSET").await, [""; 0]);
}

#[tokio::test]
async fn who_has_no_part_in_a_message_does_not_see_it_and_a_list_that_finds_little_goes_on() {
    let lex = exchange().await;
    let (stranger, first) = (organization("STRANGER-1"), record_of(&lex, "PORTAL-001", "M-1").await);
    lex.register(&stranger).await;
    let theirs = platform("STRANGER-1", &["leads:read"], "STRANGER-1");
    let message = |slug: &str, id: &str| of(slug, &format!("messages/{id}"));
    let foreign = lex.get(&theirs, &message("STRANGER-1", &first)).await;
    assert_eq!(foreign.0, 404);
    let unknown = testkit::unique_id().to_string();
    for nobodys in [unknown.as_str(), "nonsense", "01234567-89ab-4def-8123-456789abcdef"] {
        assert_eq!(lex.get(&theirs, &message("STRANGER-1", nobodys)).await, foreign);
    }
    assert_eq!(lex.get(&theirs, &message("PORTAL-001", &first)).await.0, 404, "not vouched for");
    assert_eq!(listed(&lex, "STRANGER-1", "").await, [""; 0]);
    lex.accept(&organization("PORTAL-001"), &lex.lead("M-9", "LEAD-000009", "PORTAL-001", "BROADCAST")).await;
    assert_eq!(listed(&lex, "STRANGER-1", "").await, ["M-9"], "a broadcast is everybody's");
    for scopes in [&["webhooks:read", "usage:read"][..], &[]] {
        let blind = platform("PORTAL-001", scopes, "PORTAL-001");
        for rest in ["messages", "conformance-reports", &format!("messages/{first}")] {
            assert_eq!(lex.get(&blind, &of("PORTAL-001", rest)).await.0, 403, "{rest}");
        }
    }
    let admin = platform("ops", &["platform:admin"], "PORTAL-001");
    assert_eq!(lex.get(&admin, &message("PORTAL-001", &first)).await.0, 200);

    // More than one page looks at, none of it wanted.
    sqlx::query(
        "insert into messages (id, received_at, organization_id, message_id, status, document, on_expiry, message_type)
         select overlay(id::text placing 'f' || lpad(n::text, 11, '0') from 25)::uuid, received_at, organization_id, n::text,
             'RECEIVED', document, on_expiry, 'LEAD'
         from messages, generate_series(1, 2100) as n where message_id = 'M-2'",
    )
    .execute(&lex.database.pool())
    .await
    .unwrap();
    let reader = platform("PORTAL-001", &["leads:read"], "PORTAL-001");
    let rare = "messages?direction=sent&type=SUBSCRIPTION";
    let (_, page) = lex.get(&reader, &of("PORTAL-001", rare)).await;
    assert_eq!(page["data"], json!([]));
    let cursor = page["nextCursor"].as_str().unwrap();
    let (_, last) = lex.get(&reader, &of("PORTAL-001", &format!("{rare}&cursor={cursor}"))).await;
    assert_eq!((&last["data"], &last["nextCursor"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn the_cases_are_run_under_the_organisations_own_name_and_reports_are_its_own() {
    let lex = Harness::start().await;
    for known in ["DEALER-001", "PORTAL-001"] {
        lex.register(&organization(known)).await;
    }
    let reports = of("DEALER-001", "conformance-reports");
    let writer = platform("DEALER-001", &["leads:write"], "DEALER-001");
    let (status, report) = lex.post(&writer, &reports, &json!({"targetLevel": 1})).await;
    assert_eq!(
        (status, &report["result"], &report["organizationId"]),
        (201, &json!("PASS"), &json!("DEALER-001"))
    );
    let token = report["certificationToken"].as_str().unwrap();
    let key = decode_key(SIGNING_KEY).unwrap();
    assert_eq!(certificate::verify(&key, token, lex.service.process.clock.now()).unwrap().level, 1);
    a_second_later(&lex);
    let alias = json!({"targetLevel": 2, "organizationId": "DEALER-001-EAST", "includeTestCases": ["none"]});
    assert_eq!(lex.post(&writer, &reports, &alias).await.0, 201);
    for (body, path) in [
        (json!({"targetLevel": 1, "organizationId": "PORTAL-001"}), "organizationId"),
        (json!({"targetLevel": 4}), "targetLevel"),
        (json!({}), "targetLevel"),
    ] {
        let (status, refused) = lex.post(&writer, &reports, &body).await;
        assert_eq!((status, &refused["details"]["fields"][0]["path"]), (400, &json!(path)), "{body}");
    }
    let nameless = platform("nameless", &["leads:write"], "nameless");
    let (status, _) =
        lex.post(&nameless, &of("nameless", "conformance-reports"), &json!({"targetLevel": 1})).await;
    assert_eq!(status, 409);
    let reader = platform("DEALER-001", &["leads:read"], "DEALER-001");
    assert_eq!(lex.post(&reader, &reports, &json!({"targetLevel": 1})).await.0, 403);

    let (_, page) = lex.get(&reader, &format!("{reports}?limit=1")).await;
    assert!(page["data"][0].get("testResults").is_none());
    let cursor = page["nextCursor"].as_str().unwrap();
    let (_, next) = lex.get(&reader, &format!("{reports}?limit=1&cursor={cursor}")).await;
    assert_eq!((&next["data"][0]["sessionId"], &next["nextCursor"]), (&report["sessionId"], &Value::Null));
    let (_, passed) = lex.get(&reader, &format!("{reports}?result=pass&level=1")).await;
    assert_eq!(passed["data"].as_array().unwrap().len(), 1);
    let session = format!("conformance-reports/{}", report["sessionId"].as_str().unwrap());
    assert_eq!(lex.get(&reader, &of("DEALER-001", &session)).await, (200, report));
    let foreign = platform("PORTAL-001", &["leads:read"], "PORTAL-001");
    assert_eq!(lex.get(&foreign, &of("PORTAL-001", &session)).await.0, 404);
    assert_eq!(lex.get(&foreign, &of("PORTAL-001", "conformance-reports")).await.1["data"], json!([]));
}
