//! An orchestrator that dies between any two of its steps makes no second contact, deal or event.

use crate::harness::{Harness, account, lead};
use std::time::Duration;
use testkit::eventually;
use testkit::hubspot::{Hubspot, Trouble};

/// Kills the orchestrator when the call of this number has been carried out and not been answered yet; another
/// one goes on when the lease is over.
async fn killed_at(call: usize) {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    hubspot.next((1..call).map(|_| Trouble::None).chain([Trouble::HangAfter]));
    tokio::select! {
        biased;
        () = hubspot.wait_for(call) => {}
        finished = orchestrator.run_until_idle() => assert!(finished.is_err(), "it was to die before"),
    }
    let other = orchestrator.clone();
    drop(orchestrator);
    other.run_until_idle().await.unwrap();
    assert_eq!(hubspot.calls().len(), call, "what the dead one holds is left alone until its lease is over");
    intake.advance(61);
    other.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "hubspot_upserted");
    assert_eq!((hubspot.contacts().len(), hubspot.deals().len(), hubspot.associations().len()), (1, 1, 1));
    let events = intake.events(2).await;
    assert_eq!(events.len(), 2, "one event of the change");
}

#[tokio::test]
async fn killed_after_the_contact_it_makes_no_second_one() {
    killed_at(1).await;
}

#[tokio::test]
async fn killed_after_the_deal_it_makes_no_second_one() {
    killed_at(2).await;
}

#[tokio::test]
async fn killed_after_the_association_it_announces_the_change_once() {
    killed_at(3).await;
}

#[tokio::test]
async fn one_that_lost_its_lease_changes_nothing_when_its_answer_comes_after_all() {
    let (intake, slow, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    hubspot.next([Trouble::None, Trouble::Slow(Duration::from_millis(300))]);
    let quick = slow.clone();
    let overtaken = async {
        hubspot.wait_for(2).await;
        intake.advance(61);
        quick.run_until_idle().await.unwrap();
    };
    let (finished, ()) = tokio::join!(slow.run_until_idle(), overtaken);
    finished.unwrap();
    assert_eq!(intake.lead(id).await["status"], "hubspot_upserted");
    assert_eq!((hubspot.deals().len(), intake.events(2).await.len()), (1, 2));
}

#[tokio::test]
async fn two_replicas_share_the_work_and_each_lead_is_announced_once() {
    let (intake, one, hubspot) = Harness::with_hubspot().await;
    let two = one.clone();
    let mut leads = Vec::new();
    for _ in 0..6 {
        leads.push(intake.arrived(&lead()).await);
    }
    let (one, two) = tokio::join!(one.run_until_idle(), two.run_until_idle());
    one.and(two).unwrap();
    assert_eq!((hubspot.contacts().len(), hubspot.deals().len()), (1, 6));
    assert_eq!(intake.events(12).await.len(), 12);
}

#[tokio::test]
async fn the_same_event_again_starts_nothing_anew() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    let first = &intake.events(1).await[0];
    let trigger = contracts::topology::LEAD_INTAKE_ORCHESTRATOR.name;
    intake.broker.publish("", trigger, first.properties.clone(), &first.payload).await;
    let event = intake.event_of(id).await;
    intake.matched(event, 0).await;
    eventually("completed", async || (intake.lead(id).await["status"] == "completed").then_some(())).await;
    intake.broker.publish("", trigger, first.properties.clone(), &first.payload).await;
    // One consumer takes them in order, so that this one comes after it.
    intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!((hubspot.calls().len(), intake.step_of(id).await.as_deref()), (6, Some("done")));
}

#[tokio::test]
async fn a_running_service_carries_leads_by_itself() {
    let hubspot = Hubspot::start().await;
    let intake = Harness::start_with(|settings| settings.hubspot = account(&hubspot)).await;
    let (_, created) = testkit::read(intake.submit(&lead()).await).await;
    let id = created["data"]["lead_id"].as_str().unwrap().parse().unwrap();
    eventually("in hubspot", async || (intake.lead(id).await["status"] == "hubspot_upserted").then_some(()))
        .await;
    assert_eq!(hubspot.deals().len(), 1);
}
