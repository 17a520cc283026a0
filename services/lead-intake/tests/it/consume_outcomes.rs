//! `lead-intake.outcomes`: what the dispatcher says moves leads on, in order, and never before HubSpot.

use crate::harness::{Harness, lead};
use contracts::event::CloudEvent;
use contracts::ids::EventId;
use contracts::lead::{LeadCompleted, LeadCreated, LeadDispatched};
use lead_intake::Orchestrator;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

const OUTCOMES: &str = contracts::topology::LEAD_INTAKE_OUTCOMES.name;

async fn becomes(intake: &Harness, lead: Uuid, status: &str) {
    eventually(status, async || (intake.lead(lead).await["status"] == status).then_some(())).await;
}

/// Another lead goes all its way. What was said before has then been heard: one consumer hears all, in order.
async fn another_completes(intake: &Harness, orchestrator: &Orchestrator) {
    let id = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    intake.matched(intake.event_of(id).await, 0).await;
    becomes(intake, id, "completed").await;
}

/// Waits until everything that was said has been heard.
async fn heard(intake: &Harness, event: EventId, column: &str) {
    let pool = intake.database.pool();
    eventually(column, async || {
        let row: Option<Value> =
            sqlx::query_scalar("select to_jsonb(o) from orchestrations o where event_id = $1")
                .bind(event.as_uuid())
                .fetch_optional(&pool)
                .await
                .unwrap();
        row.filter(|row| !row[column].is_null()).map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn dispatched_on_the_match_and_completed_on_the_end() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    let event = intake.event_of(id).await;
    intake.matched(event, 2).await;
    becomes(&intake, id, "dispatched").await;
    intake.settled(event).await;
    becomes(&intake, id, "completed").await;
    let lead = intake.lead(id).await;
    assert_eq!(lead["hubspot_deal_id"], json!(hubspot.deals()[0].id));
    assert!(lead.get("next_action").is_none(), "nothing is left to be done");
    let events = intake.events(4).await;
    let dispatched: CloudEvent<LeadDispatched> = serde_json::from_str(&events[2].payload).unwrap();
    let completed: CloudEvent<LeadCompleted> = serde_json::from_str(&events[3].payload).unwrap();
    assert_eq!((dispatched.aggregateversion, completed.aggregateversion), (3, 4));
    assert_eq!((dispatched.kind.as_str(), completed.kind.as_str()), ("lead.dispatched", "lead.completed"));
    assert_eq!(completed.data.0.status, "completed");
}

#[tokio::test]
async fn nothing_that_matches_completes_a_lead_at_once() {
    let (intake, orchestrator, _hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    let event = intake.event_of(id).await;
    intake.matched(event, 0).await;
    becomes(&intake, id, "completed").await;
    // One change of the row is two of the lead, and each is announced.
    let events = intake.events(4).await;
    let dispatched: CloudEvent<LeadDispatched> = serde_json::from_str(&events[2].payload).unwrap();
    let completed: CloudEvent<LeadCompleted> = serde_json::from_str(&events[3].payload).unwrap();
    assert_eq!((dispatched.aggregateversion, completed.aggregateversion), (3, 4));
    assert_eq!((&*dispatched.data.0.status, &*completed.data.0.status), ("dispatched", "completed"));
    assert_eq!(intake.step_of(id).await.as_deref(), Some("done"));
    // What the dispatcher says besides changes nothing any more.
    intake.settled(event).await;
    another_completes(&intake, &orchestrator).await;
    assert_eq!(intake.events(8).await.len(), 8);
}

#[tokio::test]
async fn outcomes_that_come_before_hubspot_is_done_wait_for_it_and_are_applied_in_order() {
    let (intake, orchestrator, _hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    let event = intake.event_of(id).await;
    intake.settled(event).await;
    heard(&intake, event, "delivered").await;
    intake.matched(event, 1).await;
    heard(&intake, event, "matched").await;
    assert_eq!(intake.lead(id).await["status"], "received");
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "completed");
    let keys: Vec<_> = intake.events(4).await.into_iter().map(|event| event.routing_key).collect();
    assert_eq!(
        keys,
        ["created", "hubspot_upserted", "dispatched", "completed"]
            .map(|verb| format!("intake.lead.{verb}.v1"))
    );
}

#[tokio::test]
async fn an_end_without_a_match_waits_for_the_match() {
    let (intake, orchestrator, _hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    let event = intake.event_of(id).await;
    intake.settled(event).await;
    heard(&intake, event, "delivered").await;
    assert_eq!(intake.lead(id).await["status"], "hubspot_upserted");
    intake.matched(event, 1).await;
    becomes(&intake, id, "completed").await;
}

#[tokio::test]
async fn outcomes_that_come_before_the_leads_own_event_are_kept_for_it() {
    let (intake, orchestrator, _hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    let event = intake.event_of(id).await;
    // As if the trigger were still on its way.
    let pool = intake.database.pool();
    sqlx::query("delete from orchestrations").execute(&pool).await.unwrap();
    intake.matched(event, 1).await;
    intake.settled(event).await;
    heard(&intake, event, "delivered").await;
    let first = &intake.events(1).await[0];
    let trigger = contracts::topology::LEAD_INTAKE_ORCHESTRATOR.name;
    intake.broker.publish("", trigger, first.properties.clone(), &first.payload).await;
    eventually("the lead's orchestration", async || intake.step_of(id).await).await;
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "completed");
}

#[tokio::test]
async fn the_same_outcome_again_changes_nothing() {
    let (intake, orchestrator) = Harness::driven(|_| ()).await;
    let id = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    let event = intake.event_of(id).await;
    for _ in 0..3 {
        intake.matched(event, 1).await;
    }
    becomes(&intake, id, "dispatched").await;
    for _ in 0..3 {
        intake.settled(event).await;
    }
    becomes(&intake, id, "completed").await;
    another_completes(&intake, &orchestrator).await;
    assert_eq!(intake.events(6).await.len(), 6);
}

#[tokio::test]
async fn a_failed_lead_stays_failed_whatever_becomes_of_its_event() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    hubspot.refuse("grace@example.com");
    let id = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    let event = intake.event_of(id).await;
    intake.matched(event, 1).await;
    intake.settled(event).await;
    heard(&intake, event, "delivered").await;
    assert_eq!(intake.lead(id).await["status"], "failed");
    assert_eq!(intake.events(2).await.len(), 2);
}

#[tokio::test]
async fn an_outcome_of_an_event_that_nobody_can_know_any_more_is_a_dead_letter() {
    let (intake, _orchestrator) = Harness::driven(|_| ()).await;
    let process = &intake.service.process;
    let old = process.ids.at(process.clock.now() - chrono::TimeDelta::days(400));
    intake.matched(EventId::new(old), 1).await;
    let dead = format!("{OUTCOMES}.dlq");
    let letter = eventually("the dead letter", async || intake.broker.peek(&dead).await.pop()).await;
    assert_eq!(letter.header("x-error-kind"), "permanent");
}

#[tokio::test]
async fn the_leads_trace_goes_on_in_its_later_events() {
    let (intake, orchestrator) = Harness::driven(|_| ()).await;
    let id = intake.arrived(&lead()).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let pool = intake.database.pool();
    sqlx::query("update orchestrations set traceparent = $1").bind(trace).execute(&pool).await.unwrap();
    orchestrator.run_until_idle().await.unwrap();
    intake.matched(intake.event_of(id).await, 1).await;
    let events = intake.events(2).await;
    let first: CloudEvent<LeadCreated> = serde_json::from_str(&events[0].payload).unwrap();
    let second: CloudEvent<LeadDispatched> = serde_json::from_str(&events[1].payload).unwrap();
    assert_eq!(second.traceparent.as_deref(), Some(trace));
    assert_eq!(first.partitionkey, second.partitionkey);
}
