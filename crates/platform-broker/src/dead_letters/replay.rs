//! Sending dead letters back to their work queue, each exactly once, also when the process is killed half-way.
//!
//! AMQP cannot take a message out of one queue and put it into another in one step, so a replay goes through a
//! queue of its own, `<queue>.replay`, which nobody consumes:
//!
//! 1. a copy is published there and confirmed,
//! 2. the dead letter is acked,
//! 3. the copy is rejected, and the broker itself dead-letters it to the work queue, at least once.
//!
//! Killed before 2, the letter lies in both places; whoever goes on sees that by its fingerprint and leaves out
//! step 1. Killed before 3, the copy is still there. Steps 2 and 3 are one message each, which the broker has
//! got or not. Only a broker that dies within step 3 may do it twice; consumers know the `message_id` then.
//!
//! What is being done, the plan, lies in that queue too, so that a replay can be resumed by anybody. The queue
//! is declared by the first replay and stays.

use super::{DeadLetter, DeadLetters, PIPELINE, Walk};
use crate::copies::{Original, short, text};
use crate::error::BrokerError;
use crate::topology::dead_lettering;
use bytes::Bytes;
use contracts::topology::HOLD_DELIVERY_LIMIT;
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicRejectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Consumer};
use std::collections::HashMap;
use std::time::Duration;

/// What tells the plan from the copies.
const PLAN: &str = "leadwire.replay-plan";
/// How long a copy may take from the broker's confirm until it comes to this consumer.
const COPY_TIMEOUT: Duration = Duration::from_secs(30);

const REPLAY_OF: &str = "x-replay-of";
const REPLAYED_BY: &str = "x-replayed-by";
const REPLAY_RUN: &str = "x-replay-run";

/// Where the dead letters of a work queue lie while they are replayed.
pub fn replay_queue(queue: &str) -> String {
    format!("{queue}.replay")
}

/// What a replayed message says of its replay.
#[derive(Clone, Debug)]
pub struct Marks {
    /// The operator.
    pub by: String,
    /// The run, so that a message that dies again is not taken again.
    pub run: String,
}

impl DeadLetter {
    /// The run that it was replayed in last.
    pub fn replay_run(&self) -> Option<String> {
        self.text(REPLAY_RUN)
    }
}

/// A replay of the dead letters of one work queue, new or found half-way.
#[derive(Debug)]
pub struct Replay {
    letters: DeadLetters,
    /// The replay's own queue.
    queue: String,
    channel: Channel,
    consumer: Consumer,
    publishing: Channel,
    plan: Option<(u64, Bytes)>,
    /// Copies that wait, in their order, with the fingerprint of their dead letter.
    waiting: Vec<(String, u64)>,
}

impl DeadLetters {
    /// Looks for a replay of a work queue that has not come to its end, and prepares for one. Only with the lock
    /// of its dead-letter queue.
    ///
    /// # Errors
    /// When the queue cannot be declared, or not be read.
    pub async fn replay(&self, work_queue: &str) -> Result<Replay, BrokerError> {
        let link = &self.link;
        let queue = replay_queue(work_queue);
        let channel = link.channel().await?;
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        let arguments = dead_lettering("", work_queue, HOLD_DELIVERY_LIMIT, None);
        let declaring = channel.queue_declare(queue.as_str().into(), options, arguments);
        link.decisive("cannot declare the queue of replays", declaring).await?;
        self.quiet(&queue).await?;
        let found = self.look(&channel, &queue).await?.map_or(0, |depth| depth.messages);
        let consuming = channel.basic_consume(
            queue.as_str().into(),
            "replay".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = link.decisive("consume", consuming).await?;
        let publishing = link.confirm_channel().await?;
        let letters = self.clone();
        let mut replay =
            Replay { letters, queue, channel, consumer, publishing, plan: None, waiting: Vec::new() };
        for _ in 0..found {
            replay.receive().await?;
        }
        Ok(replay)
    }
}

impl Replay {
    /// The plan of a replay that was begun and not ended.
    pub fn plan(&self) -> Option<&[u8]> {
        self.plan.as_ref().map(|(_, plan)| &plan[..])
    }

    /// How many copies an earlier process has left here.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Stores what is about to be done.
    ///
    /// # Errors
    /// When the broker does not confirm it.
    pub async fn begin(&mut self, plan: Vec<u8>) -> Result<(), BrokerError> {
        let properties = BasicProperties::default().with_delivery_mode(2).with_type(PLAN.into());
        let letter = crate::copies::Letter {
            exchange: "".into(),
            routing_key: self.name()?,
            properties,
            payload: plan.into(),
        };
        self.letters.publish(&self.publishing, &[letter]).await?;
        self.receive().await
    }

    /// Finishes what an earlier process has left half-done: takes out of the walk what lies here already, and
    /// sends that on. The walk is over a whole dead-letter queue. Answers how many were sent.
    ///
    /// # Errors
    /// When the connection is lost; to be called again then.
    pub async fn go_on(&mut self, mut walk: Walk) -> Result<usize, BrokerError> {
        let sent = self.waiting.len();
        let mut copies: HashMap<&str, usize> = HashMap::new();
        for (of, _) in &self.waiting {
            *copies.entry(of).or_default() += 1;
        }
        while !copies.is_empty() {
            let Some(letter) = walk.next().await? else { break };
            let fingerprint = letter.fingerprint();
            let Some(left) = copies.get_mut(fingerprint.as_str()) else { continue };
            *left -= 1;
            if *left == 0 {
                copies.remove(fingerprint.as_str());
            }
            walk.remove(&[letter]).await?;
        }
        walk.finish().await?;
        self.release().await?;
        Ok(sent)
    }

    /// Replays letters of a walk.
    ///
    /// # Errors
    /// When the connection is lost; what is half-done then is finished by [`Replay::go_on`].
    pub async fn pass(
        &mut self,
        walk: &mut Walk,
        batch: &[DeadLetter],
        marks: &Marks,
    ) -> Result<(), BrokerError> {
        self.stage(batch, marks).await?;
        walk.remove(batch).await?;
        self.release().await
    }

    /// Step 1 alone.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn stage(&mut self, batch: &[DeadLetter], marks: &Marks) -> Result<(), BrokerError> {
        let mut copies = Vec::with_capacity(batch.len());
        for letter in batch {
            let marks = [
                (REPLAY_OF, text(&letter.fingerprint())),
                (REPLAYED_BY, text(&marks.by)),
                (REPLAY_RUN, text(&marks.run)),
            ];
            let copy = letter.original.fresh_copy("", &self.queue, marks);
            copies.push(copy.ok_or_else(|| too_long("copy a dead letter"))?);
        }
        self.letters.publish(&self.publishing, &copies).await?;
        for _ in batch {
            self.receive().await?;
        }
        Ok(())
    }

    /// Ends the replay: nothing is left of it here but the queue.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn end(mut self) -> Result<(), BrokerError> {
        if let Some((tag, _)) = self.plan.take() {
            let acking = self.channel.basic_ack(tag, BasicAckOptions::default());
            self.letters.link.decisive("forget the plan", acking).await?;
        }
        self.pause().await
    }

    /// Lets go, to be found again: the broker does not let one process hold messages for ever.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn pause(self) -> Result<(), BrokerError> {
        // The consumer ends with its channel; see `Walk::finish`.
        self.letters.close(self.channel).await?;
        self.letters.close(self.publishing).await?;
        self.letters.quiet(&self.queue).await
    }

    /// Step 3, for every copy.
    async fn release(&mut self) -> Result<(), BrokerError> {
        for some in std::mem::take(&mut self.waiting).chunks(PIPELINE) {
            for (_, tag) in some {
                let rejecting = self.channel.basic_reject(*tag, BasicRejectOptions { requeue: false });
                self.letters.link.decisive("send a message on", rejecting).await?;
            }
            self.letters.settled(&self.channel, &self.queue).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<(), BrokerError> {
        let next = tokio::time::timeout(COPY_TIMEOUT, self.consumer.next()).await;
        let next =
            next.map_err(|_elapsed| BrokerError::Timeout { what: "read a copy", limit: COPY_TIMEOUT })?;
        let Some(next) = next else {
            let source = "the broker has cancelled the consumer".into();
            return Err(BrokerError::Refused { what: "read a copy", source });
        };
        self.keep(next.map_err(BrokerError::refused("read a copy"))?.into());
        Ok(())
    }

    fn keep(&mut self, copy: Original) {
        if copy.kind() == Some(PLAN) {
            self.plan = Some((copy.tag, copy.payload));
        } else {
            let of = copy.header(REPLAY_OF).map(super::letter::plain).unwrap_or_default();
            self.waiting.push((of, copy.tag));
        }
    }

    fn name(&self) -> Result<lapin::types::ShortString, BrokerError> {
        short(&self.queue).ok_or_else(|| too_long("name the queue of replays"))
    }
}

fn too_long(what: &'static str) -> BrokerError {
    BrokerError::Refused { what, source: "a name is longer than 255 bytes".into() }
}
