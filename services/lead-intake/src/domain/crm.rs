//! What HubSpot is told of a lead: a contact for the person and a deal for the lead.

use contracts::ids::{CorrelationId, LeadId};
use contracts::lead::LeadCustomer;
use serde::Deserialize;
use serde_json::Number;
use std::collections::BTreeMap;

/// The unique property of our own on contacts and deals; its value is the lead's id.
pub const LEAD_ID: &str = "leadwire_lead_id";
/// The unique property that HubSpot has on contacts.
pub const EMAIL: &str = "email";

/// Properties of a HubSpot object, by their internal names.
pub type Properties = BTreeMap<&'static str, String>;

/// A lead as far as HubSpot is concerned.
#[derive(Clone, Debug)]
pub struct CrmLead {
    pub lead_id: LeadId,
    pub partner_slug: String,
    pub correlation_id: CorrelationId,
    pub customer: LeadCustomer,
    pub offer: Offer,
    pub commission: Commission,
}

/// What the partner offers. Was checked when the lead was accepted.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Offer {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub monthly_amount_cents: Option<Number>,
    pub term_months: Option<Number>,
    pub notes: Option<String>,
}

/// What the partner is to get.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Commission {
    pub flat_cents: Option<Number>,
    pub rev_share_bps: Option<Number>,
}

impl CrmLead {
    /// The property that tells contacts apart, and this one's value: the e-mail address in lower case, or the
    /// lead itself where there is none.
    pub fn contact_key(&self) -> (&'static str, String) {
        match &self.customer.email {
            Some(email) => (EMAIL, email.to_lowercase()),
            None => (LEAD_ID, self.lead_id.to_string()),
        }
    }

    /// The contact. What the lead does not say is left out, so that nothing HubSpot knows better is emptied.
    pub fn contact(&self) -> Properties {
        let customer = &self.customer;
        let address = customer.address.clone().unwrap_or_default();
        let (key, value) = self.contact_key();
        let phone = customer.phone_e164.clone().unwrap_or_else(|| customer.phone.clone());
        present([
            (key, Some(value)),
            ("firstname", Some(customer.first_name.clone())),
            ("lastname", Some(customer.last_name.clone())),
            ("phone", Some(phone)),
            ("address", address.line1),
            ("city", address.city),
            ("state", address.state),
            ("zip", address.postal_code),
        ])
    }

    /// The deal, in a pipeline and stage of HubSpot's. Its amount is what the whole term comes to.
    pub fn deal(&self, pipeline: &str, stage: &str) -> Properties {
        let (offer, commission) = (&self.offer, &self.commission);
        let LeadCustomer { first_name, last_name, .. } = &self.customer;
        let name = format!("{}: {first_name} {last_name}", self.partner_slug);
        let monthly = offer.monthly_amount_cents.as_ref();
        let months = offer.term_months.as_ref().map_or(1, whole);
        present([
            (LEAD_ID, Some(self.lead_id.to_string())),
            ("dealname", Some(name.trim_end().to_owned())),
            ("pipeline", Some(pipeline.to_owned())),
            ("dealstage", Some(stage.to_owned())),
            ("amount", monthly.map(|cents| money(whole(cents).saturating_mul(months)))),
            ("leadwire_partner", Some(self.partner_slug.clone())),
            ("leadwire_correlation_id", Some(self.correlation_id.to_string())),
            ("leadwire_offer_type", offer.kind.clone()),
            ("leadwire_monthly_amount", monthly.map(|cents| money(whole(cents)))),
            ("leadwire_term_months", offer.term_months.as_ref().map(|months| whole(months).to_string())),
            ("leadwire_offer_notes", offer.notes.clone()),
            ("leadwire_commission_flat", commission.flat_cents.as_ref().map(|cents| money(whole(cents)))),
            ("leadwire_commission_bps", commission.rev_share_bps.as_ref().map(|bps| whole(bps).to_string())),
        ])
    }
}

fn present<const N: usize>(properties: [(&'static str, Option<String>); N]) -> Properties {
    properties
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
        .collect()
}

/// A number that was accepted is whole and not negative; beyond 64 bits it was never exact.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float casts saturate")]
fn whole(number: &Number) -> u128 {
    number.as_u64().map_or_else(|| number.as_f64().unwrap_or(0.0) as u128, u128::from)
}

/// Cents as HubSpot writes money.
fn money(cents: u128) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::lead::LeadAddress;
    use serde_json::json;
    use uuid::Uuid;

    fn lead(email: Option<&str>) -> CrmLead {
        CrmLead {
            lead_id: LeadId::new(Uuid::from_u128(7)),
            partner_slug: "acme".to_owned(),
            correlation_id: CorrelationId::new(Uuid::from_u128(8)),
            customer: LeadCustomer {
                first_name: "Grace".to_owned(),
                last_name: String::new(),
                email: email.map(str::to_owned),
                phone: "(512) 232-1234".to_owned(),
                phone_e164: Some("+15122321234".to_owned()),
                address: Some(LeadAddress { city: Some("Austin".to_owned()), ..LeadAddress::default() }),
            },
            offer: Offer::default(),
            commission: Commission::default(),
        }
    }

    #[test]
    fn a_contact_is_told_by_its_address_in_lower_case_or_by_its_lead() {
        let by_email = lead(Some("Grace@Example.com")).contact();
        assert_eq!(by_email["email"], "grace@example.com");
        assert_eq!((by_email["phone"].as_str(), by_email["city"].as_str()), ("+15122321234", "Austin"));
        assert!(!by_email.contains_key("lastname") && !by_email.contains_key(LEAD_ID));
        let by_lead = lead(None).contact();
        assert_eq!(by_lead[LEAD_ID], Uuid::from_u128(7).to_string());
        assert!(!by_lead.contains_key("email"));
    }

    #[test]
    fn offer_and_commission_become_properties_of_the_deal() {
        let mut lead = lead(None);
        lead.offer = serde_json::from_value(json!({
            "type": "solar", "monthly_amount_cents": 12_905, "term_months": 24.0, "notes": "call late", "else": [],
        }))
        .unwrap();
        lead.commission = serde_json::from_value(json!({"flat_cents": 5000, "rev_share_bps": 250})).unwrap();
        let deal = lead.deal("default", "appointmentscheduled");
        for (name, value) in [
            ("dealname", "acme: Grace"),
            ("pipeline", "default"),
            ("dealstage", "appointmentscheduled"),
            ("amount", "3097.20"),
            ("leadwire_monthly_amount", "129.05"),
            ("leadwire_term_months", "24"),
            ("leadwire_offer_type", "solar"),
            ("leadwire_offer_notes", "call late"),
            ("leadwire_commission_flat", "50.00"),
            ("leadwire_commission_bps", "250"),
            ("leadwire_partner", "acme"),
        ] {
            assert_eq!(deal[name], value, "{name}");
        }
    }

    #[test]
    fn a_lead_without_an_offer_has_a_deal_without_an_amount() {
        let deal = lead(None).deal("p", "s");
        assert!(!deal.contains_key("amount") && deal.contains_key(LEAD_ID));
    }
}
