//! An event as subscriptions match it and deliveries carry it.

use crate::domain::lex::Routing;
use chrono::{DateTime, Utc};
use contracts::Service;
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use contracts::lex::OnExpiry;
use std::sync::Arc;
use uuid::Uuid;

/// An event from the broker, reduced to what delivering it needs.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: EventId,
    pub organization: OrganizationId,
    /// The CloudEvents `source` of the service that published it.
    pub source: String,
    /// What subscribers filter on: `lead.created`.
    pub kind: String,
    pub occurred_at: DateTime<Utc>,
    pub traceparent: Option<String>,
    /// Of the request that it comes from, if it comes from one directly.
    pub request_id: Option<String>,
    /// The id of what it speaks of: a lead, a record, a worker, a subscription.
    pub subject: Option<String>,
    pub track_delivery: bool,
    /// The subscription that it speaks about, when it is about one.
    pub about: Option<SubscriptionId>,
    /// Where it came from, as the platform surface says it: `intake`, `crm`, `ingest:<app>`.
    pub origin: String,
    /// The JSON of its data, byte for byte.
    pub payload: Vec<u8>,
    /// Until when it is delivered; `None`: as long as it takes.
    pub expiry: Option<Expiry>,
    /// What a LEX message is matched by; read when it is to be matched.
    pub routing: Option<Arc<Routing>>,
}

/// The end of an event's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    pub at: DateTime<Utc>,
    pub then: OnExpiry,
}

impl Event {
    /// Whether it is about webhooks themselves: deliveries of such an event lead to no others.
    pub fn is_own(&self) -> bool {
        self.publisher() == Some(Service::WebhookDispatcher)
    }

    /// Its id as the platform surface says it.
    pub fn public_id(&self) -> String {
        public_id(self.id)
    }

    /// The service that published it, if it is one of ours.
    pub fn publisher(&self) -> Option<Service> {
        Self::publisher_of(&self.source)
    }

    /// The service of a CloudEvents `source`, if it is one of ours.
    pub fn publisher_of(source: &str) -> Option<Service> {
        let name = source.strip_prefix("/leadwire/")?;
        Service::ALL.into_iter().find(|service| service.name() == name)
    }
}

/// Which events of an organisation.
#[derive(Clone, Debug, Default)]
pub struct EventSelection {
    pub kind: Option<String>,
    /// `intake`, `crm`, `ingest:<app>`; `ingest` for all applications.
    pub origin: Option<String>,
    /// The id of what they speak of.
    pub subject: Option<String>,
    /// From this id on: ids tell when events were made.
    pub first: Option<Uuid>,
    /// Up to before this id.
    pub before: Option<Uuid>,
}

/// An event with how its deliveries stand.
#[derive(Clone, Debug)]
pub struct AccountedEvent {
    pub id: EventId,
    pub kind: String,
    pub origin: String,
    pub subject: Option<String>,
    pub occurred_at: DateTime<Utc>,
    /// By the state's code.
    pub deliveries: [i64; 5],
}

/// What the ids of events begin with on the platform surface.
const PUBLIC_PREFIX: &str = "evt_";

/// An event's id as the platform surface says it.
pub fn public_id(id: EventId) -> String {
    format!("{PUBLIC_PREFIX}{}", id.as_uuid().simple())
}

/// Reads an event's id: as the platform surface says it, or as the other surfaces do.
pub fn read_id(text: &str) -> Option<EventId> {
    text.strip_prefix(PUBLIC_PREFIX).unwrap_or(text).parse().ok()
}

/// The word of the platform surface for a source, with the application of an ingested event.
pub fn origin(source: &str, app: Option<&str>) -> String {
    match (Event::publisher_of(source), app) {
        (Some(Service::LeadIntake), _) => "intake".to_owned(),
        (Some(Service::CrmResources), _) => "crm".to_owned(),
        (Some(Service::Ingest), Some(app)) => format!("ingest:{app}"),
        (Some(Service::Ingest), None) => "ingest".to_owned(),
        (Some(Service::LexRouter), _) => "lex".to_owned(),
        (Some(Service::WebhookDispatcher), _) => "webhook".to_owned(),
        (Some(Service::Gateway), _) => "gateway".to_owned(),
        (None, _) => source.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_alike_in_both_ways() {
        let id = EventId::new(Uuid::from_u128(5));
        assert_eq!(public_id(id), "evt_00000000000000000000000000000005");
        assert_eq!([read_id(&public_id(id)), read_id(&id.to_string())], [Some(id), Some(id)]);
        assert_eq!([read_id("evt_"), read_id("7"), read_id("evt_evt_5")], [None, None, None]);
    }

    #[test]
    fn a_source_is_said_in_the_words_of_the_platform() {
        assert_eq!(origin("/leadwire/lead-intake", None), "intake");
        assert_eq!(origin("/leadwire/crm-resources", None), "crm");
        assert_eq!(origin("/leadwire/ingest", Some("dialer")), "ingest:dialer");
    }

    pub(crate) fn event(organization: u128, source: &str, kind: &str) -> Event {
        Event {
            id: EventId::new(Uuid::from_u128(1)),
            organization: OrganizationId::new(Uuid::from_u128(organization)),
            source: source.to_owned(),
            kind: kind.to_owned(),
            occurred_at: DateTime::UNIX_EPOCH,
            traceparent: None,
            request_id: None,
            subject: None,
            track_delivery: false,
            about: None,
            origin: origin(source, None),
            payload: b"{}".to_vec(),
            expiry: None,
            routing: None,
        }
    }
}
