//! The rules of consent, which conformance level 3 asks for (LEX reference §8). The country of the customer's
//! address decides which law's block has to be there; without an address none has.

use super::findings::Findings;
use crate::code;
use crate::facts;
use crate::node::{Node, as_flag};
use crate::verdict::Issue;
use std::net::IpAddr;

/// The countries whose law is the GDPR: the EU and Iceland, Liechtenstein, Norway.
const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT",
    "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

const US_STATES: [&str; 51] = [
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "HI", "IA", "ID", "IL", "IN", "KS",
    "KY", "LA", "MA", "MD", "ME", "MI", "MN", "MO", "MS", "MT", "NC", "ND", "NE", "NH", "NJ", "NM", "NV",
    "NY", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VA", "VT", "WA", "WI", "WV", "WY",
];

const GDPR_BASES: [&str; 6] =
    ["CONSENT", "LEGITIMATE_INTEREST", "CONTRACT", "LEGAL_OBLIGATION", "VITAL_INTEREST", "PUBLIC_TASK"];
const LGPD_BASES: [&str; 10] = [
    "CONSENT",
    "LEGITIMATE_INTEREST",
    "CONTRACT",
    "LEGAL_OBLIGATION",
    "VITAL_INTEREST",
    "RESEARCH",
    "CREDIT_PROTECTION",
    "JUDICIAL",
    "HEALTH",
    "REGULATORY",
];
const NFADP_BASES: [&str; 4] = ["CONSENT", "LEGITIMATE_INTEREST", "CONTRACT", "LEGAL_OBLIGATION"];

const PERSONAL: [&str; 6] = ["emailAddress", "email", "phoneNumber", "phone", "phoneNumbers", "address"];

pub fn check(lead: &Node<'_>, customer: &Node<'_>, found: &mut Findings<'_>) {
    let record = lead.get("consentRecord");
    if record.object().is_none_or(serde_json::Map::is_empty) {
        if record.present() && record.object().is_none() {
            found.object(&record);
        } else if PERSONAL.iter().any(|name| customer.get(name).given()) {
            let message = "the customer can be reached, but nothing says that they agreed to it";
            let issue = Issue::error(record.field(), code::CONSENT_RECORD_REQUIRED, message);
            found.add(
                issue.suggesting(
                    "send consentRecord with the block of the customer's law, such as gdpr or tcpa",
                ),
            );
        }
        return;
    }
    of_country(&customer.get("address"), &record, found);
    telephone(&record.get("tcpa"), found);
    for name in ["gdpr", "ukGdpr"] {
        european(&record.get(name), found);
    }
    for (name, bases) in [("pdpaTh", &GDPR_BASES[..]), ("lgpd", &LGPD_BASES), ("nfadp", &NFADP_BASES)] {
        found.one_of(&record.get(name).get("legalBasis"), bases, code::INVALID_ENUM_VALUE);
    }
    for state in record.get("usStatePrivacy").get("statesOptedOut").items() {
        if !state.text().is_some_and(|state| US_STATES.contains(&state)) {
            found.warn(
                &state,
                code::CONSENT_UNKNOWN_STATE,
                "no state of the United States, by its two letters",
            );
        }
    }
}

/// The block that the law of a country asks for.
fn block_of(country: &str) -> Option<&'static str> {
    Some(match country {
        "US" => "tcpa",
        "GB" => "ukGdpr",
        "IN" => "dpdp",
        "CN" => "pipl",
        "BR" => "lgpd",
        "ZA" => "popia",
        "SG" => "pdpaSg",
        "JP" => "appi",
        "CH" => "nfadp",
        "KR" => "pipaKr",
        "SA" => "pdplSa",
        "TH" => "pdpaTh",
        european if EEA.contains(&european) => "gdpr",
        _ => return None,
    })
}

fn of_country(address: &Node<'_>, record: &Node<'_>, found: &mut Findings<'_>) {
    let Some(country) = facts::country(address) else { return };
    let block = block_of(&country).map(|name| record.get(name));
    if let Some(block) = block.filter(|block| block.object().is_none()) {
        let message = format!("a customer in {country} has to have agreed under the law of {country}");
        found.add(
            Issue::error(block.field(), code::CONSENT_BLOCK_REQUIRED, message)
                .with("country", country.clone()),
        );
    }
    let recommended = match country.as_str() {
        "US" if facts::state(address).as_deref() == Some("CA") => "ccpa",
        "CA" => "pipeda",
        _ => return,
    };
    let block = record.get(recommended);
    if block.object().is_none() {
        found.warn(
            &block,
            code::CONSENT_BLOCK_RECOMMENDED,
            "the law of the customer's place asks for it as a rule",
        );
    }
}

fn telephone(tcpa: &Node<'_>, found: &mut Findings<'_>) {
    let address = tcpa.get("ipAddress");
    if address.given() && address.text().is_none_or(|text| text.trim().parse::<IpAddr>().is_err()) {
        found.error(&address, code::CONSENT_INVALID_IP, "no IPv4 or IPv6 address");
    }
    for name in ["timestamp", "consentTimestamp"] {
        let time = tcpa.get(name);
        if found.time(&time).is_some_and(|at| found.is_future(at)) {
            found.error(&time, code::CONSENT_TIMESTAMP_IN_FUTURE, "nobody has agreed in the future");
        }
    }
}

fn european(block: &Node<'_>, found: &mut Findings<'_>) {
    found.one_of(&block.get("legalBasis"), &GDPR_BASES, code::INVALID_ENUM_VALUE);
    let retention = block.get("retentionPeriodDays");
    found.counted(&retention, code::CONSENT_RETENTION_INVALID);
    let withdrawn = block.get("consentWithdrawnAt");
    if block.get("consentWithdrawn").flag() == Some(true) && !withdrawn.given() {
        found.warn(&withdrawn, code::CONSENT_WITHDRAWAL_UNDATED, "consent was withdrawn, but not when");
    }
}

/// Whether a LEAD says that its customer took consent back.
pub fn is_withdrawn(lead: &Node<'_>) -> bool {
    let record = lead.get("consentRecord");
    let european = ["gdpr", "ukGdpr"].iter().any(|name| {
        let block = record.get(name);
        block.get("consentWithdrawnAt").given() || block.get("consentWithdrawn").flag() == Some(true)
    });
    let ccpa = record.get("ccpa");
    let opted_out = ["doNotSell", "optedOut"].iter().any(|name| ccpa.get(name).flag() == Some(true));
    let marketing = record.either(&["marketing", "marketingConsent"]);
    let channels = marketing.object().into_iter().flat_map(|channels| channels.values().filter_map(as_flag));
    let no_channel = channels.reduce(|one, other| one || other) == Some(false);
    european || opted_out || no_channel
}
