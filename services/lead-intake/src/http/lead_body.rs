//! The bodies of leads: reading the contract's `LeadCreate`, writing its `Lead`.

use crate::domain::lead::{Customer, Lead, NewLead};
use crate::domain::phone::Phone;
use contracts::ids::CorrelationId;
use contracts::lead::{LeadAddress, LeadFacts};
use platform::Violation;
use platform::document::{Object, Violations, any, canonical, email, integer, object, text, uuid};
use serde_json::{Value, json};

const ANY_LENGTH: std::ops::RangeInclusive<usize> = 0..=usize::MAX;

/// Reads a `LeadCreate` (contract, `components.schemas`). Unknown fields are ignored.
///
/// # Errors
/// Every field that breaks the contract, with its path.
pub fn read(document: &Value) -> Result<NewLead, Vec<Violation>> {
    let violations = Violations::new();
    let lead = violations.root(document).and_then(|root| {
        let correlation_id = root.required("correlation_id", uuid);
        let customer = root.required_object("customer").and_then(|customer| read_customer(&customer));
        check_offer(&root);
        check_commission(&root);
        root.optional("partner_metadata", object);
        let copy = |name: &str| document.get(name).cloned();
        Some(NewLead {
            correlation_id: CorrelationId::new(correlation_id?),
            customer: customer?,
            offer: copy("offer"),
            commission: copy("commission"),
            partner_metadata: copy("partner_metadata"),
            fingerprint: fingerprint(document),
        })
    });
    violations.finish(lead)
}

fn read_customer(customer: &Object<'_, '_>) -> Option<Customer> {
    let first_name = customer.required("first_name", text(0..=100));
    let last_name = customer.required("last_name", text(0..=100));
    let email = customer.optional("email", email(200));
    let phone = customer.required("phone", text(ANY_LENGTH));
    let address = customer.optional_object("address").map(|address| read_address(&address));
    Some(Customer {
        first_name: first_name?.to_owned(),
        last_name: last_name?.to_owned(),
        email: email.map(str::to_owned),
        phone: Phone::new(phone?),
        address,
    })
}

fn read_address(address: &Object<'_, '_>) -> LeadAddress {
    let part = |name, length| address.optional(name, text(length)).map(str::to_owned);
    LeadAddress {
        line1: part("line1", 0..=200),
        city: part("city", 0..=100),
        state: part("state", 2..=2),
        postal_code: part("postal_code", 0..=20),
    }
}

fn check_offer(root: &Object<'_, '_>) {
    root.optional("offer", any);
    let Some(offer) = root.optional_object("offer") else {
        return;
    };
    offer.optional("type", text(ANY_LENGTH));
    offer.optional("monthly_amount_cents", amount);
    offer.optional("term_months", integer(1..=120));
    offer.optional("notes", text(0..=2000));
}

fn check_commission(root: &Object<'_, '_>) {
    root.optional("commission", any);
    let Some(commission) = root.optional_object("commission") else {
        return;
    };
    commission.optional("flat_cents", amount);
    commission.optional("rev_share_bps", integer(0..=10_000));
}

/// A whole number of cents. The contract has no upper bound.
fn amount(value: &Value) -> Result<(), std::borrow::Cow<'static, str>> {
    let whole = value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0);
    match value.as_f64() {
        Some(number) if whole && number >= 0.0 => Ok(()),
        Some(_) if whole => Err("must be at least 0".into()),
        _ => Err("must be an integer".into()),
    }
}

/// The correlation id is the key, not part of what is compared: its case does not matter.
fn fingerprint(document: &Value) -> [u8; 32] {
    let mut body = document.clone();
    if let Value::Object(map) = &mut body {
        map.remove("correlation_id");
    }
    platform::secrets::digest(canonical(&body).as_bytes())
}

/// The contract's `Lead`.
pub fn write(lead: &Lead) -> Value {
    json!(LeadFacts::from(lead))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minimal() -> Value {
        json!({
            "correlation_id": "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
            "customer": {"first_name": "Ada", "last_name": "Lovelace", "phone": "+15122321234"},
        })
    }

    #[test]
    fn every_failing_field_is_named() {
        let document = json!({
            "correlation_id": "not a uuid",
            "customer": {
                "first_name": "x".repeat(101), "phone": 5, "email": "nobody",
                "address": {"state": "Texas"},
            },
            "offer": {"term_months": 0, "monthly_amount_cents": -1, "notes": "n".repeat(2001)},
            "commission": {"rev_share_bps": 10_001, "flat_cents": 1.5},
            "partner_metadata": [],
        });
        let paths: Vec<_> =
            read(&document).unwrap_err().into_iter().map(|violation| violation.path).collect();
        assert_eq!(
            paths,
            [
                "correlation_id",
                "customer.first_name",
                "customer.last_name",
                "customer.email",
                "customer.phone",
                "customer.address.state",
                "offer.monthly_amount_cents",
                "offer.term_months",
                "offer.notes",
                "commission.flat_cents",
                "commission.rev_share_bps",
                "partner_metadata",
            ]
        );
    }

    #[test]
    fn a_lead_with_required_fields_alone_and_one_with_unknown_fields_are_taken() {
        assert!(read(&minimal()).is_ok());
        let mut document = minimal();
        document["anything"] = json!({"else": [1, 2, 3]});
        document["customer"]["phone"] = json!("");
        assert!(read(&document).is_ok());
    }

    #[test]
    fn the_fingerprint_is_of_the_content_not_of_the_writing() {
        let mut other_case = minimal();
        other_case["correlation_id"] = json!("0190A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5B");
        let mut changed = minimal();
        changed["customer"]["last_name"] = json!("Byron");
        let fingerprint = |document: &Value| read(document).unwrap().fingerprint;
        assert_eq!(fingerprint(&minimal()), fingerprint(&other_case));
        assert_ne!(fingerprint(&minimal()), fingerprint(&changed));
    }

    proptest! {
        #[test]
        fn no_document_makes_reading_panic(text in "[\\[\\]{}\":,0-9a-z\\\\ ]{0,200}") {
            if let Ok(document) = serde_json::from_str::<Value>(&text) {
                drop(read(&document));
            }
        }
    }
}
