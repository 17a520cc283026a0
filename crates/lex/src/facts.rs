//! What the exchange files a message under and what filters of subscriptions look at (LEX reference §11).

use crate::Message;
use crate::header::{self, MessageType};
use crate::node::Node;
use chrono::{DateTime, Utc};

/// Read from the message alone; what it does not say, the stored lead may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The lead, asset, closed lead or subscription that it is about; for an acknowledgment, the message.
    pub subject: Option<&'a str>,
    pub product_type: Option<&'a str>,
    /// Of a LEAD.
    pub lead_status: Option<&'a str>,
    /// Of an ASSET.
    pub asset_status: Option<&'a str>,
    /// `US`, and `US-TX` where the state is known: of the customer's address, else of the metadata.
    pub regions: Vec<String>,
    /// Whom the lead is assigned to, by staff number, else address, else name.
    pub assigned_to: Option<&'a str>,
    /// When the lead says that it was made.
    pub lead_created: Option<DateTime<Utc>>,
}

impl<'a> Facts<'a> {
    pub fn read(message: &'a Message) -> Self {
        let Some(message_type) = header::of_type(message) else { return Self::default() };
        let body = body(message, message_type);
        match message_type {
            MessageType::Lead => Self::of_lead(&body),
            MessageType::Asset => Self {
                subject: body.get("assetId").word(),
                product_type: body.get("productType").word(),
                asset_status: body.get("status").word(),
                regions: regions(
                    &body.get("dealerAvailability").get("dealerLocation"),
                    &body.get("metadata"),
                ),
                ..Self::default()
            },
            MessageType::LeadClosure => Self {
                subject: body.get("originalLeadId").word(),
                product_type: body.get("purchasedProduct").get("productType").word(),
                regions: regions(&body.get("address"), &body.get("metadata")),
                lead_created: body.get("leadCreatedDate").time(),
                ..Self::default()
            },
            MessageType::Subscription => {
                Self { subject: body.get("subscriptionId").word(), ..Self::default() }
            }
            MessageType::Acknowledgment => {
                Self { subject: crate::acknowledgment::original(message), ..Self::default() }
            }
        }
    }

    fn of_lead(lead: &Node<'a>) -> Self {
        let metadata = lead.get("metadata");
        let product = lead.either(&["desiredProduct", "desiredAsset", "desiredVehicle"]);
        let assigned = lead.get("assignedTo");
        let created = [lead.get("leadCreatedDate"), metadata.get("createdDate"), metadata.get("createdAt")];
        Self {
            subject: lead.get("leadId").word(),
            product_type: product.get("productType").word(),
            lead_status: lead.get("status").word(),
            asset_status: None,
            regions: regions(&lead.get("customer").get("address"), &metadata),
            assigned_to: assigned.word().or_else(|| assigned.either(&["staffId", "email", "name"]).word()),
            lead_created: created.iter().find_map(Node::time),
        }
    }
}

/// The one member of `payload` that the type of the message asks for.
pub(crate) fn body(message: &Message, message_type: MessageType) -> Node<'_> {
    let payload = message.lex().and_then(|lex| lex.get("payload"));
    Node::root("payload", payload).get(message_type.payload_key())
}

fn regions(address: &Node<'_>, metadata: &Node<'_>) -> Vec<String> {
    let own = country(address);
    let Some(country) = own.or_else(|| country(metadata)) else { return Vec::new() };
    let mut regions = vec![country];
    if let (Some(country), Some(state)) = (regions.first(), state(address)) {
        regions.push(format!("{country}-{state}"));
    }
    regions
}

/// Two letters, however they were written.
pub(crate) fn country(place: &Node<'_>) -> Option<String> {
    let code = place.either(&["countryCode", "country"]).word()?.trim();
    let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| code.to_ascii_uppercase())
}

/// `TX`, also where `US-TX` was written; a name in full is no code.
pub(crate) fn state(place: &Node<'_>) -> Option<String> {
    let state = place.either(&["state", "province"]).word()?.trim();
    let code = state.rsplit('-').next().unwrap_or(state);
    let is_code = (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn message(message_type: &str, payload: &Value) -> Message {
        Message::new(json!({"lex": {"header": {"messageType": message_type}, "payload": payload}})).unwrap()
    }

    #[test]
    fn a_lead_is_filed_under_what_it_says_of_itself() {
        let lead = message(
            "LEAD",
            &json!({"lead": {
                "leadId": "LEAD-1", "status": "ORDER", "customer": {"address": {"country": "us", "state": "US-TX"}},
                "desiredVehicle": {"productType": "VEHICLE_NEW"}, "assignedTo": {"name": "Kim", "staffId": "7"},
                "metadata": {"createdAt": "2026-01-01T00:00:00Z", "countryCode": "CA"}
            }}),
        );
        let facts = Facts::read(&lead);
        assert_eq!(facts.subject, Some("LEAD-1"));
        assert_eq!(facts.product_type, Some("VEHICLE_NEW"));
        assert_eq!(facts.lead_status, Some("ORDER"));
        assert_eq!(facts.regions, ["US", "US-TX"]);
        assert_eq!(facts.assigned_to, Some("7"));
        assert!(facts.lead_created.is_some());
    }

    #[test]
    fn the_metadata_tells_the_region_where_there_is_no_address() {
        let closure = message(
            "LEAD_CLOSURE",
            &json!({"leadClosure": {"originalLeadId": "LEAD-1", "metadata": {"countryCode": "DE"}}}),
        );
        let facts = Facts::read(&closure);
        assert_eq!((facts.subject, facts.regions), (Some("LEAD-1"), vec!["DE".to_owned()]));
        assert_eq!(Facts::read(&message("INQUIRY", &json!(null))), Facts::default());
    }
}
