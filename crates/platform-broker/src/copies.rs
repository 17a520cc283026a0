//! Messages as they are put on the wire: what the outbox hands over, and copies of what was delivered.
//!
//! A copy keeps the original's properties and headers, so that its story stays with it on the retry
//! ladder, in the dead-letter queue and after a replay. It leaves out what would change its fate: an
//! expiry, the user id (which the broker compares with the publishing user), `CC` and `BCC` (which route),
//! and the broker's own `x-death` records (whose cycle detection drops messages).

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use platform::content_coding::{self, CodingError};
use platform::messaging::OutboundMessage;
use std::collections::BTreeMap;

pub(crate) const ATTEMPT: &str = "x-attempt";
pub(crate) const TRACEPARENT: &str = "traceparent";
/// When a message became a dead letter, RFC 3339.
pub(crate) const DEAD_LETTERED_AT: &str = "x-dead-lettered-at";
pub(crate) const ERROR: &str = "x-error";
pub(crate) const ERROR_KIND: &str = "x-error-kind";
pub(crate) const FIRST_QUEUE: &str = "x-first-queue";
pub(crate) const ATTEMPTS: &str = "x-attempts";
/// What a failed processing has left on a message.
const STORY: [&str; 6] = [ATTEMPT, DEAD_LETTERED_AT, ERROR, ERROR_KIND, FIRST_QUEUE, ATTEMPTS];
const PERSISTENT: u8 = 2;

/// A message with everything that `basic.publish` wants.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) payload: Bytes,
}

impl Letter {
    /// A message of the outbox. `None` when a name does not fit into AMQP's 255 bytes.
    pub(crate) fn outbound(message: &OutboundMessage, app_id: &str, unix_time: u64) -> Option<Self> {
        let mut headers = FieldTable::default();
        for (name, value) in &message.headers {
            headers.insert(short(name)?, text(value));
        }
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_message_id(short(&message.message_id.to_string())?)
            .with_type(short(&message.kind)?)
            .with_timestamp(unix_time)
            .with_app_id(short(app_id)?)
            .with_content_type(short(message.content_type)?)
            .with_headers(headers);
        let properties = if content_coding::is_encoded(&message.payload) {
            properties.with_content_encoding(short(content_coding::ZSTD)?)
        } else {
            properties
        };
        Some(Self {
            exchange: short(message.exchange)?,
            routing_key: short(&message.routing_key)?,
            properties,
            payload: message.payload.clone(),
        })
    }
}

/// What was delivered, as far as copies of it need it.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) tag: u64,
    pub(crate) redelivered: bool,
    pub(crate) properties: BasicProperties,
    pub(crate) payload: Bytes,
}

impl From<Delivery> for Original {
    fn from(delivery: Delivery) -> Self {
        Self {
            tag: delivery.delivery_tag,
            redelivered: delivery.redelivered,
            properties: delivery.properties,
            payload: Bytes::from(delivery.data),
        }
    }
}

impl Original {
    pub(crate) fn message_id(&self) -> Option<&str> {
        self.properties.message_id().as_ref().map(ShortString::as_str)
    }

    pub(crate) fn kind(&self) -> Option<&str> {
        self.properties.kind().as_ref().map(ShortString::as_str)
    }

    /// How large the body is when it is decoded.
    pub(crate) fn size(&self) -> usize {
        content_coding::decoded_len(self.coding(), &self.payload)
    }

    /// The body, decoded.
    ///
    /// # Errors
    /// When it cannot be.
    pub(crate) fn body(&self) -> Result<Bytes, CodingError> {
        content_coding::decoded(self.coding(), &self.payload)
    }

    /// The body, decoded where it can be.
    pub(crate) fn readable_body(&self) -> Bytes {
        self.body().unwrap_or_else(|_| self.payload.clone())
    }

    /// Another body, in the coding of this one's, whose properties a copy keeps.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub(crate) fn recoded(&self, body: Vec<u8>) -> Result<Bytes, CodingError> {
        content_coding::recoded(self.coding(), body).map(Bytes::from)
    }

    fn coding(&self) -> Option<&str> {
        self.properties.content_encoding().as_ref().map(ShortString::as_str)
    }

    /// Which attempt this delivery is, from 1; redeliveries after a crash do not count.
    pub(crate) fn attempt(&self) -> u32 {
        let attempt = match self.header(ATTEMPT) {
            Some(AMQPValue::LongString(text)) => text.to_string().parse().ok(),
            Some(AMQPValue::ShortShortInt(number)) => u32::try_from(*number).ok(),
            Some(AMQPValue::ShortShortUInt(number)) => Some(u32::from(*number)),
            Some(AMQPValue::ShortInt(number)) => u32::try_from(*number).ok(),
            Some(AMQPValue::ShortUInt(number)) => Some(u32::from(*number)),
            Some(AMQPValue::LongInt(number)) => u32::try_from(*number).ok(),
            Some(AMQPValue::LongUInt(number)) => Some(*number),
            Some(AMQPValue::LongLongInt(number)) => u32::try_from(*number).ok(),
            _ => None,
        };
        attempt.unwrap_or(1).max(1)
    }

    /// Whether nobody has worked on it before, as far as it says: it was not retried, replayed or redelivered.
    pub(crate) fn is_first_time(&self) -> bool {
        !self.redelivered && self.attempt() == 1 && self.header("x-replayed-by").is_none()
    }

    pub(crate) fn traceparent(&self) -> Option<String> {
        match self.header(TRACEPARENT)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            AMQPValue::ShortString(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// A copy for another place, with some headers set. `None` when a name is too long for AMQP.
    pub(crate) fn copy(
        &self,
        exchange: &str,
        routing_key: &str,
        set: impl IntoIterator<Item = (&'static str, AMQPValue)>,
    ) -> Option<Letter> {
        self.copy_of(|_| true, exchange, routing_key, set)
    }

    /// A copy that nothing has failed with yet: it begins with its first attempt.
    pub(crate) fn fresh_copy(
        &self,
        exchange: &str,
        routing_key: &str,
        set: impl IntoIterator<Item = (&'static str, AMQPValue)>,
    ) -> Option<Letter> {
        self.copy_of(|name| !STORY.contains(&name), exchange, routing_key, set)
    }

    fn copy_of(
        &self,
        wanted: impl Fn(&str) -> bool,
        exchange: &str,
        routing_key: &str,
        set: impl IntoIterator<Item = (&'static str, AMQPValue)>,
    ) -> Option<Letter> {
        let mut headers: BTreeMap<ShortString, AMQPValue> = self
            .headers()
            .into_iter()
            .flat_map(FieldTable::inner)
            .filter(|(name, _)| keeps(name.as_str()) && wanted(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for (name, value) in set {
            headers.insert(short(name)?, value);
        }
        Some(Letter {
            exchange: short(exchange)?,
            routing_key: short(routing_key)?,
            properties: self.kept_properties().with_headers(headers.into()),
            payload: self.payload.clone(),
        })
    }

    fn kept_properties(&self) -> BasicProperties {
        type Setter = fn(BasicProperties, ShortString) -> BasicProperties;
        let original = &self.properties;
        let texts: [(&Option<ShortString>, Setter); 7] = [
            (original.message_id(), BasicProperties::with_message_id),
            (original.kind(), BasicProperties::with_type),
            (original.content_type(), BasicProperties::with_content_type),
            (original.content_encoding(), BasicProperties::with_content_encoding),
            (original.app_id(), BasicProperties::with_app_id),
            (original.correlation_id(), BasicProperties::with_correlation_id),
            (original.reply_to(), BasicProperties::with_reply_to),
        ];
        let mut kept = BasicProperties::default().with_delivery_mode(PERSISTENT);
        for (value, set) in texts {
            if let Some(value) = value {
                kept = set(kept, value.clone());
            }
        }
        if let Some(priority) = original.priority() {
            kept = kept.with_priority(*priority);
        }
        if let Some(timestamp) = original.timestamp() {
            kept = kept.with_timestamp(*timestamp);
        }
        kept
    }

    pub(crate) fn header(&self, name: &str) -> Option<&AMQPValue> {
        self.headers()?.inner().get(name)
    }

    pub(crate) fn headers(&self) -> Option<&FieldTable> {
        self.properties.headers().as_ref()
    }
}

fn keeps(header: &str) -> bool {
    let broker_made = header == "x-death"
        || header == "x-delivery-count"
        || header.starts_with("x-first-death-")
        || header.starts_with("x-last-death-");
    !broker_made && header != "CC" && header != "BCC"
}

pub(crate) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// lapin panics on a longer one.
pub(crate) fn short(value: &str) -> Option<ShortString> {
    ShortString::try_new(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn original(headers: &[(&str, AMQPValue)]) -> Original {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        let properties = BasicProperties::default()
            .with_message_id("m-1".into())
            .with_type("lead.created".into())
            .with_timestamp(7)
            .with_user_id("guest".into())
            .with_expiration("1000".into())
            .with_headers(table);
        Original { tag: 1, redelivered: false, properties, payload: Bytes::from_static(b"{}") }
    }

    #[test]
    fn the_first_attempt_needs_no_header_and_nonsense_counts_as_the_first() {
        assert_eq!(original(&[]).attempt(), 1);
        for (value, attempt) in [
            (AMQPValue::LongInt(3), 3),
            (AMQPValue::LongLongInt(2), 2),
            (text("4"), 4),
            (AMQPValue::LongInt(-3), 1),
            (AMQPValue::LongInt(0), 1),
            (text("many"), 1),
            (AMQPValue::Void, 1),
        ] {
            assert_eq!(original(&[(ATTEMPT, value.clone())]).attempt(), attempt, "{value:?}");
        }
    }

    #[test]
    fn a_copy_keeps_the_story_and_drops_what_would_change_its_fate() {
        let original = original(&[
            (TRACEPARENT, text("00-a-b-01")),
            ("x-death", AMQPValue::Void),
            ("x-first-death-queue", text("q")),
            ("CC", AMQPValue::Void),
            (ATTEMPT, AMQPValue::LongInt(1)),
        ]);
        let copy = original.copy("retry", "q.retry.10s", [(ATTEMPT, AMQPValue::LongInt(2))]).unwrap();
        let headers = copy.properties.headers().clone().unwrap();
        let names: Vec<_> = headers.inner().keys().map(ShortString::as_str).collect();
        assert_eq!(names, [TRACEPARENT, ATTEMPT]);
        assert_eq!(headers.inner().get(ATTEMPT), Some(&AMQPValue::LongInt(2)));
        assert_eq!(copy.properties.message_id().as_ref().unwrap().as_str(), "m-1");
        assert_eq!(*copy.properties.timestamp(), Some(7));
        assert_eq!(*copy.properties.delivery_mode(), Some(2));
        assert_eq!(*copy.properties.user_id(), None);
        assert_eq!(*copy.properties.expiration(), None);
    }

    #[test]
    fn a_fresh_copy_forgets_its_failures_and_keeps_its_trace() {
        let original = original(&[
            (TRACEPARENT, text("00-a-b-01")),
            (ATTEMPT, AMQPValue::LongInt(4)),
            (ATTEMPTS, AMQPValue::LongInt(4)),
            (ERROR, text("no")),
            (ERROR_KIND, text("exhausted")),
            (FIRST_QUEUE, text("q")),
            (DEAD_LETTERED_AT, text("2026-01-02T03:04:05Z")),
        ]);
        let copy = original.fresh_copy("", "q", [("x-replayed-by", text("ada"))]).unwrap();
        let headers = copy.properties.headers().clone().unwrap();
        let names: Vec<_> = headers.inner().keys().map(ShortString::as_str).collect();
        assert_eq!(names, [TRACEPARENT, "x-replayed-by"]);
    }

    #[test]
    fn a_name_too_long_for_amqp_is_refused_rather_than_panicking() {
        let mut message = OutboundMessage {
            message_id: Uuid::nil(),
            exchange: "events",
            routing_key: "intake.lead.created.v1".to_owned(),
            kind: "lead.created".to_owned(),
            content_type: "application/json",
            headers: vec![],
            payload: Bytes::new(),
        };
        assert!(Letter::outbound(&message, "lead-intake", 7).is_some());
        message.kind = "k".repeat(256);
        assert!(Letter::outbound(&message, "lead-intake", 7).is_none());
    }
}
