//! What lex-router and webhook-dispatcher tell each other about LEX messages.

use crate::event::EventData;
use crate::ids::{ClientId, OrganizationId, SubscriptionId};
use crate::service::Service;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a subscription can ask for. `ALL` is a wish, never something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LexEvent {
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
    All,
}

/// What happens to a message that nobody got in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum OnExpiry {
    #[default]
    Dlq,
    Discard,
    Return,
}

impl OnExpiry {
    /// As messages say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dlq => "DLQ",
            Self::Discard => "DISCARD",
            Self::Return => "RETURN",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Dlq, Self::Discard, Self::Return].into_iter().find(|one| one.name() == name)
    }
}

/// What the filters of subscriptions look at. lex-router fills in from the stored lead what the message itself
/// does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageFacts {
    pub product_type: Option<String>,
    pub lead_status: Option<String>,
    /// `US`, and `US-TX` where the state is known.
    pub regions: Vec<String>,
    pub sender_id: String,
}

/// A message for the subscriptions of those who take part in it. One event per message: its subscriptions get
/// one POST, however many of `events` they asked for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LexMessage {
    /// The whole message, `{"lex": {…}}`.
    #[schemars(extend("type" = "object"))]
    pub message: Box<RawValue>,
    /// Never empty, never [`LexEvent::All`].
    pub events: Vec<LexEvent>,
    pub facts: MessageFacts,
    /// The receiver's LEX id, as the header names it.
    pub receiver: String,
    /// Whether every organisation's subscriptions may have it.
    pub broadcast: bool,
    /// Whose subscriptions may have it otherwise: the receiver, the sender, those who take part in its lead.
    pub participants: Vec<Participant>,
    /// From when on it is no longer worth delivering. Of a message without a time to live of its own, until when
    /// it waits; once somebody is found, the retries take the time that they take.
    pub expires_at: Option<DateTime<Utc>>,
    pub on_expiry: OnExpiry,
    /// Whether it waits, until it expires, for a subscription of the receiver when none matches.
    pub hold: bool,
    /// A document for the notification webhook of the sender's organisation, beside the message: the dead letter
    /// of a message that was too late on arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "object"))]
    pub notice: Option<Box<RawValue>>,
}

/// An organisation that may have a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    pub organization_id: OrganizationId,
    /// Its LEX id and aliases: the message's `dataGovernance` names recipients by them.
    pub lex_ids: Vec<String>,
    /// Whether the message is for it: what it waits for, and whose receipt counts.
    pub is_receiver: bool,
}

/// A subscription that a SUBSCRIPTION message asks for, on its way into the store of subscriptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LexSubscription {
    pub organization_id: OrganizationId,
    /// Whose credential sent the message: the subscription ends with this client.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    pub id: SubscriptionId,
    /// The names as they were sent; those that are no [`LexEvent`] are kept and never happen.
    pub event_types: Vec<String>,
    pub filters: LexFilters,
    pub delivery_endpoint: String,
    pub delivery_format: Option<LexFormat>,
    /// `false` ends it.
    pub active: bool,
}

/// Between members all must match, within one any; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LexFilters {
    pub product_types: Vec<String>,
    pub lead_statuses: Vec<String>,
    pub regions: Vec<String>,
    pub sender_ids: Vec<String>,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LexFormat {
    JsonEdi,
    XmlEdi,
}

impl EventData for LexMessage {
    const SOURCE: Service = Service::LexRouter;
    const ROUTING_KEY: &'static str = "lex.message.routed.v1";
    const TYPE: &'static str = "lex.message.routed";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CloudEvent;
    use serde_json::Value;

    #[test]
    fn the_first_version_of_a_routed_message_decodes_for_ever_and_is_written_alike() {
        let text = include_str!("../../../proto/fixtures/lex.message.routed.v1.json");
        let event: CloudEvent<LexMessage> = serde_json::from_str(text).unwrap();
        assert_eq!(
            (event.kind.as_str(), event.data.routing_key().as_ref()),
            (LexMessage::TYPE, "lex.message.routed.v1")
        );
        assert_eq!(event.source, LexMessage::SOURCE.event_source());
        let written: Value = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
    }
}
