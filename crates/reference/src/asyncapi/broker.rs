//! Exchanges, queues and events on RabbitMQ.

use super::{named, of_channel, reference};
use crate::events::{EVENTS, EventKind};
use contracts::Service;
use contracts::event::BATCH_LIMIT;
use contracts::topology::{
    self, DEAD_LETTER, EVENTS_UNROUTED, RETRY, RETRY_STEPS, TAPES, WORK_DELIVERY_LIMIT, WORK_QUEUES,
    WorkQueue, may_share_message,
};
use serde_json::{Map, Value, json};

const VHOST: &str = "leadwire";
/// Of AsyncAPI's bindings for AMQP.
const BINDING: &str = "0.3.0";

pub(super) fn server() -> Value {
    json!({
        "host": "{host}:5671",
        "protocol": "amqps",
        "protocolVersion": "0-9-1",
        "pathname": format!("/{VHOST}"),
        "description": "RabbitMQ 3.10 to 4.x.",
        "variables": {"host": {"description": "A node of the cluster, or what balances over its nodes."}},
        "security": [reference("components/securitySchemes", "brokerUser")],
    })
}

/// The routing key of an event on exchange `events`.
pub(super) fn event_channel(kind: &EventKind) -> (String, Value) {
    let mut channel = json!({
        "address": kind.routing_key,
        "description": kind.description(),
        "servers": [reference("servers", "broker")],
        "messages": named(&[kind.routing_key.to_owned()]),
        "bindings": {"amqp": {
            "is": "routingKey",
            "exchange": exchange(topology::EVENTS, "topic"),
            "bindingVersion": BINDING,
        }},
        "x-leadwire-alternate-exchange": EVENTS_UNROUTED,
    });
    if kind.is_addressed {
        channel["address"] = json!(format!("{}.{{service}}", kind.routing_key));
        let services: Vec<_> = Service::ALL.iter().map(|service| service.name()).collect();
        channel["parameters"] = json!({
            "service": {"description": "The service that published the event it is about.", "enum": services},
        });
    }
    (kind.routing_key.to_owned(), channel)
}

fn exchange(name: &str, kind: &str) -> Value {
    json!({"name": name, "type": kind, "durable": true, "autoDelete": false, "vhost": VHOST})
}

fn queue(name: &str, about: &str, messages: &[String]) -> Value {
    json!({
        "address": name,
        "description": about,
        "servers": [reference("servers", "broker")],
        "messages": named(messages),
        "bindings": {"amqp": {
            "is": "queue",
            "queue": {"name": name, "durable": true, "exclusive": false, "autoDelete": false, "vhost": VHOST},
            "bindingVersion": BINDING,
        }},
    })
}

/// Every work queue with its dead letters, the tapes, and the queue of what nobody wanted.
pub(super) fn queue_channels() -> Vec<(String, Value)> {
    let mut channels = Vec::new();
    for work in WORK_QUEUES {
        let messages = fitting(work.bindings);
        let dead = work.dead_letter_queue();
        let mut channel =
            queue(work.name, &format!("What {} consumes, a quorum queue.", work.owner), &messages);
        channel["x-leadwire-bindings"] = bindings(work.bindings);
        channel["x-leadwire-retries"] = json!({"exchange": RETRY, "queues": ladder(&work)});
        channel["x-leadwire-dead-letters"] = json!({"exchange": DEAD_LETTER, "queue": dead});
        channel["x-leadwire-delivery-limit"] = json!(WORK_DELIVERY_LIMIT);
        channels.push((work.name.to_owned(), channel));
        let about = format!(
            "Dead letters of `{}`, with the headers that say why. Nothing consumes them; operators look at them and \
             replay them.",
            work.name
        );
        let mut channel = queue(&dead, &about, &messages);
        channel["x-leadwire-bindings"] = json!([{"exchange": DEAD_LETTER, "routingKey": work.name}]);
        channels.push((dead, channel));
    }
    for tape in TAPES {
        let about = format!(
            "A stream beside `{}` that keeps a second copy of each event for {} h, at most {} MiB. Reading takes nothing \
             out of it.",
            tape.queue.name,
            tape.keep.as_secs() / 3_600,
            tape.keep_bytes >> 20
        );
        let mut channel = queue(tape.name, &about, &fitting(tape.bindings));
        channel["x-leadwire-bindings"] = bindings(tape.bindings);
        channels.push((tape.name.to_owned(), channel));
    }
    let everything: Vec<_> = EVENTS.iter().map(|kind| kind.routing_key.to_owned()).collect();
    let about = "What no binding of `events` wanted. Nothing consumes it.";
    let mut channel = queue(EVENTS_UNROUTED, about, &everything);
    channel["x-leadwire-bindings"] = json!([{"exchange": EVENTS_UNROUTED, "routingKey": ""}]);
    channels.push((EVENTS_UNROUTED.to_owned(), channel));
    channels
}

fn bindings(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"exchange": topology::EVENTS, "routingKey": key})).collect()
}

fn ladder(work: &WorkQueue) -> Vec<Value> {
    RETRY_STEPS
        .iter()
        .map(|(step, rest)| json!({"queue": work.retry_queue(step), "seconds": rest.as_secs()}))
        .collect()
}

/// The events that some of these binding keys want.
fn fitting(keys: &[&str]) -> Vec<String> {
    let fits = |kind: &&EventKind| {
        let routing_keys = if kind.is_addressed {
            Service::ALL.iter().map(|service| format!("{}.{service}", kind.routing_key)).collect()
        } else {
            vec![kind.routing_key.to_owned()]
        };
        keys.iter().any(|wanted| routing_keys.iter().any(|key| wants(wanted, key)))
    };
    EVENTS.iter().filter(fits).map(|kind| kind.routing_key.to_owned()).collect()
}

/// Whether a binding key of a topic exchange matches a routing key: `*` is one word, `#` any number of them.
pub fn wants(binding: &str, key: &str) -> bool {
    fn rest(binding: &[&str], key: &[&str]) -> bool {
        match (binding.split_first(), key.split_first()) {
            (None, None) => true,
            (Some((&"#", after)), _) => (0..=key.len()).any(|from| rest(after, &key[from..])),
            (Some((&word, after)), Some((&given, left))) => {
                (word == "*" || word == given) && rest(after, left)
            }
            _ => false,
        }
    }
    let (binding, key): (Vec<_>, Vec<_>) = (binding.split('.').collect(), key.split('.').collect());
    rest(&binding, &key)
}

/// Which service publishes an event.
pub(super) fn publishes(kind: &EventKind) -> (String, Value) {
    let operation = json!({
        "action": "send",
        "title": format!("{} publishes {}", kind.source, kind.kind),
        "channel": reference("channels", kind.routing_key),
        "messages": of_channel(kind.routing_key, &[kind.routing_key.to_owned()]),
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": true, "timestamp": true, "bindingVersion": BINDING}},
    });
    (format!("{}.publishes.{}", kind.source, kind.routing_key), operation)
}

/// Which service takes which queue.
pub(super) fn consumes() -> Vec<(String, Value)> {
    let of_queue = |work: &WorkQueue| {
        let operation =
            receives(work.name, &format!("{} consumes {}", work.owner, work.name), work.bindings, true);
        (format!("{}.consumes.{}", work.owner, work.name), operation)
    };
    let mut operations: Vec<_> = WORK_QUEUES.iter().map(of_queue).collect();
    operations.extend(TAPES.iter().map(|tape| {
        let owner = tape.queue.owner;
        let operation = receives(tape.name, &format!("{owner} reads {}", tape.name), tape.bindings, false);
        (format!("{owner}.reads.{}", tape.name), operation)
    }));
    operations
}

fn receives(channel: &str, title: &str, bindings: &[&str], ack: bool) -> Value {
    json!({
        "action": "receive",
        "title": title,
        "channel": reference("channels", channel),
        "messages": of_channel(channel, &fitting(bindings)),
        "bindings": {"amqp": {"ack": ack, "bindingVersion": BINDING}},
    })
}

pub(super) fn message(kind: &EventKind) -> (String, Value) {
    let schema = json!({"$ref": format!("./{}", kind.path())});
    let several = json!({"type": "array", "items": schema, "minItems": 1, "maxItems": BATCH_LIMIT});
    let payload = if kind.is_batched {
        several
    } else if may_share_message(kind.routing_key) {
        json!({"oneOf": [schema, several]})
    } else {
        schema
    };
    let message = json!({
        "name": kind.routing_key,
        "title": kind.kind,
        "summary": kind.description(),
        "contentType": kind.content_type(),
        "headers": reference("components/schemas", "BrokerHeaders"),
        "payload": payload,
        "bindings": {"amqp": {"messageType": kind.kind, "bindingVersion": BINDING}},
    });
    (kind.routing_key.to_owned(), message)
}

pub(super) fn schemas() -> Map<String, Value> {
    let text = |about: &str| json!({"type": "string", "description": about});
    let headers = json!({
        "type": "object",
        "description": "Beside the properties `message_id` (the event's id; of a batch, one of its own), `type`, `timestamp`, \
                        `app_id` (the service), `content_type` and, of a compressed batch, `content_encoding`.",
        "required": ["tenant-id"],
        "properties": {
            "tenant-id": {"type": "string", "format": "uuid", "description": "The organisation."},
            "aggregate-id": text("As `partitionkey` of the event; a batch has none."),
            "traceparent": text("W3C trace context of the request that the event comes from."),
            "x-attempt": {"type": "integer", "description": "Which try this is, from the second on."},
            "x-error": text("Of a dead letter: why it was given up."),
            "x-error-kind": text("Of a dead letter: what kind of reason that is."),
            "x-first-queue": text("Of a dead letter: the queue that it comes from."),
            "x-attempts": {"type": "integer", "description": "Of a dead letter: how often it was tried."},
            "x-dead-lettered-at": {"type": "string", "format": "date-time", "description": "Of a dead letter: when."},
            "x-replayed-by": text("Of a replayed message: the operator."),
            "x-replay-of": text("Of a replayed message: the replay."),
        },
    });
    Map::from_iter([("BrokerHeaders".to_owned(), headers)])
}
