//! `POST /internal/erase`.

use crate::harness::{Harness, SNAPSHOTS, WORKERS, caller, event, with};
use contracts::identity::{Caller, IDENTITY_HEADER};
use contracts::internal::ERASE;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;

async fn erase(ingest: &Harness, wish: &Value) -> (u16, Value) {
    let gateway = Caller::Service { name: "gateway".to_owned() };
    let token = callers::token(ingest::SERVICE, &ingest.service.process.clock, gateway);
    testkit::answer(ingest.service.bare(Method::POST, ERASE).header(IDENTITY_HEADER, token).json(wish)).await
}

#[tokio::test]
async fn a_person_is_taken_out_and_others_stay() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    let told = |email: &str| {
        with(
            event(email),
            &json!({
                "actor": {"email": email, "displayName": "Somebody"}, "metadata": {"note": "secret"},
            }),
        )
    };
    ingest.events(&acme, &json!([told("a@example.com"), told("a@example.com"), told("b@example.com")])).await;
    let snapshot =
        json!({"snapshotType": "open", "actor": {"email": "a@example.com"}, "metrics": {"open": 1}});
    ingest.send(&acme, SNAPSHOTS, &snapshot).await;
    let wish =
        json!({"organization_id": callers::organization_id("acme"), "email": "A@Example.com", "phone": null});
    assert_eq!(erase(&ingest, &wish).await, (200, json!({"records": 5})));
    assert_eq!(erase(&ingest, &wish).await, (200, json!({"records": 0})));
    let workers = ingest.all(&acme, WORKERS, 10).await;
    let stripped =
        workers.iter().filter(|worker| worker["email"].is_null() && worker["displayName"].is_null());
    assert_eq!((workers.len(), stripped.count()), (2, 1));
    let notes = ingest.timelines(&acme).await;
    assert_eq!(notes.iter().filter(|event| !event["metadata"].is_null()).count(), 1);
    // Somebody who comes back is somebody new.
    ingest.events(&acme, &json!([event("a@example.com")])).await;
    assert_eq!(ingest.all(&acme, WORKERS, 10).await.len(), 3);
}

#[tokio::test]
async fn only_services_may_ask_and_a_phone_leads_to_nobody_here() {
    let ingest = Harness::start().await;
    let request = ingest.service.request(&caller("acme"), Method::POST, ERASE).json(&json!({}));
    assert_eq!(request.send().await.unwrap().status().as_u16(), 404);
    let id = callers::organization_id("acme");
    let wish = json!({"organization_id": id, "email": null, "phone": "+15122321234"});
    assert_eq!(erase(&ingest, &wish).await, (200, json!({"records": 0})));
    assert_eq!(erase(&ingest, &json!({"organization_id": id})).await.0, 400);
}
