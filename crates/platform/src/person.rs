//! A person whom an organisation forgets: where data speaks of them, and what is left of it.
//!
//! Pure: who has such data, stored or dead-lettered, goes through it by itself.

use chrono::DateTime;
use serde_json::Value;
use uuid::Uuid;

/// What stands where a text was.
const ERASED: &str = "[erased]";
/// Texts that come from closed lists or name an organisation.
const WORDS: [&str; 6] = ["status", "state", "type", "source", "next_action", "partner_slug"];

/// What a person is known by. Either will do.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// In lower case.
    pub email: Option<String>,
    /// Of the phone number with its country code.
    pub digits: Option<String>,
}

impl Person {
    /// An address in any case and a number in E.164.
    pub fn new(email: Option<&str>, phone: Option<&str>) -> Self {
        let digits = |phone: &str| phone.chars().filter(char::is_ascii_digit).collect();
        Self { email: email.map(str::to_lowercase), digits: phone.map(digits) }
    }

    /// Whether data has the address or the number somewhere, also in the midst of a text.
    pub fn is_in(&self, data: &Value) -> bool {
        match data {
            Value::Object(members) => {
                members.iter().any(|(name, value)| self.is_in_text(name) || self.is_in(value))
            }
            Value::Array(items) => items.iter().any(|item| self.is_in(item)),
            Value::String(text) => self.is_in_text(text),
            Value::Number(number) => self.is_in_text(&number.to_string()),
            Value::Bool(_) | Value::Null => false,
        }
    }

    /// The same data with nothing left that could say who it was: the shape, ids, times, statuses, amounts.
    pub fn redacted(&self, data: &Value) -> Value {
        self.redact("", data)
    }

    /// What is left of an event's data when it speaks of the person. Of a routed LEX message, what it is routed by
    /// stays, so that it can still be delivered.
    pub fn redacted_event(&self, data: &Value) -> Option<Value> {
        if !self.is_in(data) {
            return None;
        }
        if data.pointer("/message/lex").is_none() {
            return Some(self.redacted(data));
        }
        let mut left = data.clone();
        if let Some(message) = left.pointer_mut("/message/lex").and_then(Value::as_object_mut) {
            for (name, part) in message.iter_mut() {
                if name != "header" || self.is_in(part) {
                    *part = self.redacted(part);
                }
            }
        }
        if let Some(notice) = left.get_mut("notice") {
            *notice = self.redacted(notice);
        }
        Some(left)
    }

    fn redact(&self, name: &str, data: &Value) -> Value {
        match data {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| {
                    let kept = if self.is_in_text(name) { ERASED } else { name };
                    (kept.to_owned(), self.redact(name, value))
                })
                .collect(),
            Value::Array(items) => items.iter().map(|item| self.redact(name, item)).collect(),
            Value::String(text) if self.is_in_text(text) || !says_nothing(name, text) => ERASED.into(),
            Value::Number(_) if self.is_in(data) => Value::Null,
            other => other.clone(),
        }
    }

    fn is_in_text(&self, text: &str) -> bool {
        self.email.as_ref().is_some_and(|email| has_address(&text.to_lowercase(), email))
            || self.digits.as_ref().is_some_and(|digits| has_number(text, digits))
    }
}

/// Whether a text of a name is one that speaks of nobody.
fn says_nothing(name: &str, text: &str) -> bool {
    let is_id = name == "id" || ["_id", "Id", "_ids", "Ids"].iter().any(|end| name.ends_with(end));
    let is_time = ["_at", "At"].iter().any(|end| name.ends_with(end));
    is_id
        || WORDS.contains(&name)
        || Uuid::try_parse(text).is_ok()
        || (is_time && DateTime::parse_from_rfc3339(text).is_ok())
}

/// Whether an address stands in a text by itself, and not as a part of a longer one.
fn has_address(text: &str, address: &str) -> bool {
    text.match_indices(address).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + address.len()..].chars();
        let goes_on = match after.next() {
            Some('.') => after.next().is_some_and(char::is_alphanumeric),
            Some(c) => c.is_alphanumeric() || c == '-',
            None => false,
        };
        !goes_on && !before.is_some_and(|c| c.is_alphanumeric() || "._%+-".contains(c))
    })
}

/// Whether a number stands in a text, however it is grouped.
fn has_number(text: &str, digits: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || c.is_whitespace() || "()-./".contains(c);
    text.split(|c| !is_part(c)).any(|part| {
        let found: String = part.chars().filter(char::is_ascii_digit).collect();
        found.strip_prefix("00").unwrap_or(&found) == digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn grace() -> Person {
        Person { email: Some("grace@example.com".to_owned()), digits: Some("15122321234".to_owned()) }
    }

    #[test]
    fn a_person_is_found_by_address_or_number_however_they_are_written() {
        for data in [
            json!({"a": [{"email": "Grace@Example.COM"}]}),
            json!("Mail <grace@example.com>."),
            json!({"grace@example.com": 1}),
            json!("+15122321234"),
            json!({"phone": "+1 (512) 232-1234"}),
            json!("call 001 512.232.1234, please"),
            json!(15_122_321_234_u64),
        ] {
            assert!(grace().is_in(&data), "{data}");
        }
    }

    #[test]
    fn who_is_merely_called_alike_is_somebody_else() {
        for data in [
            json!("maryanngrace@example.com"),
            json!("ann.grace@example.com"),
            json!("grace@example.com.au"),
            json!("grace@example.community"),
            json!("+151223212345"),
            json!(151_223_212_345_u64),
            json!({"name": "Grace", "empty": ""}),
        ] {
            assert!(!grace().is_in(&data), "{data}");
        }
    }

    #[test]
    fn the_shape_ids_times_statuses_and_amounts_are_left() {
        let id = "0190b3c4-0000-7000-8000-000000000001";
        let data = json!({
            "lead_id": id, "externalId": "grace@example.com", "status": "received", "created_at": "2026-01-02T03:04:05Z",
            "amount": 5, "new": true, "bornAt": "in Texas", "customer": {"first_name": "Grace", "phone": 15_122_321_234_u64},
            "tags": ["admiral", id], "grace@example.com": null,
        });
        let left = json!({
            "lead_id": id, "externalId": "[erased]", "status": "received", "created_at": "2026-01-02T03:04:05Z",
            "amount": 5, "new": true, "bornAt": "[erased]", "customer": {"first_name": "[erased]", "phone": null},
            "tags": ["[erased]", id], "[erased]": null,
        });
        assert_eq!(grace().redacted(&data), left);
        assert!(!grace().is_in(&left));
    }
}
