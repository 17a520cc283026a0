//! Reading `{"data": {…}}` onto a resource: the same for a new one, which begins with its defaults, and for a change,
//! which begins with what is stored. A field that is not sent stays as it is; `null` clears one that may be null.

use chrono::NaiveDate;
use platform::Violation;
use platform::document::{self, Violations};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Sets what was sent.
pub type Read<T> = fn(&Fields<'_>, &mut T);

type Message = Cow<'static, str>;

const BLANK: &str = "can't be blank";

/// Reads a body onto a resource. The answer is everything that is wrong with it; if it is not empty, the resource is
/// not to be used.
pub fn edit<T>(document: &Value, read: Read<T>, resource: &mut T) -> Vec<Violation> {
    let map = match document.get("data") {
        Some(Value::Object(map)) => map,
        None | Some(Value::Null) => return vec![Violation::new("data", BLANK)],
        Some(_) => return vec![Violation::new("data", "must be an object")],
    };
    let violations = Violations::new();
    read(&Fields { map, violations: &violations }, resource);
    violations.finish(Some(())).err().unwrap_or_default()
}

/// The fields that were sent.
#[derive(Debug)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    violations: &'a Violations,
}

impl Fields<'_> {
    /// Text that must be there and say something, of at most `longest` characters.
    pub fn text(&self, name: &str, longest: usize, target: &mut String) {
        match self.map.get(name) {
            None if target.is_empty() => self.violations.add(name, BLANK),
            None => {}
            Some(_) => self.value(name, target, |value| match text(longest)(value)? {
                text if text.trim().is_empty() => Err(BLANK.into()),
                text => Ok(text),
            }),
        }
    }

    /// Text that may be null.
    pub fn nullable_text(&self, name: &str, longest: usize, target: &mut Option<String>) {
        self.nullable(name, target, text(longest));
    }

    /// An e-mail address that may be null.
    pub fn email(&self, name: &str, target: &mut Option<String>) {
        self.nullable(name, target, |value| {
            let address = text(254)(value)?;
            document::email(254)(value).map_err(|_wordier| "is invalid")?;
            Ok(address)
        });
    }

    /// A day that may be null.
    pub fn date(&self, name: &str, target: &mut Option<NaiveDate>) {
        self.nullable(name, target, |value| {
            let text = value.as_str().filter(|text| text.len() == 10);
            text.and_then(|text| text.parse().ok()).ok_or_else(|| "must be a date (YYYY-MM-DD)".into())
        });
    }

    /// True or false.
    pub fn flag(&self, name: &str, target: &mut bool) {
        self.value(name, target, document::boolean);
    }

    /// A whole number.
    pub fn integer(&self, name: &str, range: RangeInclusive<i64>, target: &mut i64) {
        self.value(name, target, document::integer(range));
    }

    /// A number from 0 to 100.
    pub fn percentage(&self, name: &str, target: &mut f64) {
        self.value(name, target, |value| match value.as_f64() {
            None => Err("is not a number".into()),
            Some(number) if (0.0..=100.0).contains(&number) => Ok(number),
            Some(_) => Err("must be between 0 and 100".into()),
        });
    }

    /// One of the words of an enumeration.
    pub fn choice<T: DeserializeOwned>(&self, name: &str, target: &mut T) {
        self.value(name, target, |value| {
            serde_json::from_value(value.clone()).map_err(|_wordier| "is not included in the list".into())
        });
    }

    /// A list of short texts; null empties it.
    pub fn texts(&self, name: &str, most: usize, longest: usize, target: &mut Vec<String>) {
        self.or_empty(name, target, |value| document::list(0..=most, text(longest))(value));
    }

    /// A map from text to text of at most `largest` bytes as JSON; null empties it.
    pub fn text_map(&self, name: &str, largest: usize, target: &mut BTreeMap<String, String>) {
        self.or_empty(name, target, |value| {
            let members = document::object(value)?;
            let map: Option<BTreeMap<_, _>> = members
                .iter()
                .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect();
            let map = map.ok_or("must map strings to strings")?;
            let size = serde_json::to_vec(&map).map_or(usize::MAX, |bytes| bytes.len());
            if size > largest {
                Err(format!("is too large (maximum is {largest} bytes)").into())
            } else {
                Ok(map)
            }
        });
    }

    /// What follows a form of its own.
    pub fn formed(&self, name: &str, target: &mut String, form: impl Fn(&str) -> Result<String, Message>) {
        self.value(name, target, |value| form(&text(usize::MAX)(value)?));
    }

    /// What follows a form of its own and may be null.
    pub fn nullable_formed(
        &self,
        name: &str,
        target: &mut Option<String>,
        form: impl Fn(&str) -> Result<String, Message>,
    ) {
        self.nullable(name, target, |value| form(&text(usize::MAX)(value)?));
    }

    /// A field that cannot be set here.
    pub fn refuse(&self, name: &str, message: &'static str) {
        if self.map.contains_key(name) {
            self.violations.add(name, message);
        }
    }

    fn value<T>(&self, name: &str, target: &mut T, parse: impl FnOnce(&Value) -> Result<T, Message>) {
        match self.map.get(name) {
            None => {}
            Some(Value::Null) => self.violations.add(name, BLANK),
            Some(value) => self.set(name, target, parse(value)),
        }
    }

    fn nullable<T>(
        &self,
        name: &str,
        target: &mut Option<T>,
        parse: impl FnOnce(&Value) -> Result<T, Message>,
    ) {
        match self.map.get(name) {
            None => {}
            Some(Value::Null) => *target = None,
            Some(value) => self.set(name, target, parse(value).map(Some)),
        }
    }

    fn or_empty<T: Default>(
        &self,
        name: &str,
        target: &mut T,
        parse: impl FnOnce(&Value) -> Result<T, Message>,
    ) {
        match self.map.get(name) {
            None => {}
            Some(Value::Null) => *target = T::default(),
            Some(value) => self.set(name, target, parse(value)),
        }
    }

    fn set<T>(&self, name: &str, target: &mut T, read: Result<T, Message>) {
        match read {
            Ok(value) => *target = value,
            Err(message) => self.violations.add(name, message),
        }
    }
}

/// Text of at most so many characters, without NUL, which PostgreSQL cannot store.
fn text(longest: usize) -> impl Fn(&Value) -> Result<String, Message> {
    move |value| {
        let text = document::text(0..=usize::MAX)(value)?;
        if text.chars().count() > longest {
            return Err(format!("is too long (maximum is {longest} characters)").into());
        }
        Ok(text.to_owned())
    }
}
