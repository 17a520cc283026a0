//! The envelope of every event on the broker: CloudEvents 1.0 in structured JSON.

use crate::ids::{EventId, OrganizationId};
use crate::service::Service;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// Content type of a single event (CloudEvents 1.0.2, JSON event format §3).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub track_delivery: bool,
}

impl<D: EventData> CloudEvent<D> {
    /// Wraps data into its envelope.
    pub fn new(facts: EventFacts, data: D) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id: facts.id,
            source: D::SOURCE.event_source(),
            kind: D::TYPE.to_owned(),
            subject: Some(facts.aggregate.clone()),
            time: facts.time,
            datacontenttype: "application/json".to_owned(),
            dataschema: format!("/schemas/events/{}.json", D::ROUTING_KEY),
            tenantid: facts.tenant,
            partitionkey: facts.aggregate,
            aggregateversion: facts.aggregate_version,
            traceparent: facts.traceparent,
            trackdelivery: facts.track_delivery,
            data,
        }
    }
}
