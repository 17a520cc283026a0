//! `POST /internal/erase`.

use crate::harness::{Harness, organization, with};
use contracts::identity::{Caller, IDENTITY_HEADER};
use contracts::internal::ERASE;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;

async fn erase(lex: &Harness, wish: &Value) -> (u16, Value) {
    let gateway = Caller::Service { name: "gateway".to_owned() };
    let token = callers::token(lex_router::SERVICE, &lex.service.process.clock, gateway);
    testkit::answer(lex.service.bare(Method::POST, ERASE).header(IDENTITY_HEADER, token).json(wish)).await
}

#[tokio::test]
async fn a_person_is_taken_out_and_others_stay() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let printed = json!({"customerFingerprint": "a".repeat(64)});
    let ada = with(lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM"), "deduplication", printed);
    lex.accept(&portal, &ada).await;
    let update = with(
        lex.lead("M-2", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM"),
        "customer",
        json!({
            "firstName": "A.", "emailAddress": "other@example.com",
        }),
    );
    lex.accept(&portal, &update).await;
    let eva = json!({"firstName": "Eva", "emailAddress": "eva@example.com"});
    let eva = with(lex.lead("M-3", "LEAD-000002", "PORTAL-001", "LEX-PLATFORM"), "customer", eva);
    lex.accept(&portal, &eva).await;
    // Another organisation's lead of the same person is that organisation's affair.
    lex.accept(&organization("PORTAL-002"), &lex.lead("M-1", "LEAD-000003", "PORTAL-002", "LEX-PLATFORM"))
        .await;
    let wish = json!({"organization_id": portal.organization.id, "email": "ADA@example.com", "phone": null});
    let (status, erased) = erase(&lex, &wish).await;
    assert_eq!(status, 200);
    assert!(erased["records"].as_u64().unwrap() >= 3, "two messages and a lead: {erased}");
    let record = lex.record(&portal, "M-1").await;
    let left = &record["message"]["lex"]["payload"]["lead"];
    assert_eq!(left, &json!({"leadId": "LEAD-000001", "status": "SHOPPING", "source": "RETAILER_WEBSITE"}));
    assert_eq!(record["status"], "RECEIVED");
    assert!(!lex.record(&portal, "M-2").await.to_string().contains("other@example.com"));
    assert_eq!(lex.record(&portal, "M-3").await["message"], eva);
    let others = lex.record(&organization("PORTAL-002"), "M-1").await;
    assert!(others.to_string().contains("ada@example.com"));
    assert_eq!(lex.count("select count(*) from leads where fingerprint is not null").await, 0);
    assert_eq!(erase(&lex, &wish).await, (200, json!({"records": 0})));
}

#[tokio::test]
async fn only_services_may_ask_and_a_number_does_as_well() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let request = lex.service.request(&portal, Method::POST, ERASE).json(&json!({}));
    assert_eq!(request.send().await.unwrap().status().as_u16(), 404);
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM")).await;
    let id = portal.organization.id;
    assert_eq!(erase(&lex, &json!({"organization_id": id, "phone": "+15550000000"})).await.1["records"], 0);
    assert_ne!(erase(&lex, &json!({"organization_id": id, "phone": "+15125550143"})).await.1["records"], 0);
    assert_eq!(erase(&lex, &json!({"organization_id": id})).await.0, 400);
}
