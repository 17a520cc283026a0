//! AsyncAPI 3.0: what goes over the broker, and the webhook deliveries of the three families.
//!
//! Made from `contracts::topology`, from the list of events and from crate `signing`. The schemas of events are referred
//! to where they lie, beside the document.

mod broker;
mod deliveries;

pub use broker::wants;

use crate::events::EVENTS;
use serde_json::{Map, Value, json};

/// Where the document lies, below `proto/`.
pub const PATH: &str = "asyncapi.yaml";

const ABOUT: &str = "\
Every write that Leadwire accepts becomes one event on RabbitMQ, a CloudEvent (1.0) in structured JSON. The services hear \
of each other's changes through events, and webhook-dispatcher delivers those that are public to webhook subscriptions.\n\n\
Channels are of three kinds: the routing keys of the topic exchange `events`, one for each kind of event; the queues that \
services consume, with the bindings that fill them in `x-leadwire-bindings`; and the webhook deliveries of the three \
families of subscriptions, `deliveries.*`.\n\n\
An event comes at least once. Its `id` stays the same however often it comes, also in another's retry or replay; consumers \
go by it. Events of equal `partitionkey` are in the order of their `aggregateversion`; one with a smaller version than \
was seen is old. New members may be added to an event at any time; whatever else changes gets a new major version, the \
last part of the routing key.\n\n\
Events of one organisation and one kind may share a message, where its payload says so: it is then a JSON array of them, \
with the content type `application/cloudevents-batch+json` and the `message_id` of the first. Of 16 KiB and more it is compressed: its `content_encoding` is `zstd` (RFC 8878).\n\n\
A message that cannot be processed for the moment rests on the queue's retry ladder (`x-leadwire-retries`) and comes \
back; one that never can be, or that has climbed the whole ladder too often, goes to the queue's dead letters \
(`x-leadwire-dead-letters`), from where an operator may replay it. A dependency that is down is neither: consumers wait.";

/// The document as a file.
///
/// # Errors
/// When it cannot be written as YAML.
pub fn file() -> anyhow::Result<String> {
    Ok(serde_saphyr::to_string(&document())?)
}

/// The document.
pub fn document() -> Value {
    let mut channels = Map::new();
    channels.extend(EVENTS.iter().map(broker::event_channel));
    channels.extend(broker::queue_channels());
    channels.extend(deliveries::channels());
    let mut operations = Map::new();
    operations.extend(EVENTS.iter().map(broker::publishes));
    operations.extend(broker::consumes());
    operations.extend(deliveries::operations());
    let mut messages = Map::new();
    messages.extend(EVENTS.iter().map(broker::message));
    messages.extend(deliveries::messages());
    let mut schemas = broker::schemas();
    schemas.extend(deliveries::schemas());
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:leadwire:events",
        "info": {
            "title": "Leadwire events and webhooks",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": env!("CARGO_PKG_LICENSE")},
        },
        "defaultContentType": contracts::event::CONTENT_TYPE,
        "servers": {
            "broker": broker::server(),
            "subscriber": deliveries::server(),
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": {
                "brokerUser": {
                    "type": "userPassword",
                    "description": "One user for each service; it may publish to `events`, `retry` and `dead-letter` and \
                                    read its own queues.",
                },
            },
        },
    })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/{kind}/{name}")})
}

/// The messages of a channel, as operations on it must name them.
fn of_channel(channel: &str, messages: &[String]) -> Vec<Value> {
    messages
        .iter()
        .map(|message| json!({"$ref": format!("#/channels/{channel}/messages/{message}")}))
        .collect()
}

/// The messages of a channel, as the channel names them.
fn named(messages: &[String]) -> Map<String, Value> {
    messages.iter().map(|message| (message.clone(), reference("components/messages", message))).collect()
}
