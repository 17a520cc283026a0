//! How many messages wait in a queue that the process consumes, and in its dead-letter queue, as metrics.
//!
//! What consumers have in hand is not told here: a passive declaration counts only what is ready.

use crate::connection::Link;
use crate::disposition::chain;
use crate::error::BrokerError;
use crate::supervisor::Supervised;
use contracts::topology::WorkQueue;
use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use platform::lifecycle::Shutdown;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(5);

/// Looks every few seconds, until the shutdown begins. Without a connection the figures stay as they are.
pub(crate) async fn watch(queue: WorkQueue, connection: Supervised, shutdown: Shutdown) {
    while shutdown.sleep(INTERVAL).await {
        let Some(link) = connection.now() else { continue };
        match look(&link, queue).await {
            Ok((ready, dead)) => {
                metrics::gauge!("leadwire_queue_messages_ready", "queue" => queue.name).set(ready);
                metrics::gauge!("leadwire_dead_letters", "queue" => queue.name).set(dead);
            }
            Err(error) => tracing::debug!(queue = queue.name, error = chain(&error), "no look at the queue"),
        }
    }
}

async fn look(link: &Link, queue: WorkQueue) -> Result<(u32, u32), BrokerError> {
    let channel = link.channel().await?;
    let ready = count(link, &channel, queue.name).await?;
    let dead = count(link, &channel, &queue.dead_letter_queue()).await?;
    let closing = channel.close(200, "closed by the client".into());
    link.endpoint().request("close the channel", closing).await?;
    Ok((ready, dead))
}

/// A queue without a leader does not answer, which is no fault of the connection.
async fn count(link: &Link, channel: &Channel, queue: &str) -> Result<u32, BrokerError> {
    let options = QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
    let looking = channel.queue_declare(queue.into(), options, FieldTable::default());
    Ok(link.endpoint().request("look at a queue", looking).await?.message_count())
}
