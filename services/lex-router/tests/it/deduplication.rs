//! The same customer through several doors.

use crate::harness::{Harness, organization, with};
use chrono::TimeDelta;
use contracts::lex::LexEvent;
use futures_util::future::join_all;
use serde_json::{Value, json};

fn printed(lex: &Harness, message: &str, lead: &str, sender: &str, receiver: &str) -> Value {
    let block = json!({"customerFingerprint": "a".repeat(64), "deduplicationWindowHours": 24});
    with(lex.lead(message, lead, sender, receiver), "deduplication", block)
}

#[tokio::test]
async fn a_second_lead_of_a_customer_is_accepted_and_its_sender_told_once() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    lex.accept(&portal, &printed(&lex, "M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM")).await;
    let second = printed(&lex, "M-2", "LEAD-000002", "PORTAL-001", "LEX-PLATFORM");
    assert_eq!(lex.accept(&portal, &second).await["warnings"], json!([]));
    assert_eq!(lex.record(&portal, "M-1").await["deduplication"], json!({"status": "UNIQUE"}));
    let record = lex.record(&portal, "M-2").await;
    let expected = json!({"status": "DUPLICATE", "duplicateOfLeadId": "LEAD-000001"});
    assert_eq!((&record["deduplication"], &record["message"]), (&expected, &second));
    // An update of it is no new lead.
    lex.accept(&portal, &printed(&lex, "M-3", "LEAD-000002", "PORTAL-001", "LEX-PLATFORM")).await;
    assert_eq!(lex.record(&portal, "M-3").await.get("deduplication"), None);
    let events = lex.announced(4).await;
    let told: Vec<_> = events.iter().filter(|event| event.data.events == [LexEvent::LeadClosed]).collect();
    assert_eq!(told.len(), 1);
    let closure: Value = serde_json::from_str(told[0].data.message.get()).unwrap();
    assert_eq!(closure["lex"]["header"]["receiverId"], "PORTAL-001");
    let closure = &closure["lex"]["payload"]["leadClosure"];
    assert_eq!(
        (&closure["originalLeadId"], &closure["closureStatus"]),
        (&json!("LEAD-000002"), &json!("DUPLICATE"))
    );
    assert!(closure["relatedLeads"].to_string().contains("LEAD-000001"));
    let participants = &told[0].data.participants;
    assert_eq!((participants.len(), participants[0].organization_id), (1, portal.organization.id));
}

#[tokio::test]
async fn a_customer_who_came_back_and_one_of_another_receiver_are_new() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let dealer = organization("DEALER-001");
    lex.register(&dealer).await;
    let status = async |message: &str| lex.record(&portal, message).await["deduplication"]["status"].clone();
    lex.accept(&portal, &printed(&lex, "M-1", "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
    lex.accept(&portal, &printed(&lex, "M-2", "LEAD-000002", "PORTAL-001", "LEX-PLATFORM")).await;
    assert_eq!(status("M-2").await, "UNIQUE");
    let end =
        with(printed(&lex, "M-3", "LEAD-000001", "PORTAL-001", "DEALER-001"), "status", json!("ARCHIVED"));
    lex.accept(&portal, &end).await;
    lex.accept(&portal, &printed(&lex, "M-4", "LEAD-000003", "PORTAL-001", "DEALER-001")).await;
    assert_eq!(status("M-4").await, "UNIQUE");
    lex.service.process.clock.advance(TimeDelta::hours(25));
    lex.accept(&portal, &printed(&lex, "M-5", "LEAD-000004", "PORTAL-001", "DEALER-001")).await;
    assert_eq!(status("M-5").await, "UNIQUE");
    // A lead of another portal to the same dealer.
    let other = organization("PORTAL-002");
    lex.accept(&other, &printed(&lex, "M-6", "LEAD-000005", "PORTAL-002", "DEALER-001")).await;
    let judged = &lex.record(&other, "M-6").await["deduplication"];
    assert_eq!(judged, &json!({"status": "DUPLICATE", "duplicateOfLeadId": "LEAD-000004"}));
}

#[tokio::test]
async fn of_many_at_once_one_is_unique() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let messages: Vec<_> = (0..20)
        .map(|number| {
            printed(&lex, &format!("M-{number}"), &format!("LEAD-00{number}"), "PORTAL-001", "LEX-PLATFORM")
        })
        .collect();
    join_all(messages.iter().map(|message| lex.accept(&portal, message))).await;
    let count = lex.count("select count(*) from messages where duplicate_status = 'UNIQUE'").await;
    assert_eq!(count, 1);
}
