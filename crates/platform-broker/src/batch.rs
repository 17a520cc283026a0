//! One batch, from its deliveries to its acks.
//!
//! The order that makes it safe: a copy for the ladder or the dead-letter queue is confirmed before its
//! original is acked, and what cannot be confirmed is held. A crash between the two makes a duplicate,
//! never a loss. Whenever the batch is left without an ack, the broker delivers it again.

use crate::backoff::Backoff;
use crate::connection::Link;
use crate::consumer::{HandleError, Handler, Incoming, error_line};
use crate::copies::Original;
use crate::disposition::{Failure, FailureKind, Fate, chain};
use crate::lane::Lane;
use crate::trace;
use futures_util::FutureExt;
use lapin::Channel;
use lapin::options::BasicAckOptions;
use platform::clock::Clock;
use platform::ids::time_of;
use platform::lifecycle::Shutdown;
use platform::messaging::PublishOutcome;
use serde::de::DeserializeOwned;
use std::panic::AssertUnwindSafe;
use std::slice::from_ref;
use std::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

/// Why work on a channel ends.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The shutdown has begun.
    Shutdown,
    /// The channel or its connection is lost, for this reason.
    Lost(String),
}

/// Where a batch is worked on: the handler, the channel that it came on, the lane that copies leave on.
pub(crate) struct Bench<'a, H> {
    pub(crate) handler: &'a H,
    pub(crate) lane: &'a Lane,
    pub(crate) link: &'a Link,
    pub(crate) channel: &'a Channel,
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) clock: &'a Clock,
    pub(crate) unacked: Option<Unacked>,
}

/// Messages that are processed, and are acked together. Nothing of the channel before the last of them is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unacked {
    last: u64,
    count: usize,
    /// When the first of them has waited long enough.
    until: Instant,
}

impl<H: Handler> Bench<'_, H> {
    /// Processes deliveries and settles each of them. On an error the rest is left to the broker.
    pub(crate) async fn process(&mut self, deliveries: Vec<Original>) -> Result<(), Stopped> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let queue = H::QUEUE.name;
        metrics::histogram!("leadwire_consumer_batch_size", "queue" => queue).record(size(deliveries.len()));
        let mut originals = Vec::with_capacity(deliveries.len());
        let mut batch = Vec::with_capacity(deliveries.len());
        let mut unreadable = Vec::new();
        for original in deliveries {
            match decode(&original) {
                Ok(incoming) => {
                    originals.push(original);
                    batch.push(incoming);
                }
                Err(failure) => unreadable.push((original, failure)),
            }
        }
        if !batch.is_empty() {
            let all = unreadable.is_empty();
            self.settle(&originals, &batch, all).instrument(span(queue, &originals, &batch)).await?;
        }
        for (original, failure) in unreadable {
            let span = trace::processing(
                queue,
                1,
                original.message_id(),
                original.traceparent().as_deref().into_iter(),
            );
            self.dispose(&original, failure).instrument(span).await?;
        }
        Ok(())
    }

    async fn settle(
        &mut self,
        originals: &[Original],
        batch: &[Incoming<H::Message>],
        all: bool,
    ) -> Result<(), Stopped> {
        let Err(failure) = self.attempt(batch).await? else {
            return self.ack_batch(originals, all).await;
        };
        if let [original] = originals {
            return self.dispose(original, failure).await;
        }
        tracing::warn!(
            queue = H::QUEUE.name,
            messages = batch.len(),
            kind = ?failure.kind,
            error = failure.error,
            "batch failed, processing its messages one by one"
        );
        for (original, incoming) in originals.iter().zip(batch) {
            let span = span(H::QUEUE.name, from_ref(original), from_ref(incoming));
            self.settle_one(original, incoming).instrument(span).await?;
        }
        Ok(())
    }

    async fn settle_one(
        &mut self,
        original: &Original,
        incoming: &Incoming<H::Message>,
    ) -> Result<(), Stopped> {
        match self.attempt(from_ref(incoming)).await? {
            Ok(()) => self.ack_batch(from_ref(original), false).await,
            Err(failure) => self.dispose(original, failure).await,
        }
    }

    /// Runs the handler until its dependencies are there: the batch is held, not given back, because a
    /// nack would come round again at once and use up the queue's delivery limit in no time.
    async fn attempt(&self, batch: &[Incoming<H::Message>]) -> Result<Result<(), Failure>, Stopped> {
        let mut pause = Pause::new(H::QUEUE.name);
        loop {
            let run = AssertUnwindSafe(async { self.handler.handle(batch).await });
            let failure = match run.catch_unwind().await {
                Ok(Ok(())) => {
                    tracing::debug!(messages = batch.len(), "processed");
                    return Ok(Ok(()));
                }
                Ok(Err(HandleError::Unavailable(error))) => {
                    self.hold(&mut pause, &format!("a dependency is unavailable: {}", chain(&*error)))
                        .await?;
                    continue;
                }
                Ok(Err(HandleError::Transient(error))) => Failure::of(FailureKind::Transient, &*error),
                Ok(Err(HandleError::Permanent(error))) => Failure::of(FailureKind::Permanent, &*error),
                // The panic's own text may quote the payload; the panic hook has logged it.
                Err(_panic) => Failure::new(FailureKind::Panic, "the handler panicked"),
            };
            return Ok(Err(failure));
        }
    }

    /// Sends a failed message on its way and acks it, once its copy is confirmed.
    async fn dispose(&self, original: &Original, failure: Failure) -> Result<(), Stopped> {
        let attempt = original.attempt();
        let fate = Fate::of(failure.kind, attempt);
        tracing::warn!(
            queue = H::QUEUE.name,
            message_id = original.message_id(),
            "type" = original.kind(),
            attempt,
            kind = ?failure.kind,
            error = failure.error,
            disposition = fate.label(),
            "message failed"
        );
        let mut pause = Pause::new(H::QUEUE.name);
        loop {
            let letter = fate.letter(original, &H::QUEUE, &failure.error, self.clock);
            let outcome = match letter {
                Some(letter) => self.lane.send(from_ref(&letter)).await,
                None => Vec::new(),
            };
            if outcome == [PublishOutcome::Confirmed] {
                break;
            }
            self.hold(&mut pause, "the copy of a failed message is not confirmed").await?;
        }
        self.ack(original.tag, false).await?;
        count(H::QUEUE.name, fate.label(), 1);
        Ok(())
    }

    /// Acks processed messages; in one go when nothing else of the channel's deliveries so far is open.
    async fn ack_batch(&mut self, originals: &[Original], all: bool) -> Result<(), Stopped> {
        match originals {
            [.., last] if all && H::ACK_LINGER.is_zero() => self.ack(last.tag, originals.len() > 1).await?,
            [.., last] if all => {
                let (count, until) = match self.unacked {
                    Some(before) => (before.count, before.until),
                    None => (0, Instant::now() + H::ACK_LINGER),
                };
                self.unacked = Some(Unacked { last: last.tag, count: count + originals.len(), until });
            }
            _ => {
                for original in originals {
                    self.ack(original.tag, false).await?;
                }
            }
        }
        count(H::QUEUE.name, "acked", originals.len());
        self.record_lag(originals);
        Ok(())
    }

    /// When the acks that wait are to leave, if there are any.
    pub(crate) fn ack_at(&self) -> Option<Instant> {
        let unacked = self.unacked?;
        Some(if unacked.count * 2 >= H::BATCH { Instant::now() } else { unacked.until })
    }

    /// Acks what is processed and was not acked yet.
    pub(crate) async fn ack_unacked(&mut self) -> Result<(), Stopped> {
        match self.unacked.take() {
            Some(unacked) => self.ack(unacked.last, true).await,
            None => Ok(()),
        }
    }

    /// How long ago messages were accepted, as the time in their ids says. What comes a second time, for
    /// whatever reason, says nothing of how well the consumer keeps up.
    fn record_lag(&self, originals: &[Original]) {
        let lag = metrics::histogram!("leadwire_consumer_lag_seconds", "queue" => H::QUEUE.name);
        let now = self.clock.now();
        for original in originals.iter().filter(|original| original.is_first_time()) {
            let id = original.message_id().and_then(|id| Uuid::try_parse(id).ok());
            if let Some(accepted) = id.and_then(time_of) {
                lag.record((now - accepted).to_std().unwrap_or_default());
            }
        }
    }

    async fn ack(&self, tag: u64, multiple: bool) -> Result<(), Stopped> {
        let acking = self.channel.basic_ack(tag, BasicAckOptions { multiple });
        self.link.decisive("ack", acking).await.map_err(|error| Stopped::Lost(error_line(&error)))
    }

    /// Keeps what is in hand for a while; ends when the process does, or when the broker has taken the
    /// messages back with the channel.
    async fn hold(&self, pause: &mut Pause, reason: &str) -> Result<(), Stopped> {
        let wait = pause.next(reason);
        if !self.shutdown.sleep(wait).await {
            return Err(Stopped::Shutdown);
        }
        if !self.channel.status().connected() {
            return Err(Stopped::Lost("the channel is lost".to_owned()));
        }
        Ok(())
    }
}

/// A consumer's wait for something outside; visible as `leadwire_consumer_paused` while it lasts.
struct Pause {
    queue: &'static str,
    backoff: Backoff,
    begun: bool,
}

impl Pause {
    const fn new(queue: &'static str) -> Self {
        Self { queue, backoff: Backoff::new(), begun: false }
    }

    fn next(&mut self, reason: &str) -> std::time::Duration {
        if !self.begun {
            self.begun = true;
            metrics::gauge!("leadwire_consumer_paused", "queue" => self.queue).increment(1);
            tracing::warn!(queue = self.queue, reason, "holding messages until this has passed");
        }
        self.backoff.next()
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if self.begun {
            metrics::gauge!("leadwire_consumer_paused", "queue" => self.queue).decrement(1);
            tracing::info!(queue = self.queue, "no longer holding messages");
        }
    }
}

fn decode<M: DeserializeOwned>(original: &Original) -> Result<Incoming<M>, Failure> {
    let undecodable = |error: String| Failure::new(FailureKind::Undecodable, error);
    let message_id = original
        .message_id()
        .and_then(|id| Uuid::try_parse(id).ok())
        .ok_or_else(|| undecodable("the message_id is missing or not a uuid".to_owned()))?;
    let payload = original.body().map_err(|error| undecodable(error.to_string()))?;
    let message = serde_json::from_slice(&payload).map_err(|error| {
        // serde_json's own text quotes values of the payload.
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        undecodable(format!("the body does not decode: {kind:?} error at line {line} column {column}"))
    })?;
    Ok(Incoming {
        message,
        payload,
        message_id,
        kind: original.kind().map(str::to_owned),
        attempt: original.attempt(),
        traceparent: original.traceparent(),
        redelivered: original.redelivered,
    })
}

fn span<M>(queue: &'static str, originals: &[Original], batch: &[Incoming<M>]) -> tracing::Span {
    let message_id = if let [original] = originals { original.message_id() } else { None };
    trace::processing(
        queue,
        batch.len(),
        message_id,
        batch.iter().filter_map(|incoming| incoming.traceparent.as_deref()),
    )
}

fn count(queue: &'static str, disposition: &'static str, messages: usize) {
    metrics::counter!("leadwire_messages_consumed_total", "queue" => queue, "disposition" => disposition)
        .increment(messages as u64);
}

fn size(messages: usize) -> f64 {
    f64::from(u32::try_from(messages).unwrap_or(u32::MAX))
}
