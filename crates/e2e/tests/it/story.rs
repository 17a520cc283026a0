//! A partner with a receiver in a system of its own, and the books that are kept about both.

use e2e::delivery::verified;
use e2e::partner::{Partner, lead, new_slug};
use e2e::system::System;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use testkit::receiver::Receiver;
use testkit::{eventually, eventually_within};

/// Retries of the stories come soon.
const SETTINGS: &[(&str, &str)] = &[("LEADWIRE_WEBHOOK_DISPATCHER__DELIVERY__PARTNER_RETRY_BASE", "200ms")];

/// How long the events that follow a delivery may take.
const SETTLING: Duration = Duration::from_mins(1);

/// The deliveries that were verified.
#[derive(Debug, Default)]
pub struct Delivered {
    requests: usize,
    /// The webhook ids that each lead came with.
    pub by_lead: BTreeMap<String, Vec<String>>,
}

/// A system with a partner who has subscribed a receiver to everything about leads.
pub struct Story {
    pub system: Arc<System>,
    pub partner: Partner,
    pub receiver: Receiver,
    pub subscription: Value,
    delivered: Mutex<Delivered>,
}

impl Story {
    pub async fn begin() -> Self {
        Self::begin_with(&[]).await
    }

    /// With settings beside those of every story.
    pub async fn begin_with(settings: &[(&str, &str)]) -> Self {
        let system = Arc::new(System::start(&[SETTINGS, settings].concat()));
        let admin_key = system.address("LEADWIRE_ADMIN_KEY");
        let partner = Partner::sign_up(system.address("LEADWIRE_URL"), admin_key, &new_slug("story")).await;
        let receiver = Receiver::start().await;
        let subscription = partner.subscribe(&receiver.url("/hooks"), &["lead.created"]).await;
        Self { system, partner, receiver, subscription, delivered: Mutex::default() }
    }

    pub fn secret(&self) -> &str {
        self.subscription["hmac_secret"].as_str().unwrap()
    }

    /// The verified deliveries so far: by lead, the webhook ids that it came with.
    pub fn delivered(&self) -> MutexGuard<'_, Delivered> {
        let mut delivered = self.delivered.lock().unwrap();
        for received in self.receiver.received_after(delivered.requests) {
            let body = verified(&received, self.secret()).unwrap();
            let lead_id = body["data"]["lead_id"].as_str().unwrap().to_owned();
            let webhook_id = received.header("webhook-id").unwrap().to_owned();
            delivered.by_lead.entry(lead_id).or_default().push(webhook_id);
            delivered.requests += 1;
        }
        delivered
    }

    /// The newest delivery of the subscription, as the API shows it.
    pub async fn last_delivery(&self) -> Value {
        let path = format!(
            "/webhook-subscriptions/{}/deliveries?limit=1",
            self.subscription["id"].as_str().unwrap()
        );
        let (_, answer) = testkit::read(self.partner.send(Method::GET, &path, None).await).await;
        answer["data"]["items"][0].clone()
    }

    /// Submits leads, so many at once, until each is accepted; their ids.
    pub async fn submit_many(&self, count: usize, at_once: usize) -> Vec<String> {
        stream::iter(0..count)
            .map(async |_| self.partner.submit(&lead()).await["lead_id"].as_str().unwrap().to_owned())
            .buffer_unordered(at_once)
            .collect()
            .await
    }

    pub async fn outbox_is_empty(&self) -> bool {
        let events = "select count(*) from lead_intake.outbox where kind = $1";
        self.system.count(events, "lead.created").await == 0
    }

    /// Waits until every lead was delivered, and checks that nothing else was, that every lead has one
    /// webhook id, and that nothing was dead-lettered or left over.
    pub async fn reconcile(&self, accepted: &[String], limit: Duration) {
        eventually_within(limit, "a verified delivery of every accepted lead", async || {
            let delivered = self.delivered();
            accepted.iter().all(|lead_id| delivered.by_lead.contains_key(lead_id)).then_some(())
        })
        .await;
        let accepted: BTreeSet<&String> = accepted.iter().collect();
        for (lead_id, ids) in &self.delivered().by_lead {
            assert!(accepted.contains(lead_id), "{lead_id} was never accepted");
            assert!(ids.iter().all(|id| *id == ids[0]), "{lead_id} came as {ids:?}");
        }
        eventually("an empty outbox", async || self.outbox_is_empty().await.then_some(())).await;
        // What is told of the leads later, and of their deliveries, passes the same queue.
        eventually_within(SETTLING, "an empty work queue", async || {
            (self.system.depth("webhook-dispatcher.events").await == 0).then_some(())
        })
        .await;
        for queue in [".dlq", ".retry.10s", ".retry.1m", ".retry.10m"] {
            let queue = format!("webhook-dispatcher.events{queue}");
            assert_eq!(self.system.depth(&queue).await, 0, "{queue}");
        }
        assert_eq!(self.system.depth("events.unrouted").await, 0);
    }
}
