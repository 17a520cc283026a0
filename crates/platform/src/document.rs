//! Reading a JSON document so that every broken rule is found, not only the first.
//!
//! [`Violations`] collects; an [`Object`] reads its fields with small parsers such as [`text`] and
//! [`integer`]. Also the canonical form that fingerprints compare. Knows no surface and no HTTP.

use crate::fault::Violation;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use uuid::Uuid;

type Message = Cow<'static, str>;

/// The broken rules of one document.
#[derive(Debug, Default)]
pub struct Violations(RefCell<Vec<Violation>>);

impl Violations {
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a broken rule.
    pub fn add(&self, path: impl Into<String>, message: impl Into<Message>) {
        self.0.borrow_mut().push(Violation::new(path, message));
    }

    /// The document's root, which must be an object.
    pub fn root<'d>(&self, document: &'d Value) -> Option<Object<'d, '_>> {
        let Value::Object(map) = document else {
            self.add("", "must be a JSON object");
            return None;
        };
        Some(Object { map, path: String::new(), violations: self })
    }

    /// The value that was read, or everything that is wrong with the document.
    ///
    /// # Errors
    /// All violations in reading order, when there is at least one.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Violation>> {
        let violations = self.0.into_inner();
        match value {
            Some(value) if violations.is_empty() => Ok(value),
            None if violations.is_empty() => Err(vec![Violation::new("", "is incomplete")]),
            _ => Err(violations),
        }
    }
}

/// An object of the document, with the path that leads to it.
#[derive(Debug)]
pub struct Object<'d, 'v> {
    map: &'d Map<String, Value>,
    path: String,
    violations: &'v Violations,
}

impl<'d, 'v> Object<'d, 'v> {
    /// A field that must be there. `None` when it is missing or broken, which is then noted.
    pub fn required<T>(&self, name: &str, parse: impl FnOnce(&'d Value) -> Result<T, Message>) -> Option<T> {
        let Some(value) = self.map.get(name) else {
            self.violations.add(self.path_of(name), "is required");
            return None;
        };
        self.parsed(name, value, parse)
    }

    /// A field that may be left out. `None` when it is absent, and when it is broken (which is noted, so
    /// that [`Violations::finish`] refuses the document).
    pub fn optional<T>(&self, name: &str, parse: impl FnOnce(&'d Value) -> Result<T, Message>) -> Option<T> {
        let value = self.map.get(name)?;
        self.parsed(name, value, parse)
    }

    /// Like [`Object::optional`], and `null` means absent.
    pub fn nullable<T>(&self, name: &str, parse: impl FnOnce(&'d Value) -> Result<T, Message>) -> Option<T> {
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        self.parsed(name, value, parse)
    }

    /// An object inside this one that must be there.
    pub fn required_object(&self, name: &str) -> Option<Object<'d, 'v>> {
        let map = self.required(name, members)?;
        Some(self.child(name, map))
    }

    /// An object inside this one that may be left out.
    pub fn optional_object(&self, name: &str) -> Option<Object<'d, 'v>> {
        let map = self.optional(name, members)?;
        Some(self.child(name, map))
    }

    /// Notes a rule that concerns several fields, or one that no parser knows.
    pub fn violation(&self, name: &str, message: impl Into<Message>) {
        self.violations.add(self.path_of(name), message);
    }

    /// Whether a field is there, whatever it holds.
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    fn parsed<T>(
        &self,
        name: &str,
        value: &'d Value,
        parse: impl FnOnce(&'d Value) -> Result<T, Message>,
    ) -> Option<T> {
        parse(value).map_err(|message| self.violations.add(self.path_of(name), message)).ok()
    }

    fn child(&self, name: &str, map: &'d Map<String, Value>) -> Object<'d, 'v> {
        Object { map, path: self.path_of(name), violations: self.violations }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// Any JSON value without NUL characters, which PostgreSQL cannot store.
pub fn any(value: &Value) -> Result<&Value, Message> {
    if contains_nul(value) { Err("must not contain NUL characters".into()) } else { Ok(value) }
}

/// A JSON object without NUL characters.
pub fn object(value: &Value) -> Result<&Map<String, Value>, Message> {
    members(any(value)?)
}

/// The members of an object, each of which is still to be read.
fn members(value: &Value) -> Result<&Map<String, Value>, Message> {
    value.as_object().ok_or_else(|| "must be an object".into())
}

/// A string of a length in characters (Unicode scalar values, as JSON Schema counts).
pub fn text(length: RangeInclusive<usize>) -> impl Fn(&Value) -> Result<&str, Message> {
    move |value| {
        let Value::String(text) = value else { return Err("must be a string".into()) };
        if text.contains('\0') {
            return Err("must not contain NUL characters".into());
        }
        let count = text.chars().count();
        if length.contains(&count) {
            return Ok(text);
        }
        Err(if count > *length.end() {
            format!("must be at most {} characters", length.end()).into()
        } else if *length.start() == 1 {
            "must not be empty".into()
        } else {
            format!("must be at least {} characters", length.start()).into()
        })
    }
}

/// An integer in a range. `12.0` is an integer, `12.5` is not.
pub fn integer(range: RangeInclusive<i64>) -> impl Fn(&Value) -> Result<i64, Message> {
    move |value| {
        let number = whole(value).ok_or("must be an integer")?;
        if range.contains(&number) {
            return Ok(number);
        }
        Err(if *range.end() == i64::MAX {
            format!("must be at least {}", range.start()).into()
        } else {
            format!("must be between {} and {}", range.start(), range.end()).into()
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the value is whole and below 2^53")]
fn whole(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
    })
}

/// A boolean.
pub fn boolean(value: &Value) -> Result<bool, Message> {
    value.as_bool().ok_or_else(|| "must be true or false".into())
}

/// A UUID in its hyphenated form, in any case (RFC 9562 §4).
pub fn uuid(value: &Value) -> Result<Uuid, Message> {
    value
        .as_str()
        .filter(|text| text.len() == 36)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| "must be a UUID".into())
}

/// A point in time of RFC 3339.
pub fn time(value: &Value) -> Result<chrono::DateTime<chrono::Utc>, Message> {
    value.as_str().and_then(time_of).ok_or_else(|| "must be a date and time of RFC 3339".into())
}

/// The same of a text.
pub fn time_of(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// An e-mail address of at most `max` characters: one `@`, a local part, and a dotted host name.
///
/// Deliberately plain: the addresses of RFC 5321 §2.3.11 without quoted local parts and address literals.
pub fn email(max: usize) -> impl Fn(&Value) -> Result<&str, Message> {
    move |value| {
        let address = text(0..=max)(value)?;
        if is_email(address) { Ok(address) } else { Err("must be an e-mail address".into()) }
    }
}

/// Whether a text is an e-mail address, of any length.
pub fn is_email(address: &str) -> bool {
    let Some((local, host)) = address.rsplit_once('@') else { return false };
    let local_is_fine = (1..=64).contains(&local.len())
        && local.split('.').all(|atom| {
            !atom.is_empty()
                && atom
                    .chars()
                    .all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c))
        });
    let labels: Vec<_> = host.split('.').collect();
    local_is_fine
        && host.len() <= 253
        && labels.len() >= 2
        && labels.iter().all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '-')
        })
}

/// A list of a length, each element read by `parse`. The first broken element is named by its position.
pub fn list<'d, T>(
    length: RangeInclusive<usize>,
    parse: impl Fn(&'d Value) -> Result<T, Message>,
) -> impl Fn(&'d Value) -> Result<Vec<T>, Message> {
    move |value| {
        let Value::Array(items) = value else { return Err("must be an array".into()) };
        if items.len() < *length.start() {
            return Err(format!("must have at least {} element(s)", length.start()).into());
        }
        if items.len() > *length.end() {
            return Err(format!("must have at most {} elements", length.end()).into());
        }
        items
            .iter()
            .enumerate()
            .map(|(index, item)| parse(item).map_err(|message| format!("element {index} {message}").into()))
            .collect()
    }
}

fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(contains_nul),
        Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || contains_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The canonical text of a document: members sorted by name, no white space, numbers of equal value
/// written alike (`1`, `1.0` and `1e0`). Two documents with the same canonical text say the same.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(&Value::String(name.clone()), out);
                out.push(':');
                write_canonical(member, out);
            }
            out.push('}');
        }
        Value::Number(_) => match whole(value) {
            // Writing to a String cannot fail.
            Some(number) => write!(out, "{number}").unwrap_or_default(),
            None => write!(out, "{value}").unwrap_or_default(),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => write!(out, "{value}").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_broken_field_is_named_with_its_path() {
        let document = json!({"name": 5, "inner": {"count": 12.5, "mail": "a@b"}});
        let violations = Violations::new();
        let read = violations.root(&document).and_then(|root| {
            let name = root.required("name", text(1..=3));
            let inner = root.required_object("inner");
            let count = inner.as_ref().and_then(|inner| inner.required("count", integer(0..=9)));
            let mail = inner.as_ref().and_then(|inner| inner.optional("mail", email(200)));
            let missing = inner.as_ref().and_then(|inner| inner.required("missing", uuid));
            Some((name?, count?, mail?, missing?))
        });
        let paths: Vec<_> =
            violations.finish(read).unwrap_err().into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["name", "inner.count", "inner.mail", "inner.missing"]);
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        assert!(text(0..=3)(&json!("äöü")).is_ok());
        assert!(text(0..=2)(&json!("äöü")).is_err());
        assert!(text(0..=9)(&json!("a\0b")).is_err());
    }

    #[test]
    fn equal_documents_have_one_canonical_text() {
        let one: Value = serde_json::from_str(r#"{"b": [1.0, 2], "a": {"y": "é", "x": null}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"a":{"x":null,"y":"\u00e9"},"b":[1,2e0]}"#).unwrap();
        assert_eq!(canonical(&one), canonical(&two));
        assert_eq!(canonical(&one), r#"{"a":{"x":null,"y":"é"},"b":[1,2]}"#);
        assert_ne!(canonical(&json!({"a": "1"})), canonical(&json!({"a": 1})));
    }

    #[test]
    fn plain_addresses_are_told_from_broken_ones() {
        for good in ["a@b.co", "first.last+tag@sub.example.com", "o'neil@example.org"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.co", "a@", "a b@c.de", "a@b..co", "a.@b.co", "a@-b.co"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
