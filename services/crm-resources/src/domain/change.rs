//! A stored resource, and what a change of it is.

use chrono::{DateTime, Utc};
use contracts::crm::{Lead, ObjectId, Record, Resource};
use contracts::crm_events::{Changes, LeadConverted, LeadQualified, LeadRejected, Updated};
use platform::ids::IdSource;
use serde_json::{Map, Value};

/// A resource with the number of its changes, from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T> {
    pub record: Record<T>,
    pub version: i64,
}

impl<T: Resource> Versioned<T> {
    /// A resource that is made now.
    pub fn new(ids: &IdSource, now: DateTime<Utc>, fields: T) -> Self {
        let record = Record { id: new_id(ids, now), fields, created_at: now, updated_at: now };
        Self { record, version: 1 }
    }

    /// The same resource with other fields.
    pub fn changed(&self, fields: T, now: DateTime<Utc>) -> Self {
        Self { record: Record { fields, updated_at: now, ..self.record.clone() }, version: self.version + 1 }
    }
}

/// An id of this moment. Its tail is the random part of a version 7 UUID: 62 bits.
fn new_id(ids: &IdSource, now: DateTime<Utc>) -> ObjectId {
    let random = ids.at(now);
    let tail = random.as_bytes().last_chunk().copied().unwrap_or_default();
    ObjectId::new(u32::try_from(now.timestamp()).unwrap_or(u32::MAX), tail)
}

/// The fields that differ.
///
/// # Errors
/// When a resource cannot be written as JSON, which none can fail to.
pub fn differences<T: Resource>(before: &T, after: &T) -> Result<Changes, serde_json::Error> {
    let mut changes = Changes { before: members(before)?, after: members(after)? };
    changes.before.retain(|name, value| {
        let differs = changes.after.get(name) != Some(value);
        if !differs {
            changes.after.remove(name);
        }
        differs
    });
    Ok(changes)
}

fn members<T: Resource>(fields: &T) -> Result<Map<String, Value>, serde_json::Error> {
    Ok(match serde_json::to_value(fields)? {
        Value::Object(map) => map,
        _ => Map::new(),
    })
}

/// What reaching a status is told as, beside `lead.updated`.
#[derive(Clone, Debug, PartialEq)]
pub enum Milestone {
    Qualified(LeadQualified),
    Rejected(LeadRejected),
    Converted(LeadConverted),
}

impl Milestone {
    /// The milestone that a change of a lead reaches, if any.
    pub fn of(change: &Updated<Lead>) -> Option<Self> {
        let status = change.changes.after.get("status")?.as_str()?;
        match status {
            "qualified" => Some(Self::Qualified(LeadQualified(change.clone()))),
            "rejected" => Some(Self::Rejected(LeadRejected(change.clone()))),
            "converted" => Some(Self::Converted(LeadConverted(change.clone()))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::crm::Customer;
    use serde_json::json;

    #[test]
    fn only_the_fields_that_differ_are_named() {
        let before = Customer { name: "Grace".to_owned(), email: None, ..Customer::default() };
        let after = Customer { email: Some("g@example.com".to_owned()), ..before.clone() };
        let changes = differences(&before, &after).unwrap();
        assert_eq!(json!(changes.before), json!({"email": null}));
        assert_eq!(json!(changes.after), json!({"email": "g@example.com"}));
    }

    #[test]
    fn ids_begin_with_the_second_they_are_made_in_and_differ() {
        use chrono::TimeZone as _;
        let now = Utc.timestamp_opt(0x65a0_c0f1, 0).unwrap();
        for ids in [IdSource::random(), IdSource::counting()] {
            let (one, two) = (new_id(&ids, now), new_id(&ids, now));
            assert!(one != two && one.to_string().starts_with("65a0c0f1"), "{one} {two}");
        }
    }
}
