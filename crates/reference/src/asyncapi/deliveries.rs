//! Webhook deliveries of the three families: what a subscriber's endpoint is sent.

use super::{named, of_channel, reference};
use crate::events::{EVENTS, EventKind};
use contracts::Service;
use lex::retry::{MAX_ATTEMPTS, SCHEDULE};
use serde_json::{Map, Value, json};
use signing::{Family, standard};

/// Of AsyncAPI's bindings for HTTP.
const BINDING: &str = "0.3.0";
const ID: &str = "^msg_[0-9a-f]{32}_[0-9a-f]{32}$";

/// What a family's deliveries are like.
struct Deliveries {
    family: Family,
    name: &'static str,
    created: &'static str,
    signature: &'static str,
    signature_pattern: &'static str,
    /// The services whose events it sees.
    sources: &'static [Service],
    retries: fn() -> Value,
    retried: &'static str,
}

const FAMILIES: [Deliveries; 3] = [
    Deliveries {
        family: Family::Partner,
        name: "partner",
        created: "`POST /api/v1/partners/{partner_slug}/webhook-subscriptions`",
        signature: "HMAC-SHA256 of the body, keyed with the secret's characters, in hexadecimal digits.",
        signature_pattern: "^[0-9a-f]{64}$",
        sources: &[Service::LeadIntake, Service::WebhookDispatcher],
        retries: || {
            let pauses: Vec<_> = (0..7).map(|step| 5 * 4_u32.pow(step)).collect();
            json!({"attempts": 8, "pauses": pauses, "spread": 0.2, "responseSeconds": 10})
        },
        retried: "Every answer but 2xx and 410 is tried again.",
    },
    Deliveries {
        family: Family::Platform,
        name: "platform",
        created: "`POST /api/v1/api-clients/{id}/webhooks`",
        signature: "`t=` the Unix time of the attempt, `,v1=` the HMAC-SHA256 of time, full stop and body, keyed with the \
                    secret's characters, in hexadecimal digits.",
        signature_pattern: "^t=[0-9]+,v1=[0-9a-f]{64}$",
        sources: &[Service::LeadIntake, Service::CrmResources, Service::Ingest, Service::WebhookDispatcher],
        retries: || {
            json!({"attempts": 4, "pauses": [60, 120, 240], "spread": 0.1, "responseSeconds": 30,
                   "own": "The subscription's `retryConfig` replaces all of it but the spread, which only lengthens."})
        },
        retried: "Answers of 408, 425, 429, 5xx and 3xx are tried again, others of 4xx never.",
    },
    Deliveries {
        family: Family::Lex,
        name: "lex",
        created: "`POST /v1/subscriptions`, or with a SUBSCRIPTION message,",
        signature: "`sha256=` and the HMAC-SHA256 of the body, keyed with the secret's characters, in hexadecimal digits. \
                    Absent where the subscription was made by a message, until its owner has rotated the secret.",
        signature_pattern: "^sha256=[0-9a-f]{64}$",
        sources: &[],
        retries: || json!({"attempts": MAX_ATTEMPTS, "pauses": SCHEDULE, "spread": 0.1, "responseSeconds": 10}),
        retried: "Answers of 408, 425, 429, 5xx and 3xx are tried again, others of 4xx never, a failed TLS handshake \
                  twice. A message with a time to live is not sent after it.",
    },
];

pub(super) fn server() -> Value {
    json!({
        "host": "{host}",
        "protocol": "https",
        "description": "The URL of a subscription. Its certificate must be valid; redirects are not followed.",
        "variables": {"host": {"description": "Of the subscription's URL."}},
    })
}

/// A channel for each family.
pub(super) fn channels() -> Vec<(String, Value)> {
    let of_family = |family: &Deliveries| {
        let about = format!(
            "What a subscription of the {} family is sent: a POST to its URL for each event that it asked for. It is made \
             with {}. Each delivery has a `{}` that stays the same over retries and replays; receivers go by it, since a \
             delivery can come more than once. Any answer of 2xx ends it. {} The next try comes after the pause or after \
             what `Retry-After` says (on 429 and 503, a day at most), whichever is longer; 410 disables the subscription. \
             After the last try the delivery is a dead letter, from which its owner may recover it.",
            family.name,
            family.created,
            standard::ID_HEADER,
            family.retried,
        );
        let channel = json!({
            "address": null,
            "title": format!("Deliveries of the {} family", family.name),
            "description": about,
            "servers": [reference("servers", "subscriber")],
            "messages": named(&family.message_names()),
            "x-leadwire-retries": (family.retries)(),
        });
        (family.channel(), channel)
    };
    FAMILIES.iter().map(of_family).collect()
}

pub(super) fn operations() -> Vec<(String, Value)> {
    let of_family = |family: &Deliveries| {
        let operation = json!({
            "action": "send",
            "title": format!("{} delivers to the {} family", Service::WebhookDispatcher, family.name),
            "channel": reference("channels", &family.channel()),
            "messages": of_channel(&family.channel(), &family.message_names()),
            "bindings": {"http": {"method": "POST", "bindingVersion": BINDING}},
        });
        (format!("{}.delivers.{}", Service::WebhookDispatcher, family.name), operation)
    };
    FAMILIES.iter().map(of_family).collect()
}

pub(super) fn messages() -> Vec<(String, Value)> {
    FAMILIES.iter().flat_map(Deliveries::messages).collect()
}

pub(super) fn schemas() -> Map<String, Value> {
    FAMILIES.iter().map(|family| (family.header_schema(), family.headers())).collect()
}

impl Deliveries {
    fn channel(&self) -> String {
        format!("deliveries.{}", self.name)
    }

    fn header_schema(&self) -> String {
        format!("DeliveryHeaders.{}", self.name)
    }

    /// The events that it sees. What services tell each other about deliveries is not for subscribers.
    fn events(&self) -> impl Iterator<Item = &'static EventKind> {
        EVENTS.iter().filter(|kind| self.sources.contains(&kind.source) && !kind.is_addressed)
    }

    fn message_names(&self) -> Vec<String> {
        self.messages().into_iter().map(|(name, _)| name).collect()
    }

    fn messages(&self) -> Vec<(String, Value)> {
        if self.family == Family::Lex {
            return self.lex_messages();
        }
        let named = |kind: &EventKind| {
            let data = json!({"$ref": format!("./{}#/properties/data", kind.path())});
            let name = (!kind.is_named_by_author).then_some(kind.kind);
            (format!("{}.{}", self.name, kind.routing_key), name, data, kind.description())
        };
        let mut messages: Vec<_> = self.events().map(named).collect();
        let test = json!({
            "type": "object",
            "required": ["subscription_id", "message"],
            "properties": {
                "subscription_id": {"type": "string", "format": "uuid"}, "message": {"type": "string"},
            },
        });
        let about = "Made with the subscription's `…/test`; for it alone, whatever it asked for.".to_owned();
        messages.push((format!("{}.webhook.test", self.name), Some("webhook.test"), test, about));
        let message = |(name, event, data, about): (String, Option<&str>, Value, String)| {
            let payload =
                if self.family == Family::Partner { partner(event, &data) } else { platform(event, &data) };
            let title = event.unwrap_or("an event of a type that its author names");
            (name.clone(), self.message(&name, title, &about, "application/json", &payload))
        };
        messages.into_iter().map(message).collect()
    }

    fn lex_messages(&self) -> Vec<(String, Value)> {
        let json_form = json!({
            "type": "object",
            "required": ["lex"],
            "properties": {"lex": {
                "type": "object",
                "required": ["header", "payload"],
                "properties": {"header": {"type": "object"}, "payload": {"type": "object"}},
            }},
        });
        let notice = json!({
            "type": "object", "required": ["dlq"], "properties": {"dlq": {"type": "object"}},
        });
        let message = |name: &str, title: &str, about: &str, content: &str, payload: Value| {
            let name = format!("{}.{name}", self.name);
            (name.clone(), self.message(&name, title, about, content, &payload))
        };
        vec![
            message(
                "message.json",
                "a LEX message, JSON_EDI",
                "Without the notes that the reader may not have; from the second try on with `retryContext`. \
                 `GET /v1/schema/{messageType}` has the schema of each type. The test of a subscription is one with \
                 `testMode`.",
                "application/json",
                json_form,
            ),
            message(
                "message.xml",
                "a LEX message, XML_EDI",
                "The same, for subscriptions whose `deliveryFormat` says so.",
                "application/xml",
                json!({"type": "string"}),
            ),
            message(
                "notice",
                "what became of a message",
                "To the `lexNotificationWebhook` of a sender's organisation: the dead letter of a message that nobody \
                 got. Signed with the secret of its oldest LEX subscription.",
                "application/json",
                notice,
            ),
        ]
    }

    fn message(&self, name: &str, title: &str, about: &str, content_type: &str, payload: &Value) -> Value {
        json!({
            "name": name,
            "title": title,
            "summary": about,
            "contentType": content_type,
            "headers": reference("components/schemas", &self.header_schema()),
            "payload": payload,
        })
    }

    /// The headers of every delivery of the family.
    fn headers(&self) -> Value {
        let text =
            |pattern: &str, about: &str| json!({"type": "string", "pattern": pattern, "description": about});
        let mut required =
            vec!["content-type", standard::ID_HEADER, standard::TIMESTAMP_HEADER, standard::SIGNATURE_HEADER];
        let mut properties = Map::from_iter([
            ("content-type".to_owned(), json!({"type": "string"})),
            (standard::ID_HEADER.to_owned(), text(ID, "Of the delivery; the same over retries and replays.")),
            (
                standard::TIMESTAMP_HEADER.to_owned(),
                text(
                    "^[0-9]+$",
                    "Unix time of the attempt, in seconds. One that is more than five minutes off is refused.",
                ),
            ),
            (
                standard::SIGNATURE_HEADER.to_owned(),
                text(
                    "^v1,[0-9A-Za-z+/]{43}=( v1,[0-9A-Za-z+/]{43}=)?$",
                    "Standard Webhooks 1.0: HMAC-SHA256 of id, timestamp and body, joined by full stops, keyed with the \
                     decoded secret, in Base64; of both secrets after a rotation.",
                ),
            ),
            (self.family.header().to_owned(), text(self.signature_pattern, self.signature)),
            (
                self.family.previous_header().to_owned(),
                text(
                    self.signature_pattern,
                    "The same with the secret before the last rotation, until its time is over.",
                ),
            ),
            (
                "traceparent".to_owned(),
                json!({"type": "string", "description": "W3C trace context of the request that the event comes from."}),
            ),
        ]);
        if self.family == Family::Lex {
            for (name, member) in [
                ("lex-message-type", "messageType"),
                ("lex-version", "version"),
                ("lex-encryption", "encryptionMethod"),
            ] {
                let about = format!("`{member}` of the message's header.");
                properties.insert(name.to_owned(), json!({"type": "string", "description": about}));
            }
        } else {
            required.push(self.family.header());
        }
        json!({"type": "object", "required": required, "properties": properties})
    }
}

/// The partner family's body.
fn partner(event: Option<&str>, data: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["id", "event", "occurred_at", "partner_slug", "data"],
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "Of the event."},
            "event": kind(event),
            "occurred_at": {"type": "string", "format": "date-time"},
            "partner_slug": {"type": "string"},
            "data": data,
        },
    })
}

/// The platform family's body.
fn platform(event: Option<&str>, data: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["id", "eventType", "timestamp", "source", "data", "version"],
        "properties": {
            "id": {"type": "string", "pattern": "^evt_[0-9a-f]{32}$", "description": "Of the event."},
            "eventType": kind(event),
            "timestamp": {"type": "string", "format": "date-time"},
            "source": {
                "type": "string",
                "description": "`intake`, `crm`, `webhook`, or `ingest:` and the application.",
            },
            "data": data,
            "version": {"type": "string", "const": "1.0"},
        },
    })
}

fn kind(event: Option<&str>) -> Value {
    event.map_or(json!({"type": "string"}), |event| json!({"type": "string", "const": event}))
}
