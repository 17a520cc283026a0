//! What a LEAD says about consent (LEX reference §8). Its rules are checked with the others.

use crate::Message;
use crate::facts;
use crate::header::MessageType;
use crate::rules::consent::is_withdrawn;

/// Whether the customer took consent back: under the GDPR, by opting out of sale, or from every channel. Such a
/// lead is restricted from then on.
pub fn withdrawn(message: &Message) -> bool {
    is_withdrawn(&facts::body(message, MessageType::Lead))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_withdrawal_is_seen_in_each_of_its_forms() {
        let of = |record| {
            withdrawn(
                &Message::new(json!({"lex": {"payload": {"lead": {"consentRecord": record}}}})).unwrap(),
            )
        };
        assert!(of(json!({"gdpr": {"consentWithdrawnAt": "2026-01-01T00:00:00Z"}})));
        assert!(of(json!({"ccpa": {"doNotSell": true, "optOutTimestamp": "2026-01-01T00:00:00Z"}})));
        assert!(of(json!({"marketing": {"emailMarketing": false, "smsMarketing": false}})));
        assert!(of(json!({"marketingConsent": {"email": "false", "recordedAt": "2026-01-01T00:00:00Z"}})));
        assert!(of(json!({"ccpa": {"doNotSell": "true"}})), "as XML brings it");
        assert!(!of(json!({"marketing": {}})));
        assert!(!of(json!({"marketing": {"emailMarketing": true, "smsMarketing": false}})));
        assert!(!of(json!({"gdpr": {"legalBasis": "CONSENT", "consentWithdrawn": false}})));
        assert!(!of(json!(null)));
    }
}
