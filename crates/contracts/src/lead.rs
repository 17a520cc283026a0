//! Leads of the partner surface as events carry them.

use crate::event::EventData;
use crate::ids::{CorrelationId, LeadId};
use crate::service::Service;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `lead.created`: a partner's lead was accepted. The contract's `Lead` plus its `customer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The person behind a lead, as subscribers see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

    #[test]
    fn the_first_version_of_lead_created_decodes_for_ever_and_is_written_alike() {
        let text = include_str!("../../../proto/fixtures/intake.lead.created.v1.json");
        let event: CloudEvent<LeadCreated> = serde_json::from_str(text).unwrap();
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(
            (event.kind.as_str(), event.source),
            (LeadCreated::TYPE, LeadCreated::SOURCE.event_source())
        );
    }
}
