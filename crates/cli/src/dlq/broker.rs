//! The way to the broker's dead-letter queues: their names, and going through one under its lock.

use super::Connections;
use crate::clients::gateway::Gateway;
use anyhow::{Context, bail};
use contracts::topology::{EVENTS_UNROUTED, WORK_QUEUES, WorkQueue};
use platform_broker::BrokerSettings;
use platform_broker::dead_letters::DeadLetters;
use std::time::Duration;

/// How long looking waits for another command.
pub const LOOKING: Duration = Duration::from_secs(2);
/// How long changing waits: as long as a connection to a lost machine may take to be noticed.
const CHANGING: Duration = Duration::from_secs(35);

impl Connections {
    /// A connection to the broker.
    pub(super) async fn broker(&self) -> anyhow::Result<DeadLetters> {
        let url = self.amqp_url.clone().context("--amqp-url (AMQP_URL) is required")?;
        DeadLetters::connect(&BrokerSettings::new(url), "leadwire dlq")
            .await
            .context("no connection to the broker")
    }

    /// The gateway's admin routes.
    pub(super) fn gateway(&self) -> anyhow::Result<Gateway> {
        let (Some(url), Some(key)) = (&self.url, &self.admin_key) else {
            bail!("--url (LEADWIRE_URL) and --admin-key (LEADWIRE_ADMIN_KEY) are required")
        };
        Gateway::new(url.clone(), key.clone())
    }

    /// The same when it is configured.
    pub(super) fn gateway_if_configured(&self) -> anyhow::Result<Option<Gateway>> {
        if self.url.is_some() && self.admin_key.is_some() { self.gateway().map(Some) } else { Ok(None) }
    }
}

/// Every queue that dead letters lie in.
pub fn queues() -> Vec<String> {
    let dead = WORK_QUEUES.iter().map(WorkQueue::dead_letter_queue);
    dead.chain([EVENTS_UNROUTED.to_owned()]).collect()
}

/// The work queue of a name, which may also be its dead-letter queue's.
pub fn work_queue(name: &str) -> anyhow::Result<WorkQueue> {
    let found = WORK_QUEUES.iter().find(|queue| queue.name == name || queue.dead_letter_queue() == name);
    let names = || WORK_QUEUES.map(|queue| queue.name).join("\n  ");
    found
        .copied()
        .with_context(|| format!("there is no work queue {name:?}; these are there:\n  {}", names()))
}

/// The queue that the dead letters of a work queue lie in.
pub fn dead_letter_queue(name: &str) -> anyhow::Result<String> {
    if name == EVENTS_UNROUTED { Ok(name.to_owned()) } else { Ok(work_queue(name)?.dead_letter_queue()) }
}

/// The right to change a queue.
pub async fn lock(letters: &DeadLetters, queue: &str) -> anyhow::Result<platform_broker::dead_letters::Lock> {
    let lock = letters.lock(queue, CHANGING).await?;
    lock.with_context(|| format!("another leadwire command works on {queue}: wait for it to end"))
}

/// Says that a queue could not be looked into.
pub fn busy(queue: &str) -> anyhow::Error {
    anyhow::anyhow!("another leadwire command works on {queue}: wait for it to end")
}
