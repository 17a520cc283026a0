//! The query of a list on the platform surface, and whose things a request of that surface is about.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use contracts::FaultCode;
use contracts::identity::{OrganizationRef, PlatformFacts, Principal, SurfaceFacts};
use contracts::ids::OrganizationId;
use platform::{Fault, Violation};
use std::borrow::Cow;
use std::collections::HashMap;

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

/// What is said of everything that does not exist, or not for this caller.
pub fn missing(what: &str) -> Fault {
    Fault::new(FaultCode::NotFound, format!("there is no such {what}"))
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
        expected: impl Into<Cow<'static, str>>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.violation(name, expected);
        }
        value
    }

    /// One of these words, in any case, as it is written here.
    pub fn word(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let expected = format!("must be one of {}", words.join(", "));
        self.parsed(name, expected, |text| words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied())
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

    /// The place that `cursor` was made of for this list; `read` turns it back into what it was.
    pub fn cursor<T>(&mut self, list: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        self.parsed("cursor", "is not a nextCursor of this list", |text| read(&place_of(text, list)?))
    }

    pub fn violation(&mut self, name: &str, message: impl Into<Cow<'static, str>>) {
        self.violations.push(Violation::new(name, message));
    }

    /// # Errors
    /// Every parameter that was malformed.
    pub fn finish(self) -> Result<(), Fault> {
        if self.violations.is_empty() { Ok(()) } else { Err(Fault::validation(self.violations)) }
    }
}

/// Where a list goes on, opaque to callers. `list` says which it is: its organisation, its name, its filters.
pub fn cursor(place: &[u8], list: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([&check(list), place].concat())
}

fn place_of(cursor: &str, list: &[u8]) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (given, place) = bytes.split_first_chunk::<8>()?;
    (*given == check(list)).then(|| place.to_vec())
}

fn check(list: &[u8]) -> [u8; 8] {
    platform::secrets::digest(list).first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_one_list() {
        let of = |list: &[u8], cursor: String| {
            let mut query = Query::parse(&format!("cursor={cursor}"));
            let place = query.cursor(list, |place| Some(place.to_vec()));
            query.finish().map(|()| place.unwrap())
        };
        assert_eq!(of(b"one", cursor(b"here", b"one")).unwrap(), b"here");
        assert!(of(b"two", cursor(b"here", b"one")).is_err());
        assert!(of(b"one", "nonsense".to_owned()).is_err());
    }

    #[test]
    fn every_malformed_parameter_is_named() {
        let mut query = Query::parse("limit=0&page=x&dateFrom=yesterday&type=&status=lost&in=DLQ");
        assert_eq!((query.number("limit", 20, 100), query.number("page", 1, 9)), (20, 1));
        assert_eq!((query.time("dateFrom"), query.text("type")), (None, None));
        assert_eq!((query.word("status", &["dlq"]), query.word("in", &["dlq"])), (None, Some("dlq")));
        let paths: Vec<_> =
            query.finish().unwrap_err().violations.into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["limit", "page", "dateFrom", "status"]);
    }
}
