//! Events that every replica has to see: an exclusive queue of its own, gone with its connection.
//!
//! For caches that events keep fresh. Nothing is acked, retried or dead-lettered: what a replica missed
//! while it was away it makes up for by emptying its caches whenever it has (re)connected.

use crate::backoff::Backoff;
use crate::batch::Stopped;
use crate::connection::Link;
use crate::consumer::error_line;
use crate::error::BrokerError;
use crate::health::Part;
use crate::supervisor::Supervised;
use contracts::Service;
use contracts::topology::EVENTS;
use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use platform::lifecycle::Shutdown;
use serde::de::DeserializeOwned;
use std::future::Future;

/// Keeps a replica's memory in step with events.
pub trait ReplicaHandler: Send + Sync + 'static {
    /// Binding keys on exchange `events`.
    const BINDINGS: &'static [&'static str];
    /// What the bodies are, in JSON.
    type Message: DeserializeOwned + Send + Sync + 'static;

    /// Empties whatever the events keep fresh. Called each time the queue has been bound anew, before its
    /// first event, and when an event cannot be decoded: events may have been missed.
    fn reset(&self) -> impl Future<Output = ()> + Send;

    /// Takes in one event.
    fn handle(&self, message: Self::Message) -> impl Future<Output = ()> + Send;
}

/// The task of a replica's consumer.
pub(crate) struct ReplicaRunner<H> {
    pub(crate) handler: H,
    pub(crate) service: Service,
    pub(crate) connection: Supervised,
    pub(crate) health: Part,
    pub(crate) shutdown: Shutdown,
}

impl<H: ReplicaHandler> ReplicaRunner<H> {
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new();
        while let Some(Some(link)) = self.shutdown.or(self.connection.wait()).await {
            let Stopped::Lost(reason) = self.session(&link, &mut backoff).await else {
                break;
            };
            tracing::warn!(service = %self.service, reason, "control events lost, consuming anew");
            self.health.down(reason);
            if !self.shutdown.sleep(backoff.next()).await {
                break;
            }
        }
        self.health.down("the process is shutting down");
    }

    async fn session(&self, link: &Link, backoff: &mut Backoff) -> Stopped {
        // The channel is held for as long as its consumer is read.
        let (channel, mut consumer) = match self.subscribe(link).await {
            Ok(subscribed) => subscribed,
            Err(error) => return Stopped::Lost(error_line(&error)),
        };
        self.handler.reset().await;
        self.health.consuming(channel.status().clone());
        backoff.reset();
        loop {
            match self.shutdown.or(consumer.next()).await {
                None => return Stopped::Shutdown,
                Some(Some(Ok(delivery))) => match serde_json::from_slice(&delivery.data) {
                    Ok(message) => self.handler.handle(message).await,
                    Err(error) => {
                        tracing::error!(
                            kind = ?error.classify(),
                            routing_key = delivery.routing_key.as_str(),
                            "control event does not decode, emptying the caches instead"
                        );
                        self.handler.reset().await;
                    }
                },
                Some(Some(Err(error))) => return Stopped::Lost(format!("the channel is lost: {error}")),
                Some(None) => return Stopped::Lost("the broker has cancelled the consumer".to_owned()),
            }
        }
    }

    async fn subscribe(&self, link: &Link) -> Result<(Channel, Consumer), BrokerError> {
        let channel = link.channel().await?;
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let declaring = channel.queue_declare("".into(), options, FieldTable::default());
        let queue = link.decisive("declare the replica's queue", declaring).await?.name().clone();
        for key in H::BINDINGS {
            let binding = channel.queue_bind(
                queue.clone(),
                EVENTS.into(),
                (*key).into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            link.decisive("bind the replica's queue", binding).await?;
        }
        let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..Default::default() };
        let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default());
        let consumer = link.decisive("consume", consuming).await?;
        Ok((channel, consumer))
    }
}
