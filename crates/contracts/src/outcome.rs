//! What became of an event's deliveries, told to the service that asked with `trackdelivery`.
//!
//! The routing key ends in the name of that service, so that each hears of its own events alone.

use crate::event::EventData;
use crate::ids::EventId;
use crate::service::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// `webhook.event.matched`: the event was fanned out. Sent from the transaction that stored its deliveries,
/// also when nothing matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventMatched {
    pub event_id: EventId,
    /// Who published the event.
    pub source: Service,
    /// How many subscriptions wanted it.
    pub count: u32,
}

/// `webhook.event.settled`: the last delivery of the event is terminal. Also sent, with zeros, when nothing
/// matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventSettled {
    pub event_id: EventId,
    /// Who published the event.
    pub source: Service,
    pub delivered: u32,
    pub dead_letter: u32,
    pub cancelled: u32,
    /// Of `dead_letter`, those that ended because they were no longer worth delivering.
    pub expired: u32,
}

impl EventData for EventMatched {
    const SOURCE: Service = Service::WebhookDispatcher;
    const ROUTING_KEY: &'static str = "webhook.event.matched.v1";
    const TYPE: &'static str = "webhook.event.matched";

    fn routing_key(&self) -> Cow<'static, str> {
        Cow::Owned(format!("{}.{}", Self::ROUTING_KEY, self.source))
    }
}

impl EventData for EventSettled {
    const SOURCE: Service = Service::WebhookDispatcher;
    const ROUTING_KEY: &'static str = "webhook.event.settled.v1";
    const TYPE: &'static str = "webhook.event.settled";

    fn routing_key(&self) -> Cow<'static, str> {
        Cow::Owned(format!("{}.{}", Self::ROUTING_KEY, self.source))
    }
}
