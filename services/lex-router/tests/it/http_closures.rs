//! Closing leads, by the short form and by messages.

use crate::harness::{Harness, codes, organization};
use contracts::lex::LexEvent;
use serde_json::{Value, json};

#[tokio::test]
async fn either_side_closes_a_lead_and_the_other_hears_of_it() {
    let lex = Harness::start().await;
    let (portal, dealer, stranger) =
        (organization("PORTAL-001"), organization("DEALER-001"), organization("STRANGER-1"));
    for known in [&portal, &dealer, &stranger] {
        lex.register(known).await;
    }
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
    let path = "/v1/leads/LEAD-000001/closure";
    let won = json!({
        "closureStatus": "WON", "closureDate": lex.time(0), "closureReason": "CUSTOMER_PURCHASED_ASSET",
        "dealAmount": 48500.00, "currency": "USD", "actualDeliveryDate": "2026-03-25",
    });
    let (status, body) = lex.post(&stranger, path, &won).await;
    assert_eq!((status, &body["error"]), (404, &json!("NOT_FOUND")));
    assert_eq!(lex.post(&portal, "/v1/leads/LEAD-000002/closure", &won).await.0, 404);
    let (status, body) = lex.post(&dealer, path, &won).await;
    assert_eq!((status, &body["valid"]), (200, &json!(true)), "{body}");
    let id = body["messageId"].as_str().unwrap();
    let record = lex.record(&portal, id).await;
    let header = &record["message"]["lex"]["header"];
    assert_eq!((&header["senderId"], &header["receiverId"]), (&json!("DEALER-001"), &json!("PORTAL-001")));
    let closure = &record["message"]["lex"]["payload"]["leadClosure"];
    assert_eq!(closure["originalLeadId"], "LEAD-000001");
    assert_eq!(closure["closureDetail"]["dealAmount"], json!(48500.0));
    assert_eq!(
        (&record["status"], lex.acknowledged(&dealer, id).await),
        (&json!("PROCESSED"), json!("PROCESSED"))
    );
    assert_eq!(
        lex.count("select count(*) from leads where status = 'SHOPPING' and closure = 'WON'").await,
        1
    );
    // What was won is cancelled afterwards, by the other side.
    let cancelled = json!({"closureStatus": "CANCELLED", "closureDate": lex.time(0)});
    assert_eq!(lex.post(&portal, path, &cancelled).await.0, 200);
    assert_eq!(lex.count("select count(*) from leads where status = 'ARCHIVED'").await, 1);
    let again = lex.lead("M-2", "LEAD-000001", "PORTAL-001", "DEALER-001");
    assert_eq!(lex.refuse(&portal, &again).await, ["INVALID_STATUS_TRANSITION"]);
    let events = lex.announced(4).await;
    let closed: Vec<_> =
        events.iter().filter(|event| event.data.events.contains(&LexEvent::LeadClosed)).collect();
    assert_eq!(closed.len(), 2);
    assert_eq!(closed[0].data.facts.product_type.as_deref(), Some("VEHICLE"));
    assert_eq!(closed[0].data.facts.lead_status.as_deref(), Some("SHOPPING"));
    let receiver = closed[0].data.participants.iter().find(|participant| participant.is_receiver).unwrap();
    assert_eq!(receiver.organization_id, portal.organization.id);
}

#[tokio::test]
async fn a_closure_that_is_wrong_names_every_field() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM")).await;
    let path = "/v1/leads/LEAD-000001/closure";
    let (status, body) = lex.post(&portal, path, &json!({"closureStatus": "GONE", "dealAmount": -1})).await;
    assert_eq!((status, &body["valid"], &body["messageId"]), (400, &json!(false), &json!("")));
    assert!(codes(&body["errors"]).len() >= 3, "{body}");
    for body in [json!([]), json!(null), json!("WON")] {
        assert_eq!(lex.post(&portal, path, &body).await.0, 400, "{body}");
    }
    assert_eq!(lex.count("select count(*) from messages").await, 1);
}

#[tokio::test]
async fn a_closure_of_a_lead_that_was_never_seen_is_passed_on() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let closure = json!({
        "originalLeadId": "LEAD-UNKNOWN", "closureStatus": "WON", "leadCreatedDate": lex.time(-600),
        "leadClosureDate": lex.time(-60),
    });
    let message = lex.message("LEAD_CLOSURE", "leadClosure", &closure, "M-1", "PORTAL-001", "LEX-PLATFORM");
    assert_eq!(lex.accept(&portal, &message).await["warnings"], Value::Array(Vec::new()));
    assert_eq!(lex.acknowledged(&portal, "M-1").await, "PROCESSED");
    assert_eq!(lex.count("select count(*) from leads").await, 0);
}

#[tokio::test]
async fn a_stranger_closes_no_lead_of_the_exchange_either() {
    let lex = Harness::start().await;
    let (portal, stranger) = (organization("PORTAL-001"), organization("STRANGER-1"));
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM")).await;
    let lost = json!({"closureStatus": "LOST", "closureDate": lex.time(0)});
    assert_eq!(lex.post(&stranger, "/v1/leads/LEAD-000001/closure", &lost).await.0, 404);
    let closure = json!({
        "originalLeadId": "LEAD-000001", "closureStatus": "LOST", "leadCreatedDate": lex.time(-600),
        "leadClosureDate": lex.time(-60),
    });
    let message = lex.message("LEAD_CLOSURE", "leadClosure", &closure, "M-1", "STRANGER-1", "LEX-PLATFORM");
    lex.accept(&stranger, &message).await;
    assert_eq!(
        lex.count("select count(*) from leads where status = 'SHOPPING' and closure is null").await,
        1
    );
    lex.accept(&portal, &lex.lead("M-2", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM")).await;
}
