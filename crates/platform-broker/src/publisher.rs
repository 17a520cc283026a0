//! The publisher that the outbox relay drives: windows of messages, each confirmed or to be sent again.
//!
//! Stores nothing and retries nothing: what is [`PublishOutcome::Unknown`] stays in the outbox.

use crate::copies::{Letter, TRACEPARENT};
use crate::lane::Lane;
use crate::trace;
use contracts::Service;
use platform::clock::Clock;
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use std::sync::Arc;
use tracing::Instrument;

/// Publishes windows of messages, persistent and mandatory, and waits for the broker's confirms.
///
/// Clones share one channel and take turns on it; ask the broker for several publishers to work in
/// parallel. Never hangs: without a connection, or while the broker blocks publishers, a window is answered
/// with [`PublishOutcome::Unknown`] after about a second; otherwise after the confirm timeout at the latest.
#[derive(Clone, Debug)]
pub struct Publisher {
    lane: Arc<Lane>,
    service: Service,
    clock: Clock,
}

impl Publisher {
    pub(crate) fn new(lane: Lane, service: Service, clock: Clock) -> Self {
        Self { lane: Arc::new(lane), service, clock }
    }

    async fn publish_window(&self, window: &[OutboundMessage]) -> Vec<PublishOutcome> {
        let unix_time = u64::try_from(self.clock.now().timestamp()).unwrap_or(0);
        let letters: Vec<Option<Letter>> = window
            .iter()
            .map(|message| {
                let letter = Letter::outbound(message, self.service.name(), unix_time);
                if letter.is_none() {
                    tracing::error!(message_id = %message.message_id, "a name of the message exceeds 255 bytes, it can never be published");
                }
                letter
            })
            .collect();
        let sendable: Vec<bool> = letters.iter().map(Option::is_some).collect();
        let letters: Vec<Letter> = letters.into_iter().flatten().collect();
        let span = trace::publishing(window.len(), window.iter().filter_map(traceparent));
        let mut outcomes = self.lane.send(&letters).instrument(span).await.into_iter();
        sendable
            .into_iter()
            .map(|sent| sent.then(|| outcomes.next()).flatten().unwrap_or(PublishOutcome::Unknown))
            .collect()
    }
}

fn traceparent(message: &OutboundMessage) -> Option<&str> {
    let header = message.headers.iter().find(|(name, _)| name == TRACEPARENT);
    header.map(|(_, value)| value.as_str())
}

impl Publish for Publisher {
    async fn publish(&self, window: &[OutboundMessage]) -> Vec<PublishOutcome> {
        let mut outcomes = Vec::with_capacity(window.len());
        for part in window.chunks(Self::WINDOW) {
            outcomes.extend(self.publish_window(part).await);
        }
        outcomes
    }
}
