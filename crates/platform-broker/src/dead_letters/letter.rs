//! A dead letter as an operator sees it.

use crate::copies::{ATTEMPTS, DEAD_LETTERED_AT, ERROR, ERROR_KIND, FIRST_QUEUE, Original};
use bytes::Bytes;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use platform::secrets::digest;
use serde_json::{Map, Value, json};

/// A message that lies in a dead-letter queue, or among those that no binding wanted.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub(super) original: Original,
    /// Which consumer of the walk holds it.
    pub(super) window: u8,
    routing_key: String,
}

impl DeadLetter {
    pub(super) fn new(delivery: Delivery, window: u8) -> Self {
        let routing_key = delivery.routing_key.to_string();
        Self { original: delivery.into(), window, routing_key }
    }

    pub fn message_id(&self) -> Option<&str> {
        self.original.message_id()
    }

    /// The event's type.
    pub fn kind(&self) -> Option<&str> {
        self.original.kind()
    }

    /// The body, decoded where it can be.
    pub fn payload(&self) -> Bytes {
        self.original.readable_body()
    }

    pub fn routing_key(&self) -> &str {
        &self.routing_key
    }

    /// Who published it.
    pub fn app_id(&self) -> Option<&str> {
        self.original.properties.app_id().as_ref().map(ShortString::as_str)
    }

    /// When it was published first, in seconds since 1970.
    pub fn published_at(&self) -> Option<u64> {
        *self.original.properties.timestamp()
    }

    /// When it died, RFC 3339. Unknown of what the broker itself gave up.
    pub fn dead_lettered_at(&self) -> Option<String> {
        self.text(DEAD_LETTERED_AT)
    }

    /// When the broker gave it up, in seconds since 1970, if it was the broker.
    pub fn given_up_at(&self) -> Option<u64> {
        match self.death()?.inner().get("time")? {
            AMQPValue::Timestamp(seconds) => Some(*seconds),
            _ => None,
        }
    }

    /// `permanent`, `undecodable`, `panic`, `exhausted`, or the broker's own word: `delivery_limit`.
    pub fn reason(&self) -> Option<String> {
        self.text(ERROR_KIND).or_else(|| Some(plain(self.death()?.inner().get("reason")?)))
    }

    /// What went wrong, as the consumer said it.
    pub fn error(&self) -> Option<String> {
        self.text(ERROR)
    }

    pub fn attempts(&self) -> Option<u32> {
        self.text(ATTEMPTS)?.parse().ok()
    }

    /// The work queue it comes from.
    pub fn first_queue(&self) -> Option<String> {
        self.text(FIRST_QUEUE)
    }

    pub fn traceparent(&self) -> Option<String> {
        self.original.traceparent()
    }

    /// A header as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.original.header(name).map(plain)
    }

    /// Every header, as JSON.
    pub fn headers(&self) -> Value {
        self.original.headers().map_or_else(|| json!({}), table)
    }

    /// Tells it from every other dead letter of its queue, also from an earlier death of the same message.
    pub fn fingerprint(&self) -> String {
        let mut text = Vec::new();
        let parts = [
            self.message_id().unwrap_or_default().to_owned(),
            self.kind().unwrap_or_default().to_owned(),
            self.dead_lettered_at().unwrap_or_default(),
            self.given_up_at().unwrap_or_default().to_string(),
        ];
        for part in parts {
            text.extend_from_slice(part.as_bytes());
            text.push(0);
        }
        text.extend_from_slice(&self.original.payload);
        let digest = digest(&text);
        let half = digest.first_chunk().map_or(0, |half: &[u8; 16]| u128::from_be_bytes(*half));
        format!("{half:032x}")
    }

    /// The broker's own record of the last death.
    fn death(&self) -> Option<&FieldTable> {
        let AMQPValue::FieldArray(deaths) = self.original.header("x-death")? else { return None };
        match deaths.as_slice().first()? {
            AMQPValue::FieldTable(death) => Some(death),
            _ => None,
        }
    }
}

pub(super) fn plain(value: &AMQPValue) -> String {
    match json_of(value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn table(table: &FieldTable) -> Value {
    let members = table.inner().iter().map(|(name, value)| (name.to_string(), json_of(value)));
    Value::Object(members.collect::<Map<_, _>>())
}

fn json_of(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(value) => json!(value),
        AMQPValue::ShortShortInt(value) => json!(value),
        AMQPValue::ShortShortUInt(value) => json!(value),
        AMQPValue::ShortInt(value) => json!(value),
        AMQPValue::ShortUInt(value) => json!(value),
        AMQPValue::LongInt(value) => json!(value),
        AMQPValue::LongUInt(value) => json!(value),
        AMQPValue::LongLongInt(value) => json!(value),
        AMQPValue::Float(value) => json!(value),
        AMQPValue::Double(value) => json!(value),
        AMQPValue::DecimalValue(value) => json!(format!("{value:?}")),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::LongString(text) => json!(text.to_string()),
        AMQPValue::FieldArray(items) => items.as_slice().iter().map(json_of).collect(),
        AMQPValue::Timestamp(seconds) => json!(seconds),
        AMQPValue::FieldTable(inner) => table(inner),
        AMQPValue::ByteArray(bytes) => json!(String::from_utf8_lossy(bytes.as_slice())),
        AMQPValue::Void => Value::Null,
    }
}
