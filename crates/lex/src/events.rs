//! What happens through a message, by the names that subscriptions ask for (LEX reference §11).

use crate::Message;
use crate::closure::{self, ClosureStatus};
use crate::facts::Facts;
use crate::header::{self, MessageType};

/// Something that happened. `ALL` is a wish of subscriptions, so it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    LeadReceived,
    LeadCreated,
    LeadUpdated,
    LeadStatusChanged,
    LeadClosed,
    LeadAssigned,
    LeadReassigned,
    AssetAdded,
    AssetUpdated,
    AssetSold,
    AssetRemoved,
    MessageFailed,
    MessageProcessed,
}

impl Event {
    pub const ALL: [Self; 13] = [
        Self::LeadReceived,
        Self::LeadCreated,
        Self::LeadUpdated,
        Self::LeadStatusChanged,
        Self::LeadClosed,
        Self::LeadAssigned,
        Self::LeadReassigned,
        Self::AssetAdded,
        Self::AssetUpdated,
        Self::AssetSold,
        Self::AssetRemoved,
        Self::MessageFailed,
        Self::MessageProcessed,
    ];

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeadReceived => "LEAD_RECEIVED",
            Self::LeadCreated => "LEAD_CREATED",
            Self::LeadUpdated => "LEAD_UPDATED",
            Self::LeadStatusChanged => "LEAD_STATUS_CHANGED",
            Self::LeadClosed => "LEAD_CLOSED",
            Self::LeadAssigned => "LEAD_ASSIGNED",
            Self::LeadReassigned => "LEAD_REASSIGNED",
            Self::AssetAdded => "ASSET_ADDED",
            Self::AssetUpdated => "ASSET_UPDATED",
            Self::AssetSold => "ASSET_SOLD",
            Self::AssetRemoved => "ASSET_REMOVED",
            Self::MessageFailed => "MESSAGE_FAILED",
            Self::MessageProcessed => "MESSAGE_PROCESSED",
        }
    }
}

/// The stored lead or asset before the message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before<'a> {
    pub known: bool,
    pub status: Option<&'a str>,
    pub assigned_to: Option<&'a str>,
}

/// What a message that was accepted made happen.
pub fn derive(message: &Message, before: &Before<'_>) -> Vec<Event> {
    let facts = Facts::read(message);
    let mut events = match header::of_type(message) {
        Some(MessageType::Lead) => of_lead(&facts, before),
        Some(MessageType::Asset) => of_asset(&facts, before),
        Some(MessageType::LeadClosure) => match closure::status(message) {
            Some(ClosureStatus::Reassigned) => vec![Event::LeadClosed, Event::LeadReassigned],
            _ => vec![Event::LeadClosed],
        },
        Some(MessageType::Acknowledgment | MessageType::Subscription) | None => Vec::new(),
    };
    events.push(Event::MessageProcessed);
    events
}

/// What a message that was refused or set aside made happen.
pub fn failed() -> Vec<Event> {
    vec![Event::MessageFailed]
}

fn of_lead(facts: &Facts<'_>, before: &Before<'_>) -> Vec<Event> {
    let mut events = vec![Event::LeadReceived];
    events.push(if before.known { Event::LeadUpdated } else { Event::LeadCreated });
    if before.known && facts.lead_status.is_some() && facts.lead_status != before.status {
        events.push(Event::LeadStatusChanged);
    }
    match (before.assigned_to, facts.assigned_to) {
        (None, Some(_)) => events.push(Event::LeadAssigned),
        (Some(earlier), Some(later)) if earlier != later => events.push(Event::LeadReassigned),
        _ => {}
    }
    events
}

fn of_asset(facts: &Facts<'_>, before: &Before<'_>) -> Vec<Event> {
    let mut events = vec![if before.known { Event::AssetUpdated } else { Event::AssetAdded }];
    if facts.asset_status != before.status {
        match facts.asset_status {
            Some("SOLD") => events.push(Event::AssetSold),
            Some("DISCONTINUED") => events.push(Event::AssetRemoved),
            _ => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use Event::{
        AssetAdded, AssetRemoved, AssetSold, AssetUpdated, LeadAssigned, LeadClosed, LeadCreated,
        LeadReassigned, LeadReceived, LeadStatusChanged, LeadUpdated, MessageProcessed,
    };
    use serde_json::{Value, json};

    fn message(message_type: &str, payload: &Value) -> Message {
        Message::new(json!({"lex": {"header": {"messageType": message_type}, "payload": payload}})).unwrap()
    }

    #[test]
    fn a_lead_is_created_once_and_updated_ever_after() {
        let lead = message("LEAD", &json!({"lead": {"status": "ORDER", "assignedTo": {"staffId": "7"}}}));
        assert_eq!(
            derive(&lead, &Before::default()),
            [LeadReceived, LeadCreated, LeadAssigned, MessageProcessed]
        );
        let same = Before { known: true, status: Some("ORDER"), assigned_to: Some("7") };
        assert_eq!(derive(&lead, &same), [LeadReceived, LeadUpdated, MessageProcessed]);
        let other = Before { known: true, status: Some("SHOPPING"), assigned_to: Some("8") };
        assert_eq!(
            derive(&lead, &other),
            [LeadReceived, LeadUpdated, LeadStatusChanged, LeadReassigned, MessageProcessed]
        );
    }

    #[test]
    fn an_asset_is_sold_or_removed_when_its_status_becomes_so() {
        let sold = message("ASSET", &json!({"asset": {"status": "SOLD"}}));
        assert_eq!(derive(&sold, &Before::default()), [AssetAdded, AssetSold, MessageProcessed]);
        let known = |status| Before { known: true, status: Some(status), assigned_to: None };
        assert_eq!(derive(&sold, &known("AVAILABLE")), [AssetUpdated, AssetSold, MessageProcessed]);
        assert_eq!(derive(&sold, &known("SOLD")), [AssetUpdated, MessageProcessed]);
        let gone = message("ASSET", &json!({"asset": {"status": "DISCONTINUED"}}));
        assert_eq!(derive(&gone, &known("SOLD")), [AssetUpdated, AssetRemoved, MessageProcessed]);
    }

    #[test]
    fn a_closure_that_reassigns_says_both() {
        let closure = |status| message("LEAD_CLOSURE", &json!({"leadClosure": {"closureStatus": status}}));
        assert_eq!(derive(&closure("WON"), &Before::default()), [LeadClosed, MessageProcessed]);
        assert_eq!(
            derive(&closure("REASSIGNED"), &Before::default()),
            [LeadClosed, LeadReassigned, MessageProcessed]
        );
        let other = message("SUBSCRIPTION", &json!({"subscription": {}}));
        assert_eq!(derive(&other, &Before::default()), [MessageProcessed]);
    }

    #[test]
    fn names_are_read_back() {
        for event in Event::ALL {
            assert_eq!(Event::parse(event.as_str()), Some(event));
        }
        assert_eq!(Event::parse("ALL"), None);
    }
}
