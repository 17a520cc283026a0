//! Valid LEAD messages in numbers, for benchmarks: of several sizes, each its own lead and person, and the same
//! ones at every call.

use serde_json::{Value, json};

const NAMES: [&str; 8] = ["Ada", "Ben", "Chloé", "Dara", "Emil", "Fatou", "Günther", "Hana"];
const PLACES: [(&str, &str, &str); 4] =
    [("US", "TX", "Austin"), ("DE", "BY", "München"), ("GB", "LND", "London"), ("JP", "13", "東京")];
const STATUSES: [&str; 5] = ["CART", "SHOPPING", "EXPRESSED_INTEREST", "IN_NEGOTIATION", "ORDER"];
const WRITTEN: &str = "2026-01-15T10:22:00Z";

/// So many messages as JSON, dated 15 January 2026.
pub fn leads(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| lead(number).to_string().into_bytes()).collect()
}

fn of<T: Copy, const N: usize>(list: [T; N], number: usize) -> T {
    list[number % N]
}

fn lead(number: usize) -> Value {
    let (country, state, city) = of(PLACES, number / 3);
    let name = of(NAMES, number);
    let mut lead = json!({
        "leadId": format!("LEAD-SAMPLE-{number:08}"),
        "status": of(STATUSES, number / 5),
        "leadType": "PRIMARY",
        "source": "RETAILER_WEBSITE",
        "customer": {
            "firstName": name,
            "lastName": format!("Sample{number}"),
            "emailAddress": format!("customer.{number}@mail.example"),
            "phoneNumber": format!("+1512555{:04}", number % 10_000),
            "preferredContactMethod": "EMAIL",
            "address": {"street1": format!("{} Main Street", number % 900 + 1), "city": city, "state": state,
                "postalCode": format!("{:05}", number % 100_000), "countryCode": country}
        },
        "desiredProduct": {
            "productType": "VEHICLE_NEW", "assetClass": "VEHICLE", "make": "Acme", "model": "Roadster",
            "year": 2026, "condition": "NEW", "budgetMax": 30_000 + number % 1_000 * 25,
            "budgetCurrency": "USD", "features": ["HEATED_SEATS", "TOW_BAR", "PANORAMIC_ROOF"]
        },
        "metadata": {"createdDate": WRITTEN, "updatedDate": WRITTEN, "countryCode": country, "language": "en-US"}
    });
    if let Some(members) = lead.as_object_mut() {
        if number.is_multiple_of(2) {
            members.extend(consent());
        }
        if number.is_multiple_of(3) {
            members.extend(scores(number));
        }
        if number.is_multiple_of(4) {
            members.extend(money(number));
        }
    }
    json!({"lex": {
        "header": {
            "messageId": format!("MSG-SAMPLE-{number:08}"), "messageType": "LEAD", "version": "1.0",
            "timestamp": WRITTEN, "senderId": "PORTAL-SAMPLE", "receiverId": "DEALER-SAMPLE",
            "encryptionMethod": "TLS1.3"
        },
        "payload": {"lead": lead}
    }})
}

type Blocks = Vec<(String, Value)>;

fn blocks<const N: usize>(blocks: [(&str, Value); N]) -> Blocks {
    blocks.into_iter().map(|(name, block)| (name.to_owned(), block)).collect()
}

fn consent() -> Blocks {
    let given = json!({"legalBasis": "CONSENT", "consentTimestamp": WRITTEN, "retentionPeriodDays": 365});
    let telephone =
        json!({"expressWrittenConsent": true, "consentTimestamp": WRITTEN, "ipAddress": "192.0.2.7"});
    let apart = json!({"consentGranted": true, "thirdPartyProvisionConsent": true, "crossBorderTransferConsent": false});
    blocks([("consentRecord", json!({"tcpa": telephone, "gdpr": given, "ukGdpr": given, "appi": apart}))])
}

fn scores(number: usize) -> Blocks {
    let score = f64::from(u32::try_from(number % 100).unwrap_or_default()) / 100.0;
    blocks([
        (
            "leadIntelligence",
            json!({
                "intentScore": score, "confidenceLevel": "HIGH", "buyingWindowDays": 30,
                "scoringReasons": [
                    {"factor": "returned three times", "direction": "POSITIVE", "weight": 0.6},
                    {"factor": "no trade-in", "direction": "NEGATIVE", "weight": 0.1}
                ],
                "modelMetadata": {"modelId": "m-7", "modelVersion": "7.1", "scoredAt": WRITTEN, "dataFreshnessDays": 2}
            }),
        ),
        (
            "deduplication",
            json!({"customerFingerprint": format!("{number:064x}"), "deduplicationWindowHours": 72}),
        ),
    ])
}

fn money(number: usize) -> Blocks {
    let price = 28_000 + number % 4_000;
    blocks([
        (
            "financing",
            json!({"needsFinancing": true, "downPaymentCapacity": 4_000, "loanTerm": 12 + number % 73}),
        ),
        (
            "financialSummary",
            json!({
                "vehiclePrice": price + 1_500, "negotiatedPrice": price, "currency": "USD",
                "tradeInAllowance": 3_000, "tradeInPayoff": 500, "netTradeIn": 2_500
            }),
        ),
        (
            "dealLineage",
            json!({"version": 1, "entries": [{
                "seq": 1, "systemId": "PORTAL-SAMPLE", "systemType": "MARKETPLACE", "timestamp": WRITTEN,
                "action": "LEAD_CREATED"
            }]}),
        ),
    ])
}
