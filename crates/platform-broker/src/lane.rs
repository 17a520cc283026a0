//! One confirmed channel to publish on, with its windows one after the other.
//!
//! Works around a flaw of lapin 4.12: the message of a `basic.return` is attached to whichever confirm
//! completes next, so a confirm without a returned message says nothing about its own message. As a set
//! the returned messages are right. Therefore a window is judged as a whole: every confirm is collected
//! first, then each id that was seen in any returned message has failed.

use crate::connection::Link;
use crate::copies::Letter;
use crate::supervisor::Supervised;
use futures_util::FutureExt;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation, PublisherConfirm};
use platform::messaging::PublishOutcome;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

/// How long a window waits for a connection, or for a blocked one to be unblocked.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);

/// A channel in confirm mode that is replaced after any error. Windows are serialised.
#[derive(Debug)]
pub(crate) struct Lane {
    connection: Supervised,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    link: Arc<Link>,
    channel: Channel,
}

impl Lane {
    pub(crate) fn new(connection: Supervised) -> Self {
        Self { connection, open: Mutex::new(None) }
    }

    /// Publishes a window and answers with one outcome per letter, in bounded time.
    pub(crate) async fn send(&self, window: &[Letter]) -> Vec<PublishOutcome> {
        if window.is_empty() {
            return Vec::new();
        }
        let mut slot = self.open.lock().await;
        // Taken out for the time of the window: should this future be dropped half-way, its channel, with
        // confirms under way, must not serve the next window.
        let Some(open) = self.acquire(slot.take()).await else {
            return record(vec![PublishOutcome::Unknown; window.len()]);
        };
        let deadline = Instant::now() + open.link.endpoint().confirm_timeout;
        let (outcomes, clean) = transmit(&open.channel, window, deadline).await;
        if clean {
            *slot = Some(open);
        }
        record(outcomes)
    }

    async fn acquire(&self, open: Option<Open>) -> Option<Open> {
        let deadline = Instant::now() + PATIENCE;
        let usable = open.filter(|open| open.link.alive() && open.channel.status().connected());
        let link = match &usable {
            Some(open) => Arc::clone(&open.link),
            None => timeout_at(deadline, self.connection.wait()).await.ok()??,
        };
        while link.blocked() {
            if Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep_until(Instant::now() + LOOK).await;
        }
        if usable.is_some() {
            return usable;
        }
        match link.confirm_channel().await {
            Ok(channel) => Some(Open { link, channel }),
            Err(error) => {
                tracing::warn!(%error, "cannot open a channel to publish on");
                None
            }
        }
    }
}

/// Publishes and collects. True when every confirm has arrived, so that the channel may serve again.
pub(crate) async fn transmit(
    channel: &Channel,
    window: &[Letter],
    deadline: Instant,
) -> (Vec<PublishOutcome>, bool) {
    let mut confirms = Vec::with_capacity(window.len());
    for letter in window {
        match timeout_at(deadline, publish(channel, letter)).await {
            Ok(Ok(confirm)) => confirms.push(confirm),
            Ok(Err(error)) => {
                tracing::warn!(%error, "publish failed");
                return (vec![PublishOutcome::Unknown; window.len()], false);
            }
            Err(_elapsed) => {
                tracing::warn!("publish timed out");
                return (vec![PublishOutcome::Unknown; window.len()], false);
            }
        }
    }
    let mut judge = Judge::default();
    let mut clean = true;
    for confirm in &mut confirms {
        // After the first failure the rest is only looked at, not waited for: what has arrived may carry
        // the returned message of one that seemed well.
        let result = if clean { timeout_at(deadline, confirm).await.ok() } else { confirm.now_or_never() };
        clean &= judge.hear(result);
    }
    if !clean {
        tracing::warn!(window = window.len(), "not every publish was confirmed");
    }
    (judge.verdict(window), clean)
}

async fn publish(channel: &Channel, letter: &Letter) -> lapin::Result<PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    channel
        .basic_publish(
            letter.exchange.clone(),
            letter.routing_key.clone(),
            options,
            &letter.payload,
            letter.properties.clone(),
        )
        .await
}

/// Collects what the broker said about a window.
#[derive(Default)]
struct Judge {
    acked: Vec<bool>,
    returned: HashSet<String>,
    /// A returned message that carries no id: it might be any.
    returned_unknown: bool,
}

impl Judge {
    /// Takes one confirm, in order. False when it is missing or failed.
    fn hear(&mut self, result: Option<lapin::Result<Confirmation>>) -> bool {
        let Some(Ok(confirmation)) = result else {
            self.acked.push(false);
            return false;
        };
        self.acked.push(confirmation.is_ack());
        if let Some(message) = confirmation.take_message() {
            match message.delivery.properties.message_id() {
                Some(id) => {
                    self.returned.insert(id.as_str().to_owned());
                }
                None => self.returned_unknown = true,
            }
        }
        true
    }

    fn verdict(self, window: &[Letter]) -> Vec<PublishOutcome> {
        let ids: Vec<_> = window.iter().map(|letter| letter.properties.message_id().as_ref()).collect();
        let known: HashSet<_> = ids.iter().flatten().map(|id| id.as_str()).collect();
        // A return that cannot be told apart condemns the window.
        let stranger = self.returned_unknown || self.returned.iter().any(|id| !known.contains(id.as_str()));
        ids.iter()
            .zip(&self.acked)
            .map(|(id, acked)| {
                let returned = id.is_some_and(|id| self.returned.contains(id.as_str()));
                if *acked && !returned && !stranger {
                    PublishOutcome::Confirmed
                } else {
                    PublishOutcome::Unknown
                }
            })
            .collect()
    }
}

fn record(outcomes: Vec<PublishOutcome>) -> Vec<PublishOutcome> {
    let confirmed = outcomes.iter().filter(|outcome| **outcome == PublishOutcome::Confirmed).count();
    for (outcome, count) in [("confirmed", confirmed), ("unknown", outcomes.len() - confirmed)] {
        if count > 0 {
            metrics::counter!("leadwire_messages_published_total", "outcome" => outcome)
                .increment(count as u64);
        }
    }
    outcomes
}
