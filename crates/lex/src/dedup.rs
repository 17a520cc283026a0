//! The same customer through several doors (LEX reference §7). Fingerprints serve nothing else, and the exchange
//! never makes one up for a lead that brings none.

use crate::Message;
use crate::facts;
use crate::header::MessageType;
use crate::life_cycle::Status;
use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

const DEFAULT_WINDOW_HOURS: i64 = 72;
const LONGEST_WINDOW_HOURS: i64 = 720;
/// Of a phone number that many digits count, from its end: so country codes are left out.
const PHONE_DIGITS: usize = 10;

/// Version SHA256_V1: the lower-case hex SHA-256 of `email|phone|lastName`, each in its plainest form.
pub fn fingerprint(email: Option<&str>, phone: Option<&str>, last_name: Option<&str>) -> String {
    let email = email.unwrap_or_default().trim().to_lowercase();
    let digits: Vec<char> = phone.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let phone: String = digits.iter().skip(digits.len().saturating_sub(PHONE_DIGITS)).collect();
    let name = last_name.unwrap_or_default().trim().to_lowercase();
    let name: String = name.nfd().filter(|letter| !is_combining_mark(*letter)).collect();
    hex::encode(Sha256::digest(format!("{email}|{phone}|{name}")))
}

/// Whether a text has the form of a fingerprint: 64 lower-case hex digits.
pub fn is_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What a LEAD brings to be told from its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint<'a> {
    pub value: &'a str,
    /// How far back a lead of the same fingerprint counts.
    pub window: Duration,
}

impl<'a> Fingerprint<'a> {
    pub fn read(message: &'a Message) -> Option<Self> {
        let block = facts::body(message, MessageType::Lead).get("deduplication");
        let value = block.get("customerFingerprint").text().filter(|value| is_fingerprint(value))?;
        let hours = block.get("deduplicationWindowHours").integer().unwrap_or(DEFAULT_WINDOW_HOURS);
        Some(Self { value, window: Duration::hours(hours.clamp(1, LONGEST_WINDOW_HOURS)) })
    }
}

/// What a new lead with a fingerprint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dedup {
    Unique,
    Duplicate,
}

impl Dedup {
    /// Its name in `deduplicationStatus`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unique => "UNIQUE",
            Self::Duplicate => "DUPLICATE",
        }
    }
}

/// Judges a lead whose id is new by the state of an earlier one of the same fingerprint within the window, if
/// there is one. A customer whose earlier lead is delivered or archived has come back.
pub fn judge(earlier_status: Option<&str>) -> Dedup {
    match earlier_status.map(Status::parse) {
        Some(Some(status)) if status.is_active() => Dedup::Duplicate,
        _ => Dedup::Unique,
    }
}

/// A lead of two with one fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// How many of its fields say something, as [`filled`] counts them.
    pub filled: usize,
    pub created: DateTime<Utc>,
}

/// Whether the first of two is the one to keep: it says more, or as much and earlier.
pub fn is_canonical(first: Candidate, second: Candidate) -> bool {
    first.filled > second.filled || (first.filled == second.filled && first.created <= second.created)
}

/// How many fields of a LEAD say something.
pub fn filled(message: &Message) -> usize {
    let mut open: Vec<&Value> = facts::body(message, MessageType::Lead).value().into_iter().collect();
    let mut filled = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Null => {}
            Value::String(text) => filled += usize::from(!text.trim().is_empty()),
            Value::Bool(_) | Value::Number(_) => filled += 1,
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The strings are hashed here, so each row says what the plain forms are.
    #[test]
    fn a_fingerprint_is_made_of_the_plainest_forms() {
        for (email, phone, name, plain) in [
            (" Ada.King@Example.com ", "+1 (512) 555-0143", "King", "ada.king@example.com|5125550143|king"),
            ("o@example.de", "+49 1555 1234567", "Öztürk ", "o@example.de|5551234567|ozturk"),
            ("p@example.es", "+34 612 345 678", "PEÑA", "p@example.es|4612345678|pena"),
        ] {
            let expected = hex::encode(Sha256::digest(plain));
            assert_eq!(fingerprint(Some(email), Some(phone), Some(name)), expected, "{plain}");
        }
        assert_eq!(fingerprint(None, None, None), hex::encode(Sha256::digest("||")));
    }

    #[test]
    fn a_fingerprint_is_the_one_that_others_make() {
        // Made with another program: printf 'ada.king@example.com|5125550143|king' | sha256sum
        assert_eq!(
            fingerprint(Some("ada.king@example.com"), Some("5125550143"), Some("King")),
            "82a92ec738a0227b831436d45c05fbbaf404f51d0c454ad1e9ca7084562d718b"
        );
    }

    #[test]
    fn only_an_active_lead_of_the_same_customer_makes_a_duplicate() {
        assert_eq!(judge(None), Dedup::Unique);
        assert_eq!(judge(Some("IN_NEGOTIATION")), Dedup::Duplicate);
        assert_eq!(judge(Some("DELIVERED")), Dedup::Unique);
        assert_eq!(judge(Some("ARCHIVED")), Dedup::Unique);
    }

    #[test]
    fn the_fuller_lead_is_kept_and_of_equals_the_earlier() {
        let at = |filled, second| Candidate { filled, created: DateTime::from_timestamp(second, 0).unwrap() };
        assert!(is_canonical(at(3, 9), at(2, 1)));
        assert!(!is_canonical(at(2, 1), at(3, 9)));
        assert!(is_canonical(at(2, 1), at(2, 9)));
        assert!(!is_canonical(at(2, 9), at(2, 1)));
    }

    #[test]
    fn the_window_is_the_leads_own_within_bounds() {
        let of = |block: Value| {
            let lead = json!({"deduplication": block, "customer": {"firstName": "Ada", "lastName": " "}});
            Message::new(json!({"lex": {"payload": {"lead": lead}}})).unwrap()
        };
        let value = "a".repeat(64);
        for (hours, expected) in [(json!(null), 72), (json!(24), 24), (json!(0), 1), (json!(9_999), 720)] {
            let message = of(json!({"customerFingerprint": value, "deduplicationWindowHours": hours}));
            assert_eq!(Fingerprint::read(&message).unwrap().window, Duration::hours(expected));
        }
        assert_eq!(Fingerprint::read(&of(json!({"customerFingerprint": "A".repeat(64)}))), None);
        assert_eq!(filled(&of(json!({"customerFingerprint": value}))), 2);
    }
}
