//! The envelope of every event on the broker: CloudEvents 1.0 in structured JSON.

use crate::ids::{EventId, OrganizationId};
use crate::service::Service;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Content type of a single event (CloudEvents 1.0.2, JSON event format §3).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";
/// Content type of several events in one message, a JSON array (CloudEvents 1.0.2, JSON event format §4).
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";
/// The most events of one message.
pub const BATCH_LIMIT: usize = 500;

const SPEC_VERSION: &str = "1.0";
const DATA_CONTENT_TYPE: &str = "application/json";

/// What a kind of event is: its names on the broker and for subscribers.
pub trait EventData: Serialize + DeserializeOwned {
    /// The service that publishes it.
    const SOURCE: Service;
    /// The routing key on exchange `events`: `<service short name>.<noun>.<verb>.v<major>`.
    const ROUTING_KEY: &'static str;
    /// What subscribers filter on: `lead.created`.
    const TYPE: &'static str;

    /// The routing key of this one: [`Self::ROUTING_KEY`], for some kinds with more behind it to bind by.
    fn routing_key(&self) -> Cow<'static, str> {
        Cow::Borrowed(Self::ROUTING_KEY)
    }
}

/// A CloudEvents 1.0 envelope. `D` is [`EventData`], or raw JSON where the payload is only passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloudEvent<D> {
    pub specversion: String,
    pub id: EventId,
    pub source: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub time: DateTime<Utc>,
    pub datacontenttype: String,
    pub dataschema: String,
    /// The organisation that the event belongs to.
    pub tenantid: OrganizationId,
    /// The aggregate's id: events of equal key keep their order as far as it is promised.
    pub partitionkey: String,
    /// Grows by one with every change of the aggregate; consumers ignore an older one.
    pub aggregateversion: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// `X-Request-Id` of the request that the event comes from, if it comes from one directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requestid: Option<String>,
    /// True when the publisher wants `webhook.event.settled` back.
    #[serde(default)]
    pub trackdelivery: bool,
    pub data: D,
}

/// What the publisher of an event decides, beside its data.
#[derive(Clone, Debug)]
pub struct EventFacts {
    pub id: EventId,
    pub time: DateTime<Utc>,
    pub tenant: OrganizationId,
    pub aggregate: String,
    pub aggregate_version: i64,
    pub traceparent: Option<String>,
    pub request_id: Option<String>,
    pub track_delivery: bool,
}

impl<D: EventData> CloudEvent<D> {
    /// Wraps data into its envelope.
    pub fn new(facts: EventFacts, data: D) -> Self {
        Self {
            specversion: SPEC_VERSION.to_owned(),
            id: facts.id,
            source: D::SOURCE.event_source(),
            kind: D::TYPE.to_owned(),
            subject: Some(facts.aggregate.clone()),
            time: facts.time,
            datacontenttype: DATA_CONTENT_TYPE.to_owned(),
            dataschema: data_schema::<D>(),
            tenantid: facts.tenant,
            partitionkey: facts.aggregate,
            aggregateversion: facts.aggregate_version,
            traceparent: facts.traceparent,
            requestid: facts.request_id,
            trackdelivery: facts.track_delivery,
            data,
        }
    }
}

fn data_schema<D: EventData>() -> String {
    format!("/schemas/events/{}.json", D::ROUTING_KEY)
}

/// What the events of a batch have in common. None asks for `webhook.event.settled`.
#[derive(Clone, Debug)]
pub struct BatchFacts {
    pub time: DateTime<Utc>,
    pub tenant: OrganizationId,
    pub traceparent: Option<String>,
    pub request_id: Option<String>,
}

/// An event of a batch.
#[derive(Clone, Debug)]
pub struct Member<'e, D> {
    pub id: EventId,
    /// [`EventData::TYPE`], unless subscribers filter on something else.
    pub kind: &'e str,
    pub aggregate: String,
    pub aggregate_version: i64,
    pub data: D,
}

/// Writes a batch ([`BATCH_CONTENT_TYPE`]) of [`CloudEvent`]s. What they have in common is made into JSON once and
/// copied into each.
///
/// # Errors
/// When data cannot be written as JSON.
pub fn write_batch<D: EventData>(
    common: BatchFacts,
    members: &[Member<'_, D>],
) -> serde_json::Result<Vec<u8>> {
    let common = serde_json::to_vec(&Common {
        specversion: SPEC_VERSION,
        source: D::SOURCE.event_source(),
        time: common.time,
        datacontenttype: DATA_CONTENT_TYPE,
        dataschema: data_schema::<D>(),
        tenantid: common.tenant,
        traceparent: common.traceparent,
        requestid: common.request_id,
        trackdelivery: false,
    })?;
    let mut batch = Vec::with_capacity(members.len() * USUAL_LENGTH);
    batch.push(b'[');
    for member in members {
        if batch.len() > 1 {
            batch.push(b',');
        }
        let own = Own {
            id: member.id,
            kind: member.kind,
            subject: &member.aggregate,
            partitionkey: &member.aggregate,
            aggregateversion: member.aggregate_version,
            data: &member.data,
        };
        serde_json::to_writer(&mut batch, &own)?;
        // Both are objects, neither is empty: `{…}` and `{…}` become `{…,…}`.
        batch.pop();
        batch.push(b',');
        batch.extend_from_slice(&common[1..]);
    }
    batch.push(b']');
    Ok(batch)
}

/// Bytes of an event that most batches have room in.
const USUAL_LENGTH: usize = 1_280;

/// The part of a [`CloudEvent`] that all of a batch share.
#[derive(Serialize)]
struct Common {
    specversion: &'static str,
    source: String,
    time: DateTime<Utc>,
    datacontenttype: &'static str,
    dataschema: String,
    tenantid: OrganizationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requestid: Option<String>,
    trackdelivery: bool,
}

/// The other part.
#[derive(Serialize)]
struct Own<'e, D> {
    id: EventId,
    #[serde(rename = "type")]
    kind: &'e str,
    subject: &'e str,
    partitionkey: &'e str,
    aggregateversion: i64,
    data: &'e D,
}

/// The body of a message: one event, or several at once ([`BATCH_CONTENT_TYPE`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Events<D> {
    One(Box<CloudEvent<D>>),
    Batch(Vec<CloudEvent<D>>),
}

impl<D> Events<D> {
    /// Every event of the message, in order.
    pub fn as_slice(&self) -> &[CloudEvent<D>] {
        match self {
            Self::One(event) => std::slice::from_ref(event),
            Self::Batch(events) => events,
        }
    }
}

// Not derived: an untagged enum buffers what it reads, which raw data does not survive.
impl<'de, D: Deserialize<'de>> Deserialize<'de> for Events<D> {
    fn deserialize<R: Deserializer<'de>>(deserializer: R) -> Result<Self, R::Error> {
        struct Either<D>(PhantomData<D>);

        impl<'de, D: Deserialize<'de>> Visitor<'de> for Either<D> {
            type Value = Events<D>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event or a list of events")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                CloudEvent::deserialize(MapAccessDeserializer::new(map))
                    .map(|event| Events::One(Box::new(event)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Events::Batch)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}
