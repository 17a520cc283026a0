//! `lex-router.outcomes`: what became of deliveries.

use crate::harness::{Harness, codes, organization, with_header};
use chrono::TimeDelta;
use contracts::identity::Principal;
use contracts::lex::LexEvent;
use serde_json::{Value, json};
use testkit::eventually;

async fn becomes(lex: &Harness, caller: &Principal, id: &str, status: &str) {
    eventually(status, async || (lex.record(caller, id).await["status"] == status).then_some(())).await;
}

async fn sent(lex: &Harness, caller: &Principal, id: &str, on_expiry: &str) {
    let lead = lex.lead(id, &format!("LEAD-00000{id}"), "PORTAL-001", "DEALER-001");
    let ttl = json!({"maxAgeSeconds": 60, "onExpiry": on_expiry});
    lex.accept(caller, &with_header(lead, "ttl", ttl)).await;
}

#[tokio::test]
async fn a_message_that_somebody_got_is_delivered() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    sent(&lex, &portal, "M-1", "DLQ").await;
    lex.settle("M-1", |settled| (settled.delivered, settled.dead_letter) = (1, 1)).await;
    becomes(&lex, &portal, "M-1", "DELIVERED").await;
    assert_eq!(lex.acknowledged(&portal, "M-1").await, "RECEIVED");
    lex.announced(1).await;
}

#[tokio::test]
async fn a_message_that_nobody_took_is_dead_and_its_sender_told() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    sent(&lex, &portal, "M-1", "DLQ").await;
    lex.settle("M-1", |settled| settled.dead_letter = 1).await;
    becomes(&lex, &portal, "M-1", "DLQ").await;
    let (_, ack) = lex.get(&portal, "/v1/messages/M-1/ack").await;
    assert_eq!(
        (&ack["status"], codes(&ack["errors"])),
        (&json!("ERROR"), vec!["DELIVERY_FAILED".to_owned()])
    );
    let (_, dead) = lex.get(&portal, "/v1/messages?status=DLQ").await;
    assert_eq!(dead["messages"][0]["messageId"], "M-1");
    let told = lex.announced(2).await.pop().unwrap();
    assert_eq!((told.data.events, told.trackdelivery), (vec![LexEvent::MessageFailed], false));
    assert_eq!(told.data.participants[0].organization_id, portal.organization.id);
    // Said again, nothing happens again.
    lex.settle("M-1", |settled| settled.dead_letter = 1).await;
    sent(&lex, &portal, "M-2", "DLQ").await;
    lex.settle("M-2", |settled| settled.delivered = 1).await;
    becomes(&lex, &portal, "M-2", "DELIVERED").await;
    lex.announced(3).await;
    // It was accepted all the same: a repetition has no second effect.
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001");
    assert_eq!(lex.accept(&portal, &lead).await["idempotent"], json!(true));
}

#[tokio::test]
async fn a_message_whose_time_ran_out_goes_where_its_sender_wanted() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    for id in ["M-1", "M-2", "M-3", "M-4"] {
        let on_expiry = ["DLQ", "RETURN", "DISCARD", "DISCARD"][usize::from(id.as_bytes()[2] - b'1')];
        sent(&lex, &portal, id, on_expiry).await;
    }
    // A subscription that went before the time was over is no reason to drop anything.
    lex.settle("M-4", |settled| settled.cancelled = 1).await;
    // What is told after it is noted after it.
    sent(&lex, &portal, "M-5", "DLQ").await;
    lex.settle("M-5", |settled| settled.delivered = 1).await;
    becomes(&lex, &portal, "M-5", "DELIVERED").await;
    lex.service.process.clock.advance(TimeDelta::minutes(2));
    for id in ["M-1", "M-2"] {
        lex.settle(id, |settled| (settled.dead_letter, settled.expired) = (1, 1)).await;
    }
    lex.settle("M-3", |settled| settled.cancelled = 1).await;
    becomes(&lex, &portal, "M-1", "DLQ").await;
    becomes(&lex, &portal, "M-2", "REJECTED").await;
    for id in ["M-1", "M-2"] {
        let (_, ack): (u16, Value) = lex.get(&portal, &format!("/v1/messages/{id}/ack")).await;
        assert_eq!(
            (&ack["status"], codes(&ack["errors"])),
            (&json!("REJECTED"), vec!["MESSAGE_TTL_EXPIRED".to_owned()])
        );
    }
    eventually("nothing to read", async || {
        (lex.get(&portal, "/v1/messages/M-3").await.0 == 404).then_some(())
    })
    .await;
    assert_eq!(lex.record(&portal, "M-4").await["status"], "RECEIVED");
}
