//! The life cycle of leads, and who may go on with one.

use crate::harness::{Harness, MESSAGES, at_level, organization, with};
use contracts::identity::LexLevel;
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test]
async fn a_lead_moves_as_the_standard_allows_and_a_refused_move_changes_nothing() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    for (id, status, allowed) in [
        ("M-1", "SHOPPING", true),
        ("M-2", "ORDER", true),
        ("M-3", "IN_NEGOTIATION", false),
        ("M-4", "DELIVERED", true),
        ("M-5", "IN_NEGOTIATION", false),
        ("M-6", "ARCHIVED", true),
        ("M-7", "SHOPPING", false),
    ] {
        let lead = lex.lead(id, "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
        let lead = with(lead, "status", json!(status));
        if allowed {
            lex.accept(&portal, &lead).await;
        } else {
            let (code, body) = lex.post(&portal, MESSAGES, &lead).await;
            let issue = &body["errors"][0];
            assert_eq!((code, &issue["code"]), (400, &json!("INVALID_STATUS_TRANSITION")), "{status}");
            assert_eq!(
                (&issue["field"], &issue["toStatus"]),
                (&json!("payload.lead.status"), &json!(status))
            );
        }
    }
    assert_eq!(lex.count("select count(*) from leads where status = 'ARCHIVED'").await, 1);
}

#[tokio::test]
async fn of_moves_at_once_that_exclude_each_other_some_order_holds() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = |id: &str, status: &str| {
        with(lex.lead(id, "LEAD-000001", "PORTAL-001", "LEX-PLATFORM"), "status", json!(status))
    };
    lex.accept(&portal, &lead("M-0", "EXPRESSED_INTEREST")).await;
    // Back to shopping and on to an order: after the order nothing goes back.
    let messages: Vec<_> = (0..30)
        .map(|number| lead(&format!("N-{number}"), if number % 2 == 0 { "SHOPPING" } else { "ORDER" }))
        .collect();
    let answers = join_all(messages.iter().map(|message| lex.post(&portal, MESSAGES, message))).await;
    let accepted =
        |parity: usize| answers.iter().skip(parity).step_by(2).filter(|(status, _)| *status == 200).count();
    assert_eq!(accepted(1), 15, "an order may follow all of them");
    assert!(answers.iter().all(|(status, _)| [200, 400].contains(status)));
    assert_eq!(lex.count("select count(*) from leads where status = 'ORDER'").await, 1);
    assert_eq!(lex.count("select count(*) from leads").await, 1);
}

#[tokio::test]
async fn many_first_messages_at_once_open_one_lead() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let messages: Vec<_> = (0..30)
        .map(|number| lex.lead(&format!("M-{number}"), "LEAD-000001", "PORTAL-001", "LEX-PLATFORM"))
        .collect();
    let answers = join_all(messages.iter().map(|message| lex.post(&portal, MESSAGES, message))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    assert_eq!(lex.count("select count(*) from leads").await, 1);
    let events = lex.announced(30).await;
    let created = events.iter().filter(|event| format!("{:?}", event.data.events).contains("LeadCreated"));
    assert_eq!(created.count(), 1);
}

#[tokio::test]
async fn the_other_side_goes_on_with_a_lead_and_for_strangers_its_id_means_nothing() {
    let lex = Harness::start().await;
    let (portal, dealer, stranger) =
        (organization("PORTAL-001"), organization("DEALER-001"), organization("STRANGER-1"));
    for known in [&portal, &dealer, &stranger] {
        lex.register(known).await;
    }
    let moved = |id: &str, status: &str, sender: &str, receiver: &str| {
        with(lex.lead(id, "LEAD-000001", sender, receiver), "status", json!(status))
    };
    lex.accept(&portal, &moved("M-1", "ORDER", "PORTAL-001", "DEALER-001")).await;
    // A stranger's own lead of that id: neither stopped by the other's status nor touching it.
    lex.accept(&stranger, &moved("M-1", "SHOPPING", "STRANGER-1", "LEX-PLATFORM")).await;
    let back = moved("M-2", "SHOPPING", "DEALER-001", "PORTAL-001");
    assert_eq!(lex.refuse(&dealer, &back).await, ["INVALID_STATUS_TRANSITION"]);
    lex.accept(&dealer, &moved("M-3", "DELIVERED", "DEALER-001", "PORTAL-001")).await;
    assert_eq!(lex.count("select count(*) from leads where status = 'DELIVERED'").await, 1);
    assert_eq!(lex.count("select count(*) from leads where status = 'SHOPPING'").await, 1);
}

#[tokio::test]
async fn anybody_goes_on_with_a_lead_of_the_exchange_and_hears_of_it_from_then_on() {
    let lex = Harness::start().await;
    let (portal, dealer) = (organization("PORTAL-001"), organization("DEALER-001"));
    lex.register(&portal).await;
    lex.register(&dealer).await;
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM")).await;
    lex.accept(&dealer, &lex.lead("M-2", "LEAD-000001", "DEALER-001", "LEX-PLATFORM")).await;
    lex.accept(&portal, &lex.lead("M-3", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM")).await;
    assert_eq!(lex.count("select count(*) from leads").await, 1);
    let events = lex.announced(3).await;
    let parties: Vec<usize> = events.iter().map(|event| event.data.participants.len()).collect();
    assert_eq!(parties, [1, 2, 2]);
    assert_eq!(lex.record(&dealer, "M-3").await["senderId"], "PORTAL-001");
}

#[tokio::test]
async fn whoever_is_registered_later_takes_part_in_what_was_sent_before() {
    let lex = Harness::start().await;
    let (portal, dealer) = (organization("PORTAL-001"), organization("DEALER-001"));
    let first = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001");
    let first = with(first, "status", json!("ORDER"));
    assert_eq!(lex.accept(&portal, &first).await["warnings"][0]["code"], "RECEIVER_NOT_REGISTERED");
    lex.register(&dealer).await;
    assert_eq!(lex.record(&dealer, "M-1").await["senderId"], "PORTAL-001");
    let back =
        with(lex.lead("M-2", "LEAD-000001", "DEALER-001", "LEX-PLATFORM"), "status", json!("SHOPPING"));
    assert_eq!(lex.refuse(&dealer, &back).await, ["INVALID_STATUS_TRANSITION"]);
}

#[tokio::test]
async fn organisations_of_two_levels_are_judged_each_by_its_own_on_one_server() {
    let lex = Harness::start().await;
    let send = async |level, id: &str| {
        let caller = at_level(id, level);
        let lead = lex.lead("M-1", &format!("LEAD-{id}"), id, "LEX-PLATFORM");
        lex.post(&caller, MESSAGES, &lead).await
    };
    assert_eq!(send(LexLevel::L1, "PORTAL-001").await.0, 200);
    assert_eq!(send(LexLevel::L2, "PORTAL-002").await.0, 200);
    let (status, body) = send(LexLevel::L3, "PORTAL-003").await;
    let issue = &body["errors"][0];
    assert_eq!(
        (status, &issue["code"], &issue["field"]),
        (400, &json!("CONSENT_RECORD_REQUIRED"), &json!("payload.lead.consentRecord"))
    );
}
