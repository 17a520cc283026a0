//! The query of a list on the platform surface, and whose things a request of that surface is about.

use crate::domain::subscription::{Family, Owner};
use crate::error::missing;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use contracts::identity::{OrganizationRef, PlatformFacts, Principal, SurfaceFacts};
use contracts::ids::{ClientId, EventId, OrganizationId};
use platform::{Fault, Violation};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

pub const DEFAULT_LIMIT: i64 = 20;
pub const MAX_LIMIT: i64 = 100;

/// The client that the path names, as the owner of its subscriptions. The gateway has vouched for it; without
/// that it is not there.
///
/// # Errors
/// That there is no such client.
pub fn owner(principal: Principal, client: &str) -> Result<Owner, Fault> {
    let named: Option<ClientId> = client.parse().ok();
    match principal.facts {
        SurfaceFacts::Platform(PlatformFacts { organization, client_id: Some(client) })
            if named == Some(client) =>
        {
            Ok(Owner { organization, client, family: Family::Platform })
        }
        _ => Err(missing("client")),
    }
}

/// The organisation that the path names. The gateway has vouched for it; without that it is not there.
///
/// # Errors
/// That there is no such organisation.
pub fn organization(principal: Principal, id: &str) -> Result<OrganizationRef, Fault> {
    let named: Option<OrganizationId> = id.parse().ok();
    match principal.facts {
        SurfaceFacts::Platform(PlatformFacts { organization, .. }) if named == Some(organization.id) => {
            Ok(organization)
        }
        _ => Err(missing("organization")),
    }
}

/// A query string as it was sent. Unknown parameters are ignored, empty ones count as absent.
#[derive(Debug)]
pub struct Query {
    given: HashMap<String, String>,
    violations: Vec<Violation>,
}

impl Query {
    /// Reads a query string; the last of several values counts.
    pub fn parse(query: &str) -> Self {
        let given = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { given, violations: Vec::new() }
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        let text = self.given.get(name).filter(|text| !text.is_empty())?.clone();
        if text.contains('\0') {
            self.violation(name, "must not contain NUL characters");
            return None;
        }
        Some(text)
    }

    /// A value that `parse` understands; `expected` says what that is.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.violation(name, expected);
        }
        value
    }

    pub fn time(&mut self, name: &str) -> Option<DateTime<Utc>> {
        self.parsed(name, "must be a date and time of RFC 3339", |text| {
            DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
        })
    }

    /// An integer from 1.
    pub fn number(&mut self, name: &str, default: i64, max: i64) -> i64 {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if (1..=max).contains(&number) => number,
            _ => {
                self.violation(name, format!("must be an integer between 1 and {max}"));
                default
            }
        }
    }

    pub fn violation(&mut self, name: &str, message: impl Into<std::borrow::Cow<'static, str>>) {
        self.violations.push(Violation::new(name, message));
    }

    /// # Errors
    /// Every parameter that was malformed.
    pub fn finish(self) -> Result<(), Fault> {
        if self.violations.is_empty() { Ok(()) } else { Err(Fault::validation(self.violations)) }
    }
}

/// `pagination` of the platform surface.
pub fn pagination(page: i64, limit: i64, total: i64) -> Value {
    json!({"page": page, "limit": limit, "total": total, "totalPages": (total + limit - 1) / limit})
}

/// The last event of a page, and a check that binds it to one list.
pub fn write_cursor(event: EventId, list: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([event.as_uuid().as_bytes().as_slice(), &check(list)].concat())
}

/// The event of a cursor that was made for this list.
pub fn read_cursor(cursor: &str, list: &[u8]) -> Option<EventId> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    (rest == check(list)).then(|| EventId::new(Uuid::from_bytes(*id)))
}

fn check(list: &[u8]) -> [u8; 8] {
    platform::secrets::digest(list).first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_one_list() {
        let event = EventId::new(Uuid::from_u128(5));
        let cursor = write_cursor(event, b"one");
        assert_eq!(read_cursor(&cursor, b"one"), Some(event));
        assert_eq!(read_cursor(&cursor, b"two"), None);
        assert_eq!(read_cursor("nonsense", b"one"), None);
    }

    #[test]
    fn every_malformed_parameter_is_named() {
        let mut query = Query::parse("limit=0&page=x&dateFrom=yesterday&type=");
        assert_eq!((query.number("limit", 20, 100), query.number("page", 1, 9)), (20, 1));
        assert_eq!((query.time("dateFrom"), query.text("type")), (None, None));
        let paths: Vec<_> =
            query.finish().unwrap_err().violations.into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["limit", "page", "dateFrom"]);
    }
}
