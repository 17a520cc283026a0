//! A lead's way through HubSpot, when HubSpot works.

use crate::harness::{Harness, lead, lead_of};
use contracts::event::CloudEvent;
use contracts::lead::{LeadFailed, LeadHubspotUpserted};
use serde_json::{Value, json};
use testkit::hubspot::Trouble;
use testkit::{eventually, read};

#[tokio::test]
async fn a_lead_becomes_a_contact_and_a_deal_that_belong_together() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let mut submitted = lead_of("Grace@Example.com");
    submitted["commission"] = json!({"flat_cents": 5000, "rev_share_bps": 250});
    let id = intake.arrived(&submitted).await;
    orchestrator.run_until_idle().await.unwrap();
    let (contacts, deals) = (hubspot.contacts(), hubspot.deals());
    assert_eq!((contacts.len(), deals.len()), (1, 1));
    assert_eq!(contacts[0].properties["email"], "grace@example.com");
    assert_eq!(contacts[0].properties["phone"], "+15122321234");
    for (name, value) in [
        ("leadwire_lead_id", id.to_string().as_str()),
        ("dealname", "acme: Grace Hopper"),
        ("pipeline", "default"),
        ("dealstage", "appointmentscheduled"),
        ("amount", "3096.00"),
        ("leadwire_commission_flat", "50.00"),
        ("leadwire_commission_bps", "250"),
    ] {
        assert_eq!(deals[0].properties[name], value, "{name}");
    }
    assert_eq!(hubspot.associations(), [(deals[0].id.clone(), contacts[0].id.clone())]);
    let lead = intake.lead(id).await;
    assert_eq!(
        (&lead["status"], &lead["hubspot_deal_id"]),
        (&json!("hubspot_upserted"), &json!(deals[0].id))
    );
    let events = intake.events(2).await;
    let event: CloudEvent<LeadHubspotUpserted> = serde_json::from_str(&events[1].payload).unwrap();
    assert_eq!(events[1].routing_key, "intake.lead.hubspot_upserted.v1");
    assert_eq!((event.aggregateversion, event.trackdelivery), (2, false));
    assert_eq!(event.data.0.hubspot_deal_id.as_deref(), Some(deals[0].id.as_str()));
    assert!(!events[1].payload.contains("Hopper"), "later events carry nothing of the person");
}

#[tokio::test]
async fn many_leads_share_calls_and_leads_of_one_person_share_a_contact() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    for index in 0..9 {
        intake.arrived(&lead_of(&format!("person{}@example.com", index % 3))).await;
    }
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!((hubspot.contacts().len(), hubspot.deals().len(), hubspot.associations().len()), (3, 9, 9));
    assert_eq!(hubspot.calls().len(), 3, "one call for each step");
}

#[tokio::test]
async fn a_lead_without_an_address_has_a_contact_of_its_own() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let mut without = lead();
    without["customer"].as_object_mut().unwrap().remove("email");
    let (status, body) = read(intake.submit(&without).await).await;
    assert_eq!((status, &body["data"]["next_action"]), (201, &json!("manual_review")));
    without["correlation_id"] = json!(testkit::unique_id());
    let id = intake.arrived(&without).await;
    orchestrator.run_until_idle().await.unwrap();
    let contacts = hubspot.contacts();
    assert_eq!((contacts.len(), hubspot.deals().len()), (2, 2));
    assert!(contacts.iter().any(|contact| contact.properties["leadwire_lead_id"] == id.to_string()));
    let lead = intake.lead(id).await;
    assert_eq!(
        (&lead["status"], &lead["next_action"]),
        (&json!("hubspot_upserted"), &json!("manual_review"))
    );
}

#[tokio::test]
async fn without_a_token_hubspot_is_passed_by_and_the_deal_stays_null() {
    let (intake, orchestrator) = Harness::driven(|_| ()).await;
    let id = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.step_of(id).await.as_deref(), Some("deliveries"));
    let event = intake.event_of(id).await;
    intake.matched(event, 1).await;
    intake.settled(event).await;
    eventually("completed", async || {
        let lead = intake.lead(id).await;
        (lead["status"] == "completed").then_some(())
    })
    .await;
    assert_eq!(intake.lead(id).await["hubspot_deal_id"], Value::Null);
    let keys: Vec<_> = intake.events(3).await.into_iter().map(|event| event.routing_key).collect();
    assert_eq!(keys, ["intake.lead.created.v1", "intake.lead.dispatched.v1", "intake.lead.completed.v1"]);
}

#[tokio::test]
async fn what_hubspot_refuses_of_a_batch_fails_alone_and_needs_a_person() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    hubspot.refuse("bad@example.com");
    let bad = intake.arrived(&lead_of("bad@example.com")).await;
    let good = intake.arrived(&lead_of("good@example.com")).await;
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(good).await["status"], "hubspot_upserted");
    let failed = intake.lead(bad).await;
    assert_eq!(
        (&failed["status"], &failed["next_action"], &failed["hubspot_deal_id"]),
        (&json!("failed"), &json!("manual_review"), &Value::Null)
    );
    assert_eq!((hubspot.deals().len(), intake.step_of(bad).await.as_deref()), (1, Some("done")));
    let events = intake.events(4).await;
    let event = events.iter().find(|event| event.routing_key == "intake.lead.failed.v1").unwrap();
    let event: CloudEvent<LeadFailed> = serde_json::from_str(&event.payload).unwrap();
    assert_eq!((event.aggregateversion, event.data.0.next_action.as_deref()), (2, Some("manual_review")));
    let reason: String = sqlx::query_scalar("select last_error from orchestrations where lead_id = $1")
        .bind(bad)
        .fetch_one(&intake.database.pool())
        .await
        .unwrap();
    assert_eq!(reason, "207 VALIDATION_ERROR INVALID_EMAIL", "nothing of the person");
}

#[tokio::test]
async fn a_batch_that_is_refused_as_a_whole_is_halved_until_the_bad_stand_alone() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    hubspot.fail_batches_whole();
    hubspot.refuse("bad@example.com");
    let mut leads = Vec::new();
    for index in 0..9 {
        let email = if index == 4 { "bad@example.com".to_owned() } else { format!("p{index}@example.com") };
        leads.push(intake.arrived(&lead_of(&email)).await);
    }
    orchestrator.run_until_idle().await.unwrap();
    for (index, id) in leads.into_iter().enumerate() {
        let expected = if index == 4 { "failed" } else { "hubspot_upserted" };
        assert_eq!(intake.lead(id).await["status"], expected, "{index}");
    }
    assert_eq!(hubspot.deals().len(), 8);
}

#[tokio::test]
async fn of_leads_of_one_person_only_the_one_whose_data_was_refused_fails() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let good = intake.arrived(&lead()).await;
    let mut worse = lead();
    worse["customer"]["last_name"] = json!("refused");
    hubspot.refuse("refused");
    intake.advance(1);
    let bad = intake.arrived(&worse).await;
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(bad).await["status"], "failed");
    assert_eq!(intake.lead(good).await["status"], "hubspot_upserted");
}

#[tokio::test]
async fn a_contact_that_vanished_is_found_anew_and_makes_no_second_deal() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    // The association is not served at first; by the time that it is, somebody has tidied up.
    hubspot.next([Trouble::None, Trouble::None, Trouble::Status(503)]);
    orchestrator.run_until_idle().await.unwrap();
    hubspot.delete_contacts();
    intake.advance(2);
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.attempts_of(id).await, 1);
    intake.advance(30);
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "hubspot_upserted");
    assert_eq!((hubspot.contacts().len(), hubspot.deals().len()), (1, 1));
}

#[tokio::test]
async fn an_answer_that_leaves_a_lead_out_is_worth_some_attempts_and_then_a_person() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    hubspot.always(Trouble::Silent);
    for attempt in 1..8 {
        orchestrator.run_until_idle().await.unwrap();
        assert_eq!(intake.attempts_of(id).await, attempt);
        intake.advance(10 << attempt);
    }
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "failed");
}

#[tokio::test]
async fn a_conflict_with_another_write_is_worth_another_attempt() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    hubspot.next([Trouble::Status(409)]);
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(
        (intake.attempts_of(id).await, intake.lead(id).await["status"].as_str()),
        (1, Some("received"))
    );
    intake.advance(10);
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "hubspot_upserted");
}
