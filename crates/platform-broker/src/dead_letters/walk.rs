//! Going through a queue without disturbing it.
//!
//! A message is held, unacknowledged, until the walk ends; then the broker puts all of them back at the head of
//! the queue, in their order. Three facts of quorum queues make that exact: what was put back before is sent
//! before everything else and is marked as redelivered; messages come back by consumer, in the order of the
//! consumers' names as long as these are at most 32; and of one consumer in the order in which they were sent.
//! So a walk ends only behind the last redelivered message, and uses few consumers, each with a window that
//! bounds what is on its way here.
//!
//! The broker counts each look as a delivery. The delivery limit of these queues is a thousand million.

use super::{DeadLetter, DeadLetters, PIPELINE};
use crate::copies::{ERROR_KIND, Letter};
use crate::error::BrokerError;
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use std::time::Duration;

/// Messages on their way here at once, at least.
const WINDOW: u32 = 500;
/// Consumers of one walk.
const WINDOWS: u8 = 31;
/// How long the next message may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A walk through a queue, as long as the queue was when it began.
#[derive(Debug)]
pub struct Walk {
    letters: DeadLetters,
    channel: Channel,
    queue: String,
    consumer: Option<Consumer>,
    /// What one consumer may hold.
    window: u16,
    /// The number of the current consumer, from 1.
    windows: u8,
    /// What the current consumer holds.
    held: u16,
    left: u32,
    /// Whether the last message had been looked at before.
    seen_before: bool,
}

impl Walk {
    pub(super) async fn begin(letters: DeadLetters, queue: &str) -> Result<Self, BrokerError> {
        let channel = letters.link.channel().await?;
        let Some(depth) = letters.look(&channel, queue).await? else {
            return Err(BrokerError::Refused {
                what: "look at a queue",
                source: format!("there is no queue {queue}").into(),
            });
        };
        let window = (depth.messages / u32::from(WINDOWS) + 1).max(WINDOW);
        Ok(Self {
            letters,
            channel,
            queue: queue.to_owned(),
            consumer: None,
            window: u16::try_from(window).unwrap_or(u16::MAX),
            windows: 0,
            held: 0,
            left: depth.messages,
            seen_before: false,
        })
    }

    /// How many messages there were at the beginning, less those that have come.
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// Whether the next message comes to another consumer. What is to be taken out should be taken out before.
    pub const fn is_full(&self) -> bool {
        self.held >= self.window
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// When the connection is lost, or somebody else holds what should come.
    pub async fn next(&mut self) -> Result<Option<DeadLetter>, BrokerError> {
        if self.left == 0 {
            return Ok(None);
        }
        if (self.consumer.is_none() || self.is_full()) && !self.open_window().await? {
            self.left = 0;
            return Ok(None);
        }
        let Some(letter) = self.receive().await? else { return Ok(None) };
        self.left -= 1;
        self.held += 1;
        self.seen_before = letter.original.redelivered;
        Ok(Some(letter))
    }

    /// Takes messages out of the queue.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn remove(&mut self, letters: &[DeadLetter]) -> Result<(), BrokerError> {
        for some in letters.chunks(PIPELINE) {
            for letter in some {
                let acking = self.channel.basic_ack(letter.original.tag, BasicAckOptions::default());
                self.letters.link.decisive("remove a dead letter", acking).await?;
                if letter.window == self.windows {
                    self.held = self.held.saturating_sub(1);
                }
            }
            self.letters.settled(&self.channel, &self.queue).await?;
        }
        Ok(())
    }

    /// Puts messages with other payloads in the place of some, at the end of the queue. Everything else that is
    /// known of them stays.
    ///
    /// # Errors
    /// When the connection is lost; a message may then be there in both forms.
    pub async fn replace(&mut self, letters: Vec<(DeadLetter, Vec<u8>)>) -> Result<(), BrokerError> {
        let channel = self.letters.link.confirm_channel().await?;
        for (letter, payload) in letters {
            // The broker's own record of a death does not survive a copy.
            let reason = letter.reason().map(|reason| (ERROR_KIND, crate::copies::text(&reason)));
            let payload = letter.original.recoded(payload).map_err(|error| BrokerError::Refused {
                what: "encode a dead letter",
                source: error.into(),
            })?;
            let copy = letter.original.copy("", &self.queue, reason).ok_or_else(|| BrokerError::Refused {
                what: "copy a dead letter",
                source: "a name is longer than 255 bytes".into(),
            })?;
            self.letters.publish(&channel, &[Letter { payload, ..copy }]).await?;
            self.remove(&[letter]).await?;
        }
        self.letters.close(channel).await
    }

    /// Ends the walk: every message that was not taken out lies where it lay.
    ///
    /// # Errors
    /// When the connection is lost. The broker puts the messages back then, too.
    pub async fn finish(mut self) -> Result<(), BrokerError> {
        while self.seen_before {
            if self.next().await?.is_none() {
                break;
            }
        }
        // The consumer ends with its channel: dropped before, it would be cancelled beside the close, and a cancel
        // that comes behind it ends the whole connection.
        self.letters.close(self.channel).await?;
        self.letters.quiet(&self.queue).await
    }

    /// Goes on with another consumer. False when there are enough: what is left is not looked at.
    async fn open_window(&mut self) -> Result<bool, BrokerError> {
        let link = &self.letters.link;
        if let Some(previous) = self.consumer.take() {
            // It keeps what it holds, and gets nothing for what is taken out of that.
            let cancelling = self.channel.basic_cancel(previous.tag(), BasicCancelOptions::default());
            link.decisive("stop a consumer", cancelling).await?;
        }
        if self.windows == WINDOWS {
            tracing::warn!(queue = self.queue, left = self.left, "the rest is not looked at in this walk");
            return Ok(false);
        }
        self.windows += 1;
        self.held = 0;
        let limiting = self.channel.basic_qos(self.window, BasicQosOptions::default());
        link.decisive("set the prefetch", limiting).await?;
        // The names sort as the numbers do.
        let name = format!("walk-{:02}", self.windows);
        let consuming = self.channel.basic_consume(
            self.queue.as_str().into(),
            name.as_str().into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        self.consumer = Some(link.decisive("consume", consuming).await?);
        Ok(true)
    }

    /// Waits for a message that is there: as many have to come as there were when the walk began, because nobody else
    /// takes any. A broker under load may be slow to send them; an end that is not one would leave some out.
    async fn receive(&mut self) -> Result<Option<DeadLetter>, BrokerError> {
        let Some(consumer) = &mut self.consumer else { return Ok(None) };
        match tokio::time::timeout(PATIENCE, consumer.next()).await {
            Ok(Some(Ok(delivery))) => Ok(Some(DeadLetter::new(delivery, self.windows))),
            Ok(Some(Err(error))) => Err(BrokerError::refused("read a dead letter")(error)),
            Ok(None) => {
                let source = "the broker has cancelled the consumer".into();
                Err(BrokerError::Refused { what: "read a dead letter", source })
            }
            Err(_elapsed) => {
                let source =
                    format!("something else took or holds {} message(s) of {}", self.left, self.queue);
                Err(BrokerError::Refused { what: "read a dead letter", source: source.into() })
            }
        }
    }
}
