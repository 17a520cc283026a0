//! Events and deliveries as an operator sees them: of every organisation, with what it takes to find a fault.

use super::delivery::{DeliveryKey, DeliveryState, ShownDelivery};
use super::event::EventSelection;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use uuid::Uuid;

/// Which deliveries.
#[derive(Clone, Debug, Default)]
pub struct DeliverySelection {
    pub organization: Option<OrganizationId>,
    pub subscription: Option<SubscriptionId>,
    pub state: Option<DeliveryState>,
    pub kind: Option<String>,
    /// Of dead letters.
    pub reason: Option<String>,
    /// From this event on: ids tell when events were made.
    pub first: Uuid,
    /// Up to before this event.
    pub before: Uuid,
}

impl DeliverySelection {
    /// Whether they are those of one event.
    pub fn is_of_one_event(&self) -> bool {
        self.before.as_u128().saturating_sub(self.first.as_u128()) <= 1
    }
}

/// A delivery with whose it is and where it goes.
#[derive(Clone, Debug)]
pub struct OperatedDelivery {
    pub shown: ShownDelivery,
    pub organization: OrganizationId,
    /// `None` when the subscription is forgotten.
    pub family: Option<String>,
    pub subscription_state: Option<String>,
    /// Without what may be secret in it.
    pub url: Option<String>,
    /// Why it was given up, if it was.
    pub reason: Option<String>,
    /// Of its event.
    pub traceparent: Option<String>,
    /// How often it was brought back after it had ended.
    pub replays: i16,
}

/// One request of a delivery.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub attempt: i16,
    pub replay: i16,
    pub started_at: DateTime<Utc>,
    pub duration_ms: i32,
    pub status: Option<i16>,
    pub error: Option<String>,
}

/// Which events.
#[derive(Clone, Debug)]
pub struct EventsWanted {
    pub organization: Option<OrganizationId>,
    pub selection: EventSelection,
}

/// An event without what it carries.
#[derive(Clone, Debug)]
pub struct OperatedEvent {
    pub id: EventId,
    pub organization: OrganizationId,
    pub kind: String,
    pub origin: String,
    pub subject: Option<String>,
    pub occurred_at: DateTime<Utc>,
    /// When the fan-out stored it.
    pub received_at: DateTime<Utc>,
    pub traceparent: Option<String>,
    pub request_id: Option<String>,
    /// Whether its publisher is told how it ends, and when that was.
    pub tracked: bool,
    pub settled_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    /// It waits for a subscription of its receiver.
    pub waits: bool,
}

/// How deliveries are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    Reason,
    /// The last error, up to its first colon: `answered 500`.
    Error,
    Type,
    Tenant,
    Endpoint,
    Subscription,
    /// When they ended, or were made, in UTC.
    Hour,
}

impl Grouping {
    const ALL: [Self; 7] =
        [Self::Reason, Self::Error, Self::Type, Self::Tenant, Self::Endpoint, Self::Subscription, Self::Hour];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Error => "error",
            Self::Type => "type",
            Self::Tenant => "tenant",
            Self::Endpoint => "endpoint",
            Self::Subscription => "subscription",
            Self::Hour => "hour",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grouping| grouping.name() == name)
    }
}

/// Deliveries that have something in common.
#[derive(Clone, Debug)]
pub struct Group {
    pub key: String,
    pub count: i64,
    /// When the first and the last of them ended; of pending ones, when they were made.
    pub oldest: DateTime<Utc>,
    pub newest: DateTime<Utc>,
    /// Those of the last hour.
    pub last_hour: i64,
}

/// The id of a trace, of a W3C `traceparent`.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

/// A URL without what may be secret in it: who logs in, the query, the fragment.
pub fn harmless(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return String::new() };
    url.set_query(None);
    url.set_fragment(None);
    // Only URLs without a host have no place for these.
    url.set_username("").unwrap_or(());
    url.set_password(None).unwrap_or(());
    url.to_string()
}

/// A webhook id, or an event's id: what an operator has at hand.
pub fn event_of(text: &str) -> Option<EventId> {
    DeliveryKey::of_webhook_id(text).map(|key| key.event).or_else(|| super::event::read_id(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_secret_in_it() {
        let shown = harmless("https://ada:secret@example.com:8443/hooks/7?token=secret#secret");
        assert_eq!(shown, "https://example.com:8443/hooks/7");
        assert_eq!(harmless(""), "");
    }

    #[test]
    fn a_trace_is_found_in_its_traceparent() {
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(traceparent), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(trace_id(""), None);
    }

    #[test]
    fn an_event_is_found_by_its_own_id_and_by_that_of_a_delivery() {
        let event = EventId::new(Uuid::from_u128(1));
        let key = DeliveryKey { event, subscription: SubscriptionId::new(Uuid::from_u128(2)) };
        for text in [key.webhook_id(), super::super::event::public_id(event), event.to_string()] {
            assert_eq!(event_of(&text), Some(event), "{text}");
        }
        assert_eq!(event_of("msg_1"), None);
    }
}
