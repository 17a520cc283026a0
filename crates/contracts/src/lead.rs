//! Leads of the partner surface as events carry them.

use crate::event::EventData;
use crate::ids::{CorrelationId, LeadId};
use crate::service::Service;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `lead.created`: a partner's lead was accepted. The contract's `Lead` plus its `customer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeadCreated {
    pub lead_id: LeadId,
    pub partner_slug: String,
    pub correlation_id: CorrelationId,
    pub status: String,
    pub received_at: DateTime<Utc>,
    pub hubspot_deal_id: Option<String>,
    pub next_action: String,
    pub customer: LeadCustomer,
}

impl EventData for LeadCreated {
    const SOURCE: Service = Service::LeadIntake;
    const ROUTING_KEY: &'static str = "intake.lead.created.v1";
    const TYPE: &'static str = "lead.created";
}

/// A lead whose status has changed: the contract's `Lead` and nothing of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeadFacts {
    pub lead_id: LeadId,
    pub partner_slug: String,
    pub correlation_id: CorrelationId,
    pub status: String,
    pub received_at: DateTime<Utc>,
    pub hubspot_deal_id: Option<String>,
    /// Absent when nothing is left to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action: Option<String>,
}

macro_rules! status_events {
    ($($(#[$doc:meta])* $name:ident = $key:literal, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub LeadFacts);

        impl EventData for $name {
            const SOURCE: Service = Service::LeadIntake;
            const ROUTING_KEY: &'static str = $key;
            const TYPE: &'static str = $kind;
        }
    )*};
}

status_events! {
    /// `lead.hubspot_upserted`: HubSpot has the contact and the deal.
    LeadHubspotUpserted = "intake.lead.hubspot_upserted.v1", "lead.hubspot_upserted";
    /// `lead.dispatched`: the deliveries of `lead.created` exist.
    LeadDispatched = "intake.lead.dispatched.v1", "lead.dispatched";
    /// `lead.completed`: every delivery of `lead.created` has come to its end.
    LeadCompleted = "intake.lead.completed.v1", "lead.completed";
    /// `lead.failed`: HubSpot will not have it; a person must look at it.
    LeadFailed = "intake.lead.failed.v1", "lead.failed";
}

/// The person behind a lead, as subscribers see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeadCustomer {
    pub first_name: String,
    pub last_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// As the partner sent it.
    pub phone: String,
    /// The same number in E.164, where it could be parsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_e164: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<LeadAddress>,
}

/// A postal address; every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeadAddress {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CloudEvent;
    use serde_json::Value;

    fn holds<D: EventData>(text: &str) {
        let event: CloudEvent<D> = serde_json::from_str(text).unwrap();
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!((event.kind.as_str(), event.source), (D::TYPE, D::SOURCE.event_source()));
        assert_eq!(event.data.routing_key(), D::ROUTING_KEY);
    }

    #[test]
    fn the_first_version_of_lead_created_decodes_for_ever_and_is_written_alike() {
        holds::<LeadCreated>(include_str!("../../../proto/fixtures/intake.lead.created.v1.json"));
    }

    #[test]
    fn the_first_versions_of_a_leads_later_events_decode_for_ever_and_are_written_alike() {
        holds::<LeadHubspotUpserted>(include_str!(
            "../../../proto/fixtures/intake.lead.hubspot_upserted.v1.json"
        ));
        holds::<LeadDispatched>(include_str!("../../../proto/fixtures/intake.lead.dispatched.v1.json"));
        holds::<LeadCompleted>(include_str!("../../../proto/fixtures/intake.lead.completed.v1.json"));
        holds::<LeadFailed>(include_str!("../../../proto/fixtures/intake.lead.failed.v1.json"));
    }
}
