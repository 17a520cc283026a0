//! Consuming a work queue: what a handler implements, and the task that runs it for ever.
//!
//! The task keeps a channel of its own open whatever happens to it (a lost connection, a closed channel, a
//! deleted queue) and hands batches to `batch`. It never acks by itself.

use crate::backoff::Backoff;
use crate::batch::{Bench, Stopped};
use crate::connection::Link;
use crate::copies::Original;
use crate::error::BrokerError;
use crate::health::Part;
use crate::lane::Lane;
use crate::supervisor::Supervised;
use bytes::Bytes;
use contracts::topology::WorkQueue;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use platform::clock::Clock;
use platform::lifecycle::Shutdown;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::future::Future;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::time::timeout_at;
use uuid::Uuid;

/// A session that lasted this long was good: the next one starts at once after it.
const GOOD: Duration = Duration::from_secs(10);

/// Bytes of bodies after which nothing more is taken into a batch: decoded, they take several times as much.
pub(crate) const BATCH_BYTES: usize = 1024 * 1024;

/// Processes the messages of one work queue.
///
/// Deliveries are at least once: after a crash, a lost connection or a failed batch the same message comes
/// again, so a handler is idempotent. Calls of one consumer never overlap.
pub trait Handler: Send + Sync + 'static {
    /// The queue that is consumed.
    const QUEUE: WorkQueue;
    /// How many messages one call may take. A call takes what has already arrived, without waiting for more, and of
    /// large ones fewer: see [`BATCH_BYTES`].
    const BATCH: usize = 1;
    /// How long a batch waits to fill up after its first message has come: work that nobody waits for is then done
    /// in batches worth their transactions.
    const LINGER: Duration = Duration::ZERO;
    /// How long acks may wait for others, half a batch of them at most: an ack costs the broker a write to its log, for
    /// one message or for many. What is not acked when the process is killed comes again.
    const ACK_LINGER: Duration = Duration::ZERO;
    /// How many messages the broker may send ahead.
    const PREFETCH: u16 = two_batches(Self::BATCH);
    /// What the body is, in JSON.
    type Message: DeserializeOwned + Send + Sync + 'static;

    /// Processes a batch: all of it, or none of it as far as anybody can see.
    ///
    /// # Errors
    /// Says what becomes of the batch. One of more than a message that fails other than by
    /// [`HandleError::Unavailable`] is processed again message by message, so that only those suffer
    /// that fail by themselves. A panic counts as a failure that is permanent.
    fn handle(
        &self,
        batch: &[Incoming<Self::Message>],
    ) -> impl Future<Output = Result<(), HandleError>> + Send;
}

/// A delivered message, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incoming<M> {
    pub message: M,
    /// The body, decoded from its `content_encoding`.
    pub payload: Bytes,
    /// Stable over publishes, retries and replays: what the inbox de-duplicates by.
    pub message_id: Uuid,
    /// The event's type.
    pub kind: Option<String>,
    /// Which attempt this is, from 1. Holding a message and redeliveries after a crash do not count.
    pub attempt: u32,
    pub traceparent: Option<String>,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
}

/// Why a batch was not processed.
#[derive(Debug, Error)]
pub enum HandleError {
    /// A dependency is down: the messages are held and tried again in this process, with growing pauses,
    /// until it works. No attempt is used up.
    #[error("a dependency is unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// This message failed for a reason that may pass: it comes again after 10 s, 1 min and 10 min, and is
    /// dead-lettered after the fourth attempt.
    #[error("failed for now: {0}")]
    Transient(#[source] Box<dyn Error + Send + Sync>),
    /// It will never work: the message is dead-lettered. The error's text goes with it, so it must not
    /// quote the payload.
    #[error("failed for good: {0}")]
    Permanent(#[source] Box<dyn Error + Send + Sync>),
}

impl HandleError {
    /// For `map_err`: [`HandleError::Unavailable`].
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }

    /// For `map_err`: [`HandleError::Transient`].
    pub fn transient(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Transient(error.into())
    }

    /// For `map_err`: [`HandleError::Permanent`].
    pub fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Permanent(error.into())
    }
}

/// The prefetch that keeps a consumer busy: one batch in hand, one on its way.
const fn two_batches(batch: usize) -> u16 {
    let prefetch = batch.saturating_mul(2);
    #[expect(clippy::cast_possible_truncation, reason = "checked just before; try_from is not const")]
    if prefetch > u16::MAX as usize { u16::MAX } else { prefetch as u16 }
}

/// The task of one consumer.
pub(crate) struct Runner<H> {
    pub(crate) handler: H,
    pub(crate) connection: Supervised,
    pub(crate) lane: Lane,
    pub(crate) health: Part,
    pub(crate) shutdown: Shutdown,
    pub(crate) clock: Clock,
}

impl<H: Handler> Runner<H> {
    /// Consumes until the shutdown begins and the batch in hand has ended.
    pub(crate) async fn run(self) {
        let queue = H::QUEUE.name;
        let mut backoff = Backoff::new();
        let mut last_reason = String::new();
        while let Some(Some(link)) = self.shutdown.or(self.connection.wait()).await {
            let started = Instant::now();
            let Stopped::Lost(reason) = self.session(&link).await else {
                break;
            };
            let was_good = started.elapsed() >= GOOD;
            if was_good || reason != last_reason {
                tracing::warn!(queue, reason, "consumer lost, consuming anew");
            }
            self.health.down(reason.clone());
            if was_good {
                backoff.reset();
            }
            last_reason = reason;
            if !self.shutdown.sleep(backoff.next()).await {
                break;
            }
        }
        self.health.down("the process is shutting down");
        tracing::info!(queue, "consumer stopped");
    }

    /// Consumes on a fresh channel until something ends it.
    async fn session(&self, link: &Link) -> Stopped {
        let (channel, mut consumer) = match self.subscribe(link).await {
            Ok(subscribed) => subscribed,
            Err(error) => return Stopped::Lost(error_line(&error)),
        };
        self.health.consuming(channel.status().clone());
        tracing::info!(queue = H::QUEUE.name, prefetch = H::PREFETCH, batch = H::BATCH, "consuming");
        let stopped = self.work(link, &channel, &mut consumer).await;
        if matches!(stopped, Stopped::Shutdown) {
            // What was sent ahead and not begun goes back to the queue with the channel. The consumer is kept until
            // then; `Walk::finish` says why.
            let endpoint = link.endpoint();
            let cancel = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
            let close = channel.close(200, "closed by the client".into());
            for (what, result) in [
                ("cancel the consumer", endpoint.request("cancel the consumer", cancel).await),
                ("close the channel", endpoint.request("close the channel", close).await),
            ] {
                if let Err(error) = result {
                    tracing::debug!(queue = H::QUEUE.name, what, %error, "could not end in an orderly way");
                }
            }
        }
        stopped
    }

    async fn subscribe(&self, link: &Link) -> Result<(Channel, Consumer), BrokerError> {
        let channel = link.channel().await?;
        link.decisive("set the prefetch", channel.basic_qos(H::PREFETCH, BasicQosOptions::default())).await?;
        let consuming = channel.basic_consume(
            H::QUEUE.name.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = link.decisive("consume", consuming).await?;
        Ok((channel, consumer))
    }

    async fn work(&self, link: &Link, channel: &Channel, consumer: &mut Consumer) -> Stopped {
        let mut bench = Bench {
            handler: &self.handler,
            lane: &self.lane,
            link,
            channel,
            shutdown: &self.shutdown,
            clock: &self.clock,
            unacked: None,
        };
        loop {
            let worked = match self.next_batch(consumer, bench.ack_at()).await {
                Ok(batch) => bench.process(batch).await,
                Err(stopped) => Err(stopped),
            };
            let acked = match worked {
                Ok(()) if bench.ack_at().is_none_or(|at| at > Instant::now()) => Ok(()),
                Ok(()) => bench.ack_unacked().await,
                Err(Stopped::Shutdown) => bench.ack_unacked().await.and(Err(Stopped::Shutdown)),
                lost => lost,
            };
            if let Err(stopped) = acked {
                return stopped;
            }
        }
    }

    /// Waits for a message, until this time if there is one, then takes those that have arrived with it, or soon after
    /// it.
    async fn next_batch(
        &self,
        consumer: &mut Consumer,
        until: Option<Instant>,
    ) -> Result<Vec<Original>, Stopped> {
        let first = self.shutdown.or(consumer.next());
        let first = match until {
            Some(until) => match timeout_at(until.into(), first).await {
                Ok(first) => first,
                Err(_elapsed) => return Ok(Vec::new()),
            },
            None => first.await,
        };
        let first = first.ok_or(Stopped::Shutdown)?;
        let mut batch = vec![delivered(first)?];
        let mut bytes = batch[0].size();
        let until = Instant::now() + H::LINGER;
        while batch.len() < H::BATCH && bytes < BATCH_BYTES {
            let next = match consumer.next().now_or_never() {
                Some(next) => next,
                None if H::LINGER.is_zero() => break,
                None => match self.shutdown.or(timeout_at(until.into(), consumer.next())).await {
                    Some(Ok(next)) => next,
                    Some(Err(_elapsed)) => break,
                    None => return Err(Stopped::Shutdown),
                },
            };
            let next = delivered(next)?;
            bytes += next.size();
            batch.push(next);
        }
        Ok(batch)
    }
}

fn delivered(next: Option<lapin::Result<lapin::message::Delivery>>) -> Result<Original, Stopped> {
    match next {
        Some(Ok(delivery)) => Ok(delivery.into()),
        Some(Err(error)) => Err(Stopped::Lost(format!("the channel is lost: {error}"))),
        None => Err(Stopped::Lost("the broker has cancelled the consumer".to_owned())),
    }
}

pub(crate) fn error_line(error: &BrokerError) -> String {
    crate::disposition::chain(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_prefetch_is_two_batches() {
        assert_eq!(two_batches(1), 2);
        assert_eq!(two_batches(64), 128);
        assert_eq!(two_batches(usize::MAX), u16::MAX);
    }
}
