//! Whose messages are whose.

use crate::harness::{BATCH, Harness, MESSAGES, organization, with_facts};
use contracts::identity::SurfaceFacts;
use serde_json::json;

#[tokio::test]
async fn nobody_sends_under_anothers_name() {
    let lex = Harness::start().await;
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let mut nameless = organization("PORTAL-001");
    nameless.facts = SurfaceFacts::None;
    for caller in
        [organization("PORTAL-002"), with_facts("PORTAL-001", |facts| facts.organization_id = None), nameless]
    {
        for path in [MESSAGES, "/v1/leads"] {
            let (status, body) = lex.post(&caller, path, &lead).await;
            assert_eq!((status, &body["error"]), (403, &json!("FORBIDDEN")));
        }
        let (status, body) = lex.post(&caller, BATCH, &json!({"messages": [lead]})).await;
        assert_eq!((status, &body["results"][0]["errors"][0]["code"]), (200, &json!("SENDER_MISMATCH")));
    }
    assert_eq!(lex.count("select count(*) from messages").await, 0);
    let alias = lex.lead("M-1", "LEAD-000001", "PORTAL-001-EAST", "LEX-PLATFORM");
    lex.accept(&organization("PORTAL-001"), &alias).await;
}

#[tokio::test]
async fn a_message_is_there_for_its_sender_and_its_receiver_alone() {
    let lex = Harness::start().await;
    let (portal, dealer, stranger) =
        (organization("PORTAL-001"), organization("DEALER-001"), organization("STRANGER-1"));
    for known in [&portal, &dealer, &stranger] {
        lex.register(known).await;
    }
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
    for path in ["/v1/messages/M-1", "/v1/messages/M-1/ack"] {
        assert_eq!(lex.get(&portal, path).await.0, 200);
        assert_eq!(lex.get(&dealer, path).await.0, 200);
        assert_eq!(lex.get(&stranger, path).await.0, 404);
    }
    // One's own message of an id comes before one that was received under it.
    lex.accept(&dealer, &lex.lead("M-1", "LEAD-000002", "DEALER-001", "LEX-PLATFORM")).await;
    assert_eq!(lex.record(&dealer, "M-1").await["senderId"], "DEALER-001");
    // What was refused never went to anybody.
    let bad =
        crate::harness::with(lex.lead("M-2", "LEAD-000003", "PORTAL-001", "DEALER-001"), "status", json!(7));
    lex.refuse(&portal, &bad).await;
    assert_eq!(lex.get(&dealer, "/v1/messages/M-2").await.0, 404);
    lex.accept(&portal, &lex.lead("M-3", "LEAD-000004", "PORTAL-001", "BROADCAST")).await;
    assert_eq!(lex.get(&stranger, "/v1/messages/M-3").await.0, 200);
}

#[tokio::test]
async fn who_takes_over_a_name_does_not_read_what_was_sent_to_its_former_bearer() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    lex.register(&organization("DEALER-001")).await;
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
    let heir = with_facts("HEIR-0001", |facts| facts.aliases = vec!["DEALER-001".to_owned()]);
    assert_eq!(lex.get(&heir, "/v1/messages/M-1").await.0, 404);
    let path = "/v1/leads/LEAD-000001/closure";
    let lost = json!({"closureStatus": "LOST", "closureDate": lex.time(0)});
    assert_eq!(lex.post(&heir, path, &lost).await.0, 404);
}
