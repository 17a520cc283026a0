//! The standard's cases: over HTTP one by one, and as a run with a report.

use crate::harness::{Harness, MESSAGES, SIGNING_KEY, at_level, organization};
use contracts::identity::LexLevel;
use lex::conformance::cases;
use lex::{Level, certificate};
use platform::secrets::decode_key;
use serde_json::{Value, json};

const RUN: &str = "/v1/conformance/run";

#[tokio::test]
async fn every_case_of_the_standard_is_answered_as_it_says_over_http() {
    let lex = Harness::start().await;
    let now = lex.service.process.clock.now();
    for case in cases() {
        let level = match case.level() {
            Level::L1 => LexLevel::L1,
            Level::L2 => LexLevel::L2,
            Level::L3 => LexLevel::L3,
        };
        let mut answers = Vec::new();
        for message in case.submissions(now) {
            // Cases share senders and ids: each has an organisation of its own.
            let caller = {
                let mut caller = at_level(&case.id, level);
                if let contracts::identity::SurfaceFacts::Lex(facts) = &mut caller.facts {
                    facts.organization_id = message.header_text("senderId").map(str::to_owned);
                }
                caller
            };
            let (status, body) = lex.post(&caller, MESSAGES, message.document()).await;
            assert_eq!(status == 200, body["valid"] == true, "{}: {body}", case.id);
            let id = message.header_text("messageId").unwrap();
            let (_, ack) = lex.get(&caller, &format!("{MESSAGES}/{id}/acknowledgment")).await;
            let (_, record) = lex.get(&caller, &format!("{MESSAGES}/{id}")).await;
            let issues = |name: &str| -> Vec<lex::Issue> {
                serde_json::from_value(body[name].clone()).unwrap_or_default()
            };
            let mut warnings = issues("warnings");
            warnings.retain(|warning| warning.code != "RECEIVER_NOT_REGISTERED");
            answers.push(lex::conformance::Answer {
                verdict: lex::Verdict { errors: issues("errors"), warnings },
                acknowledgment: ack["status"].as_str().and_then(lex::acknowledgment::Status::of_message),
                idempotent: body["idempotent"] == true,
                dead_letter: record["status"] == "DLQ",
            });
        }
        let result = case.judge(&answers);
        assert_eq!(result.status.as_str(), "PASS", "{result:?}");
    }
}

#[tokio::test]
async fn a_run_passes_at_every_level_and_leaves_nothing_behind() {
    let lex = Harness::start().await;
    let dealer = organization("DEALER-ABC-MAIN");
    for (level, count) in [(1, 5), (2, 11), (3, 20)] {
        let body = json!({"organizationId": "DEALER-ABC-MAIN", "targetLevel": level, "contactEmail": "a@example.com"});
        let (status, report) = lex.post(&dealer, RUN, &body).await;
        assert_eq!(status, 200, "{report}");
        assert_eq!((&report["result"], &report["failCount"]), (&json!("PASS"), &json!(0)), "{report}");
        assert_eq!(
            (&report["organizationId"], &report["targetLevel"]),
            (&json!("DEALER-ABC-MAIN"), &json!(level))
        );
        let results = report["testResults"].as_array().unwrap();
        assert_eq!((results.len(), report["passCount"].as_u64()), (count, Some(count as u64)));
        assert!(results.iter().all(|result| result["status"] == "PASS" && result["errors"] == json!([])));
        let token = report["certificationToken"].as_str().unwrap();
        let key = decode_key(SIGNING_KEY).unwrap();
        let certificate = certificate::verify(&key, token, lex.service.process.clock.now()).unwrap();
        assert_eq!((certificate.level, certificate.organization.as_str()), (level, "DEALER-ABC-MAIN"));
        let session = report["sessionId"].as_str().unwrap();
        let path = format!("/v1/conformance/report/{session}");
        assert_eq!(lex.get(&dealer, &path).await, (200, report.clone()));
        assert_eq!(lex.get(&organization("DEALER-2"), &path).await.0, 404);
    }
    for table in [
        "select count(*) from messages",
        "select count(*) from message_names",
        "select count(*) from leads",
        "select count(*) from assets",
        "select count(*) from outbox",
    ] {
        assert_eq!(lex.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_part_of_the_cases_is_a_partial_run_without_a_certificate() {
    let lex = Harness::start().await;
    let dealer = organization("DEALER-1");
    let wanted = ["TC-001", "TC-016", "TC-011", "TC-999"];
    let body = json!({"organizationId": "DEALER-1", "targetLevel": 2, "includeTestCases": wanted});
    let (status, report) = lex.post(&dealer, RUN, &body).await;
    assert_eq!((status, &report["result"]), (200, &json!("PARTIAL")), "{report}");
    assert_eq!(report.get("certificationToken"), None);
    let results = report["testResults"].as_array().unwrap();
    let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["PASS", "PASS", "SKIP", "SKIP"]);
    assert_eq!(results[3]["errors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_is_for_ones_own_organisation_and_a_level_that_there_is() {
    let lex = Harness::start().await;
    let dealer = organization("DEALER-1");
    let (status, body) =
        lex.post(&dealer, RUN, &json!({"organizationId": "DEALER-2", "targetLevel": 1})).await;
    assert_eq!((status, &body["error"]), (403, &json!("FORBIDDEN")));
    for body in [
        json!({"organizationId": "DEALER-1", "targetLevel": 4}),
        json!({"organizationId": "DEALER-1"}),
        json!({"targetLevel": 1}),
        json!({"organizationId": "DEALER-1", "targetLevel": 1, "includeTestCases": "TC-001"}),
        json!([]),
    ] {
        let (status, answer) = lex.post(&dealer, RUN, &body).await;
        assert_eq!((status, &answer["error"]), (400, &json!("BAD_REQUEST")), "{body}");
    }
    assert_eq!(lex.get(&dealer, "/v1/conformance/report/CONF-2026-0001").await.0, 404);
}
