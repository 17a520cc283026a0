//! What receivers say of messages.

use crate::harness::{Harness, organization};
use serde_json::{Value, json};

fn acknowledgment(lex: &Harness, id: &str, of: &str, status: &str, sender: &str) -> Value {
    let body = json!({
        "acknowledgmentId": format!("ACK-{id}-0000001"), "correlationId": of, "status": status,
        "timestamp": lex.time(0), "statusReason": "as they say",
    });
    lex.message("ACKNOWLEDGMENT", "acknowledgment", &body, id, sender, "PORTAL-001")
}

#[tokio::test]
async fn a_receiver_acknowledges_and_nobody_else_does() {
    let lex = Harness::start().await;
    let (portal, dealer, stranger) =
        (organization("PORTAL-001"), organization("DEALER-001"), organization("STRANGER-1"));
    lex.register(&portal).await;
    lex.register(&dealer).await;
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
    lex.accept(&stranger, &acknowledgment(&lex, "A-0", "M-1", "REJECTED", "STRANGER-1")).await;
    assert_eq!(lex.acknowledged(&portal, "M-1").await, "RECEIVED");
    lex.accept(&dealer, &acknowledgment(&lex, "A-1", "M-1", "VALIDATED", "DEALER-001")).await;
    assert_eq!(lex.acknowledged(&portal, "M-1").await, "RECEIVED");
    lex.accept(&dealer, &acknowledgment(&lex, "A-2", "M-1", "PROCESSED", "DEALER-001")).await;
    assert_eq!(lex.acknowledged(&portal, "M-1").await, "PROCESSED");
    assert_eq!(lex.record(&portal, "M-1").await["status"], "PROCESSED");
    lex.accept(&dealer, &acknowledgment(&lex, "A-3", "M-1", "FAILED", "DEALER-001")).await;
    let (_, ack) = lex.get(&portal, "/v1/messages/M-1/ack").await;
    assert_eq!((&ack["status"], &ack["errors"][0]["message"]), (&json!("ERROR"), &json!("as they say")));
    // Both sides read it; an acknowledgment is never acknowledged itself.
    assert_eq!(lex.get(&dealer, "/v1/messages/M-1/ack").await.1, ack);
    assert_eq!(lex.record(&portal, "A-2").await["messageType"], "ACKNOWLEDGMENT");
    assert_eq!(lex.get(&dealer, "/v1/messages/A-2/acknowledgment").await.0, 404);
}

#[tokio::test]
async fn a_receiver_that_was_registered_later_acknowledges_too() {
    let lex = Harness::start().await;
    let (portal, dealer) = (organization("PORTAL-001"), organization("DEALER-001"));
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
    lex.accept(&dealer, &acknowledgment(&lex, "A-1", "M-1", "REJECTED", "DEALER-001")).await;
    assert_eq!(lex.acknowledged(&portal, "M-1").await, "REJECTED");
}
