//! A place in a sorted list, as the cursor carries it: opaque to callers, bound to organisation, resource, order
//! and filter, so that it leads nowhere else.

use super::listing::{Filter, Key, Sort, Status};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use contracts::crm::{ObjectId, Record, Resource};
use contracts::ids::OrganizationId;
use serde::{Deserialize, Serialize};

/// Behind a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub value: Value,
    pub id: ObjectId,
    /// The number of the page that begins here.
    pub page: i64,
    /// How long the list was at the beginning of the walk: counting it again at every page would not be flat.
    pub total: i64,
}

/// What the list is sorted by, of that resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Time(DateTime<Utc>),
    Text(String),
}

impl Value {
    /// What a resource is sorted by.
    pub fn of<T: Resource>(record: &Record<T>, key: Key) -> Self {
        match key {
            Key::CreatedAt => Self::Time(record.created_at),
            Key::UpdatedAt => Self::Time(record.updated_at),
            Key::Name => Self::Text(record.fields.name().to_owned()),
        }
    }
}

/// The list that a cursor belongs to.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    pub organization: OrganizationId,
    /// The resource's table.
    pub table: &'static str,
    pub sort: Sort,
    pub filter: &'a Filter,
}

impl List<'_> {
    /// The mark as a caller gets it.
    pub fn cursor(&self, mark: &Mark) -> String {
        let mut bytes = serde_json::to_vec(mark).unwrap_or_default();
        bytes.extend(self.check());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The mark that a cursor of this list carries.
    pub fn mark(&self, cursor: &str) -> Option<Mark> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (mark, check) = bytes.split_last_chunk::<8>()?;
        if *check != self.check() {
            return None;
        }
        let mark: Mark = serde_json::from_slice(mark).ok()?;
        let fits = matches!(
            (&mark.value, self.sort.key),
            (Value::Time(_), Key::CreatedAt | Key::UpdatedAt) | (Value::Text(_), Key::Name)
        );
        let sound = mark.page > 1
            && mark.total >= 0
            && !matches!(&mark.value, Value::Text(text) if text.contains('\0'));
        (fits && sound).then_some(mark)
    }

    fn check(&self) -> [u8; 8] {
        let status = match &self.filter.status {
            None => String::new(),
            Some(Status::Active(active)) => format!("active {active}"),
            Some(Status::Word(word)) => format!("word {word}"),
        };
        let parts = [
            self.organization.to_string(),
            self.table.to_owned(),
            self.sort.name(),
            status,
            self.filter.search.clone().unwrap_or_default(),
            self.filter.updated_since.map(|since| since.to_rfc3339()).unwrap_or_default(),
        ];
        // With the length in front no two lists run together into the same text.
        let parts: Vec<_> = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
        platform::secrets::digest(parts.concat().as_bytes()).first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_cursor_leads_back_to_its_own_list_alone() {
        let (filter, searched) =
            (Filter::default(), Filter { search: Some("x".to_owned()), ..Filter::default() });
        let organization = OrganizationId::new(Uuid::from_u128(1));
        let sort = Sort { key: Key::Name, descending: false };
        let list = List { organization, table: "products", sort, filter: &filter };
        let value = Value::Text("Ä".to_owned());
        let mark = Mark { value, id: ObjectId::new(1, [2; 8]), page: 2, total: 40 };
        let cursor = list.cursor(&mark);
        assert_eq!(list.mark(&cursor), Some(mark));
        let foreign = OrganizationId::new(Uuid::from_u128(2));
        for other in [
            List { organization: foreign, ..list },
            List { table: "customers", ..list },
            List { sort: Sort::DEFAULT, ..list },
            List { filter: &searched, ..list },
        ] {
            assert_eq!(other.mark(&cursor), None);
        }
        for broken in ["", "x", "AAAAAAAAAAAAAAAA", "=", "💥"] {
            assert_eq!(list.mark(broken), None);
        }
    }
}
