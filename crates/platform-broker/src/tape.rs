//! Reading a tape: what a work queue was sent, whatever became of it there.
//!
//! Reading takes nothing away, so there is nothing to retry, to dead-letter or to lose. Where to go on is the
//! reader's to keep: each message has an offset, and offsets begin anew when the tape is declared anew.

use crate::connection::Link;
use crate::consumer::BATCH_BYTES;
use crate::copies::Original;
use crate::error::BrokerError;
use crate::supervisor::Supervised;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::topology::Tape;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const OFFSET: &str = "x-stream-offset";
/// Messages that the broker may send ahead.
const AHEAD: u16 = 64;
/// After so long without a message the tape is at its end. The first one takes longer.
const FIRST: Duration = Duration::from_secs(2);
const NEXT: Duration = Duration::from_millis(200);

/// The way to a tape. Holds nothing open by itself.
#[derive(Clone, Debug)]
pub struct TapeReader {
    connection: Supervised,
    tape: Tape,
}

/// A message on a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub offset: i64,
    pub message_id: Option<Uuid>,
    /// To the second. `None` when whoever published it did not say.
    pub published_at: Option<DateTime<Utc>>,
    /// Decoded, where it can be.
    pub payload: Bytes,
}

/// A tape that is being read. Dropping it ends the reading.
pub struct Reading {
    link: Arc<Link>,
    // Held for as long as its consumer is read.
    channel: Channel,
    consumer: Consumer,
    patience: Duration,
}

impl TapeReader {
    pub(crate) const fn new(connection: Supervised, tape: Tape) -> Self {
        Self { connection, tape }
    }

    /// Begins to read: with the message of this offset or, where it is no longer kept, with the first one that is;
    /// `None`: from the beginning.
    ///
    /// # Errors
    /// When there is no connection, or no such tape.
    pub async fn read(&self, from: Option<i64>) -> Result<Reading, BrokerError> {
        let link = self.connection.now().ok_or_else(|| lost("there is no connection"))?;
        let channel = link.channel().await?;
        link.decisive("set the prefetch", channel.basic_qos(AHEAD, BasicQosOptions::default())).await?;
        let mut arguments = FieldTable::default();
        let offset = from.map_or_else(|| AMQPValue::LongString("first".into()), AMQPValue::LongLongInt);
        arguments.insert(OFFSET.into(), offset);
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(self.tape.name.into(), "".into(), options, arguments);
        let consumer = link.decisive("read the tape", consuming).await?;
        Ok(Reading { link, channel, consumer, patience: FIRST })
    }
}

impl Reading {
    /// The next messages, `most` at most and of large ones fewer; none at the end of the tape.
    ///
    /// # Errors
    /// When the channel is lost.
    pub async fn next(&mut self, most: usize) -> Result<Vec<Recorded>, BrokerError> {
        let Ok(first) = tokio::time::timeout(self.patience, self.consumer.next()).await else {
            return Ok(Vec::new());
        };
        self.patience = NEXT;
        let (mut recorded, mut bytes, mut last, mut next) = (Vec::new(), 0, None, Some(first));
        while let Some(delivery) = next.take() {
            let delivery = delivery.ok_or_else(|| lost("the broker has cancelled the consumer"))?;
            let original = Original::from(delivery.map_err(BrokerError::refused("read the tape"))?);
            last = Some(original.tag);
            bytes += original.size();
            recorded.extend(read(&original));
            if recorded.len() < most && bytes < BATCH_BYTES {
                next = self.consumer.next().now_or_never();
            }
        }
        if let Some(tag) = last {
            // Lets the broker send on; it means nothing else on a stream.
            let acking = self.channel.basic_ack(tag, BasicAckOptions { multiple: true });
            self.link.decisive("go on with the tape", acking).await?;
        }
        Ok(recorded)
    }

    /// Ends the reading in the protocol's way.
    pub async fn close(self) {
        let closing = self.channel.close(200, "closed by the client".into());
        if let Err(error) = self.link.endpoint().request("close the channel", closing).await {
            tracing::debug!(%error, "could not end the reading in an orderly way");
        }
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("link", &self.link).finish_non_exhaustive()
    }
}

fn lost(why: &'static str) -> BrokerError {
    BrokerError::Refused { what: "read the tape", source: why.into() }
}

fn read(original: &Original) -> Option<Recorded> {
    let headers = original.properties.headers().as_ref()?.inner();
    let Some(AMQPValue::LongLongInt(offset)) = headers.get(OFFSET) else { return None };
    let published_at = original.properties.timestamp().as_ref();
    Some(Recorded {
        offset: *offset,
        message_id: original.message_id().and_then(|id| Uuid::try_parse(id).ok()),
        published_at: published_at
            .and_then(|seconds| DateTime::from_timestamp(i64::try_from(*seconds).ok()?, 0)),
        payload: original.readable_body(),
    })
}
