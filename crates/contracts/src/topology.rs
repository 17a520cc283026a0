//! The broker's topology as data: exchanges, work queues and what hangs from each.
//!
//! `leadwire topology apply` declares it; services check passively that what they need is there.
//! A queue stands here when something consumes it, so that nothing piles up unread. Works unchanged on
//! RabbitMQ 3.10 to 4.x: quorum queues only, every delivery limit explicit and positive (`-1` and an
//! absent limit mean different things in different versions), every work queue with a dead-letter exchange.

use crate::service::Service;
use std::time::Duration;

/// The exchange that every event is published to; its alternate exchange is [`EVENTS_UNROUTED`].
pub const EVENTS: &str = "events";
/// The fanout exchange, and the queue of the same name, of what no binding wanted.
pub const EVENTS_UNROUTED: &str = "events.unrouted";
/// The direct exchange of the retry ladder.
pub const RETRY: &str = "retry";
/// The direct exchange of dead letters.
pub const DEAD_LETTER: &str = "dead-letter";

/// Backstop against a message that crashes every consumer; healthy messages see a handful of redeliveries
/// at most, even when consumers are killed again and again.
pub const WORK_DELIVERY_LIMIT: i64 = 50;
/// For queues that must never drop what they hold. Explicit, because absent means 20 on RabbitMQ 4.
pub const HOLD_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// The steps of the retry ladder: suffix of the queue and how long a message rests there.
pub const RETRY_STEPS: [(&str, Duration); 3] =
    [("10s", Duration::from_secs(10)), ("1m", Duration::from_mins(1)), ("10m", Duration::from_mins(10))];

/// A queue that a service consumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkQueue {
    pub name: &'static str,
    pub owner: Service,
    /// Binding keys on [`EVENTS`].
    pub bindings: &'static [&'static str],
}

impl WorkQueue {
    /// Where its dead letters lie.
    pub fn dead_letter_queue(&self) -> String {
        format!("{}.dlq", self.name)
    }

    /// The queue of one step of its retry ladder.
    pub fn retry_queue(&self, step: &str) -> String {
        format!("{}.retry.{step}", self.name)
    }
}

/// Every public event, for fan-out to webhook subscriptions.
pub const WEBHOOK_DISPATCHER_EVENTS: WorkQueue = WorkQueue {
    name: "webhook-dispatcher.events",
    owner: Service::WebhookDispatcher,
    bindings: &["intake.#", "crm.#", "ingest.event.#", "ingest.snapshot.#", "lex.message.#", "webhook.#"],
};

/// Every work queue of the platform.
pub const WORK_QUEUES: [WorkQueue; 1] = [WEBHOOK_DISPATCHER_EVENTS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_after_its_owner() {
        for queue in WORK_QUEUES {
            assert_eq!(queue.name.split('.').next(), Some(queue.owner.name()));
        }
    }
}
