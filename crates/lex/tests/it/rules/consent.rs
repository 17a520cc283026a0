//! Consent, which level 3 asks for.

use super::support::{judged, lead, with};
use lex::{Issue, Level, Verdict};
use serde_json::{Value, json};

fn of(address: &Value, record: &Value) -> Verdict {
    let document = with(lead(), "payload.lead.customer.address", address.clone());
    let document = with(document, "payload.lead.consentRecord", record.clone());
    for level in [Level::L1, Level::L2] {
        assert_eq!(judged(document.clone(), level, false), Verdict::default());
    }
    judged(document, Level::L3, false)
}

fn codes(issues: &[Issue]) -> Vec<(&str, &str)> {
    issues.iter().map(|issue| (&*issue.code, &*issue.field)).collect()
}

#[test]
fn personal_data_comes_with_consent_at_level_three() {
    for record in [json!(null), json!({})] {
        let verdict = of(&json!(null), &record);
        assert_eq!(codes(&verdict.errors), [("CONSENT_RECORD_REQUIRED", "payload.lead.consentRecord")]);
    }
    assert_eq!(of(&json!(null), &json!({"recordedAt": "2026-01-01T00:00:00Z"})), Verdict::default());
}

#[test]
fn the_customers_country_asks_for_the_block_of_its_law() {
    for (country, block) in [
        ("US", "tcpa"),
        ("DE", "gdpr"),
        ("NO", "gdpr"),
        ("GB", "ukGdpr"),
        ("IN", "dpdp"),
        ("CN", "pipl"),
        ("BR", "lgpd"),
        ("ZA", "popia"),
        ("SG", "pdpaSg"),
        ("JP", "appi"),
        ("CH", "nfadp"),
        ("KR", "pipaKr"),
        ("SA", "pdplSa"),
        ("TH", "pdpaTh"),
    ] {
        for address in [json!({"countryCode": country}), json!({"country": country.to_lowercase()})] {
            let field = format!("payload.lead.consentRecord.{block}");
            let verdict = of(&address, &json!({"other": {}}));
            assert_eq!(codes(&verdict.errors), [("CONSENT_BLOCK_REQUIRED", &*field)], "{address}");
            assert_eq!(of(&address, &json!({block: {}})), Verdict::default(), "{address}");
        }
    }
    assert_eq!(of(&json!({"countryCode": "AU"}), &json!({"other": {}})), Verdict::default());
}

#[test]
fn california_and_canada_recommend_a_block() {
    for (address, record, field) in [
        (json!({"countryCode": "US", "state": "CA"}), json!({"tcpa": {}}), "payload.lead.consentRecord.ccpa"),
        (json!({"countryCode": "CA"}), json!({"gdpr": {}}), "payload.lead.consentRecord.pipeda"),
    ] {
        let verdict = of(&address, &record);
        assert!(verdict.is_valid());
        assert_eq!(codes(&verdict.warnings), [("CONSENT_BLOCK_RECOMMENDED", field)]);
    }
}

#[test]
fn what_a_block_says_makes_sense() {
    for (block, content, code) in [
        ("tcpa", json!({"ipAddress": "300.1.1.1"}), "CONSENT_INVALID_IP"),
        ("tcpa", json!({"timestamp": "2026-06-15T12:02:00Z"}), "CONSENT_TIMESTAMP_IN_FUTURE"),
        ("tcpa", json!({"consentTimestamp": "2026-06-16T00:00:00Z"}), "CONSENT_TIMESTAMP_IN_FUTURE"),
        ("tcpa", json!({"consentTimestamp": "once"}), "INVALID_TIMESTAMP"),
        ("gdpr", json!({"legalBasis": "BECAUSE"}), "INVALID_ENUM_VALUE"),
        ("ukGdpr", json!({"legalBasis": 1}), "INVALID_ENUM_VALUE"),
        ("pdpaTh", json!({"legalBasis": "RESEARCH"}), "INVALID_ENUM_VALUE"),
        ("lgpd", json!({"legalBasis": "PUBLIC_TASK"}), "INVALID_ENUM_VALUE"),
        ("nfadp", json!({"legalBasis": "VITAL_INTEREST"}), "INVALID_ENUM_VALUE"),
        ("gdpr", json!({"retentionPeriodDays": 0}), "CONSENT_RETENTION_INVALID"),
    ] {
        let verdict = of(&json!(null), &json!({block: content}));
        let errors: Vec<&str> = verdict.errors.iter().map(|issue| &*issue.code).collect();
        assert_eq!(errors, [code], "{block} {content}");
    }
    for (record, code) in [
        (json!({"gdpr": {"consentWithdrawn": true}}), "CONSENT_WITHDRAWAL_UNDATED"),
        (json!({"usStatePrivacy": {"statesOptedOut": ["TX", "XX"]}}), "CONSENT_UNKNOWN_STATE"),
    ] {
        let verdict = of(&json!(null), &record);
        assert!(verdict.is_valid());
        assert_eq!(verdict.warnings.iter().map(|issue| &*issue.code).collect::<Vec<_>>(), [code]);
    }
    let fine = json!({
        "tcpa": {"ipAddress": "2001:db8::1", "consentTimestamp": "2026-06-15T12:00:30Z"},
        "lgpd": {"legalBasis": "HEALTH"}, "gdpr": {"legalBasis": "PUBLIC_TASK", "retentionPeriodDays": 1,
            "consentWithdrawn": true, "consentWithdrawnAt": "2026-06-01T00:00:00Z"}
    });
    assert_eq!(of(&json!(null), &fine), Verdict::default());
}
