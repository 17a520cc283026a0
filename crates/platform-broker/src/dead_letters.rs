//! An operator's way to dead letters: looking at them, taking some out, sending some back to work.
//!
//! For what operators do, not for consumers: a connection that lives as long as the work, and errors that end it.
//! A queue is worked on by one at a time ([`DeadLetters::lock`]), because whoever looks holds what he looks at.

mod facts;
mod filter;
mod groups;
mod inside;
mod letter;
mod replay;
mod run;
mod walk;

pub use facts::{Facts, payload};
pub use filter::Filter;
pub use groups::{Group, Groups};
pub use inside::{Inside, plain};
pub use letter::DeadLetter;
pub use replay::{Marks, Replay, replay_queue};
pub use run::{Counted, Plan, Step, carry_out, count};
pub use walk::Walk;

use crate::connection::{Endpoint, Link};
use crate::copies::Letter;
use crate::error::BrokerError;
use crate::lane::transmit;
use crate::settings::BrokerSettings;
use lapin::options::{BasicGetOptions, BasicRejectOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ErrorKind};
use platform::messaging::PublishOutcome;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long the broker may take to put back what a connection that is gone has held.
const PATIENCE: Duration = Duration::from_secs(35);
const LOOK: Duration = Duration::from_millis(50);
/// Acks that are under way at once. A channel of RabbitMQ keeps those beyond 32 back, and loses them when it ends.
const PIPELINE: usize = 30;

/// A connection for looking after dead letters.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    link: Arc<Link>,
}

/// What the broker says of a queue without touching it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait. Those that somebody holds are not among them.
    pub messages: u32,
    /// Who consumes it.
    pub consumers: u32,
}

/// The right to work on a queue, until it is given back or the connection ends: an exclusive queue, which the
/// broker deletes with the connection that declared it.
#[derive(Debug)]
pub struct Lock {
    letters: DeadLetters,
    channel: Channel,
    name: String,
}

impl DeadLetters {
    /// Connects under a name that the broker shows.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn connect(settings: &BrokerSettings, name: &str) -> Result<Self, BrokerError> {
        let link = Link::open(&Endpoint::new(settings)?, name).await?;
        Ok(Self { link: Arc::new(link) })
    }

    /// What lies in a queue; `None` when there is no such queue.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn depth(&self, queue: &str) -> Result<Option<Depth>, BrokerError> {
        let channel = self.link.channel().await?;
        let found = self.look(&channel, queue).await;
        if found.as_ref().is_ok_and(Option::is_some) {
            self.close(channel).await?;
        }
        found
    }

    /// Waits until no other command works on a queue; `None` when one still does. A killed one's connection ends
    /// at once, one on a lost machine with its heartbeats.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn lock(&self, queue: &str, patience: Duration) -> Result<Option<Lock>, BrokerError> {
        let link = &self.link;
        let name = format!("leadwire.lock.{queue}");
        let deadline = Instant::now() + patience;
        loop {
            let channel = link.channel().await?;
            let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
            let mut arguments = FieldTable::default();
            arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
            let declaring = channel.queue_declare(name.as_str().into(), options, arguments);
            match tokio::time::timeout(link.endpoint().request_timeout, declaring).await {
                Ok(Ok(_)) => {
                    self.quiet(queue).await?;
                    return Ok(Some(Lock { letters: self.clone(), channel, name }));
                }
                Ok(Err(error)) if is_locked(&error) && Instant::now() < deadline => {
                    sleep_until(Instant::now() + LOOK).await;
                }
                Ok(Err(error)) if is_locked(&error) => return Ok(None),
                Ok(Err(error)) => return Err(BrokerError::refused("lock the queue")(error)),
                Err(_elapsed) => {
                    let limit = link.endpoint().request_timeout;
                    return Err(BrokerError::Timeout { what: "lock the queue", limit });
                }
            }
        }
    }

    /// Begins to go through a queue from its first message.
    ///
    /// # Errors
    /// When there is no such queue.
    pub async fn walk(&self, queue: &str) -> Result<Walk, BrokerError> {
        Walk::begin(self.clone(), queue).await
    }

    /// Goes through a queue for as long as `visit` wants more. False when somebody else works on it for longer than
    /// `patience`.
    ///
    /// # Errors
    /// What `visit` fails with, or when the connection is lost.
    pub async fn each<E: From<BrokerError>>(
        &self,
        queue: &str,
        patience: Duration,
        mut visit: impl AsyncFnMut(&DeadLetter) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let Some(lock) = self.lock(queue, patience).await? else { return Ok(false) };
        let mut walk = self.walk(queue).await?;
        while let Some(letter) = walk.next().await? {
            if !visit(&letter).await? {
                break;
            }
        }
        walk.finish().await?;
        lock.release().await?;
        Ok(true)
    }

    /// Closes the connection.
    pub async fn close_connection(self) {
        self.link.close().await;
    }

    /// Waits until the broker has put back what an earlier holder held: the consumer goes in the same step
    /// in which its messages come back.
    async fn quiet(&self, queue: &str) -> Result<(), BrokerError> {
        let deadline = Instant::now() + PATIENCE;
        while self.depth(queue).await?.is_some_and(|depth| depth.consumers > 0) {
            if Instant::now() >= deadline {
                return Err(BrokerError::Refused {
                    what: "wait for the queue",
                    source: format!("something else consumes {queue}").into(),
                });
            }
            sleep_until(Instant::now() + LOOK).await;
        }
        Ok(())
    }

    async fn look(&self, channel: &Channel, queue: &str) -> Result<Option<Depth>, BrokerError> {
        let options = QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
        let looking = channel.queue_declare(queue.into(), options, FieldTable::default());
        match tokio::time::timeout(self.link.endpoint().request_timeout, looking).await {
            Ok(Ok(found)) => {
                Ok(Some(Depth { messages: found.message_count(), consumers: found.consumer_count() }))
            }
            Ok(Err(error)) if is_missing(&error) => Ok(None),
            Ok(Err(error)) => Err(BrokerError::refused("look at a queue")(error)),
            Err(_elapsed) => {
                let limit = self.link.endpoint().request_timeout;
                Err(BrokerError::Timeout { what: "look at a queue", limit })
            }
        }
    }

    /// Waits until the queue has applied what a channel has acked or rejected, at most [`PIPELINE`] messages since the
    /// last time: the answer to a `get` follows them in the queue's log. What it fetches goes back to the head at once.
    async fn settled(&self, channel: &Channel, queue: &str) -> Result<(), BrokerError> {
        let getting = channel.basic_get(queue.into(), BasicGetOptions::default());
        if let Some(message) = self.link.decisive("wait for the queue", getting).await? {
            let returning =
                channel.basic_reject(message.delivery.delivery_tag, BasicRejectOptions { requeue: true });
            self.link.decisive("put a message back", returning).await?;
        }
        Ok(())
    }

    async fn close(&self, channel: Channel) -> Result<(), BrokerError> {
        let closing = channel.close(200, "closed by the client".into());
        self.link.decisive("close the channel", closing).await
    }

    /// Publishes all of a window, or says that it cannot be known.
    async fn publish(&self, channel: &Channel, window: &[Letter]) -> Result<(), BrokerError> {
        let deadline = Instant::now() + self.link.endpoint().confirm_timeout;
        let (outcomes, _) = transmit(channel, window, deadline).await;
        if outcomes.iter().all(|outcome| *outcome == PublishOutcome::Confirmed) {
            return Ok(());
        }
        let source = "the broker has not confirmed every message".into();
        Err(BrokerError::Refused { what: "publish", source })
    }
}

impl Lock {
    /// Gives the right back.
    ///
    /// # Errors
    /// When the connection is lost, and the right with it.
    pub async fn release(self) -> Result<(), BrokerError> {
        let deleting = self.channel.queue_delete(self.name.as_str().into(), QueueDeleteOptions::default());
        self.letters.link.decisive("unlock the queue", deleting).await?;
        self.letters.close(self.channel).await
    }
}

fn is_missing(error: &lapin::Error) -> bool {
    is_soft(error, &AMQPSoftError::NOTFOUND)
}

fn is_locked(error: &lapin::Error) -> bool {
    is_soft(error, &AMQPSoftError::RESOURCELOCKED)
}

fn is_soft(error: &lapin::Error, wanted: &AMQPSoftError) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    matches!(error.kind(), AMQPErrorKind::Soft(soft) if soft == wanted)
}
