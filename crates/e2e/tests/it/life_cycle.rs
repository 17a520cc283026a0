//! A lead after its acceptance: through HubSpot, out to its subscribers, and back to `completed`.

use crate::story::Story;
use contracts::Service;
use e2e::partner::lead;
use reqwest::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use testkit::eventually_within;
use testkit::hubspot::{Hubspot, TOKEN};
use testkit::receiver::Receiver;

const LEADS: usize = 20;

#[tokio::test]
async fn leads_reach_hubspot_once_and_are_completed_though_services_are_killed_on_the_way() {
    let hubspot = Hubspot::start().await;
    let url = hubspot.url();
    let story = Story::begin_with(&[
        ("LEADWIRE_LEAD_INTAKE__HUBSPOT__BASE_URL", &url),
        ("LEADWIRE_LEAD_INTAKE__HUBSPOT__TOKEN", TOKEN),
    ])
    .await;
    let watcher = Receiver::start().await;
    let events = ["lead.hubspot_upserted", "lead.dispatched", "lead.completed"];
    story.partner.subscribe(&watcher.url("/changes"), &events).await;

    let accepted = story.submit_many(LEADS, 4).await;
    for service in [Service::LeadIntake, Service::WebhookDispatcher] {
        story.system.signal(service, "KILL");
    }
    story.system.up();

    let wanted: BTreeSet<_> = accepted.iter().cloned().collect();
    let completed = eventually_within(Duration::from_mins(1), "every lead completed", async || {
        let path = format!("/leads?status=completed&limit={LEADS}");
        let (_, list) = testkit::read(story.partner.send(Method::GET, &path, None).await).await;
        let items = list["data"]["items"].as_array()?.clone();
        (items.len() == LEADS).then_some(items)
    })
    .await;
    let found: BTreeSet<_> =
        completed.iter().map(|lead| lead["lead_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, wanted);
    assert!(completed.iter().all(|lead| lead["hubspot_deal_id"].is_string()), "{completed:?}");
    assert_eq!(hubspot.deals().len(), LEADS);
    story.reconcile(&accepted, Duration::from_secs(30)).await;

    // Each change is told; a kill may make it come twice, under one id.
    let told = eventually_within(Duration::from_secs(30), "every change of every lead", async || {
        let mut told: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for received in watcher.received() {
            let body: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
            let about = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let ids = told.entry((about(&body["data"]["lead_id"]), about(&body["event"]))).or_default();
            ids.insert(received.header("webhook-id").unwrap().to_owned());
        }
        (told.len() == LEADS * events.len()).then_some(told)
    })
    .await;
    assert!(told.values().all(|ids| ids.len() == 1), "{told:?}");
}

#[tokio::test]
async fn without_hubspot_a_lead_is_completed_by_its_deliveries_alone() {
    let story = Story::begin().await;
    let submitted = story.partner.submit(&lead()).await;
    let path = format!("/leads/{}", submitted["lead_id"].as_str().unwrap());
    let lead = eventually_within(Duration::from_secs(20), "a completed lead", async || {
        let (_, answer) = testkit::read(story.partner.send(Method::GET, &path, None).await).await;
        (answer["data"]["status"] == "completed").then(|| answer["data"].clone())
    })
    .await;
    assert!(lead["hubspot_deal_id"].is_null());
}
