//! Messages on their way to the broker, as the outbox hands them to whatever publishes them.
//!
//! This is the meeting point of `platform-pg` (which stores and forgets rows) and `platform-broker`
//! (which publishes); neither knows the other.

use bytes::Bytes;
use std::future::Future;
use uuid::Uuid;

/// A message that is to be published, persistent and mandatory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundMessage {
    /// Stable over retries of the publish: consumers de-duplicate by it.
    pub message_id: Uuid,
    pub exchange: &'static str,
    pub routing_key: String,
    /// The event's type.
    pub kind: String,
    pub content_type: &'static str,
    /// String headers, `traceparent` among them.
    pub headers: Vec<(String, String)>,
    pub payload: Bytes,
}

/// What became of one message of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// The broker has taken responsibility for it (publisher confirm), and it was routed.
    Confirmed,
    /// Refused, returned, timed out or unknown: it may or may not be on a queue; publish it again.
    Unknown,
}

/// Publishes windows of messages with confirms.
pub trait Publish: Send + Sync + 'static {
    /// The largest window that one call takes.
    const WINDOW: usize = 256;

    /// Publishes every message in order and waits for all confirms, for a bounded time. The answer has
    /// one outcome per message, in the same order; it never fails as a whole.
    fn publish(&self, window: &[OutboundMessage]) -> impl Future<Output = Vec<PublishOutcome>> + Send;
}
