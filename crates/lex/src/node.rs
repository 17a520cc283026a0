//! A place in a message: what stands there, and the way to it, which is written out only for an issue.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::fmt::Write;

/// No rule looks deeper. A way that were longer would end early in an issue, nothing else.
const DEEPEST: usize = 9;

/// `null` stands nowhere: what is `null` is absent.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    value: Option<&'a Value>,
    way: [Step; DEEPEST],
    length: usize,
}

#[derive(Clone, Copy)]
enum Step {
    Key(&'static str),
    Item(usize),
}

impl<'a> Node<'a> {
    pub fn root(name: &'static str, value: Option<&'a Value>) -> Self {
        Self { value: None, way: [Step::Item(0); DEEPEST], length: 0 }.step(Step::Key(name), value)
    }

    fn step(mut self, step: Step, value: Option<&'a Value>) -> Self {
        if let Some(place) = self.way.get_mut(self.length) {
            *place = step;
            self.length += 1;
        }
        self.value = value.filter(|value| !value.is_null());
        self
    }

    pub fn get(&self, key: &'static str) -> Self {
        self.step(Step::Key(key), self.value.and_then(|value| value.get(key)))
    }

    /// The first of these names that is given; with none, where the first would stand.
    pub fn either(&self, names: &[&'static str]) -> Self {
        let found = names.iter().map(|name| self.get(name)).find(Node::given);
        found.unwrap_or_else(|| names.first().map_or(*self, |name| self.get(name)))
    }

    /// The elements of an array; of anything else, none.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let items = self.value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().enumerate().map(move |(index, value)| self.step(Step::Item(index), Some(value)))
    }

    pub fn value(&self) -> Option<&'a Value> {
        self.value
    }

    pub fn present(&self) -> bool {
        self.value.is_some()
    }

    /// Whether it says something: a text of nothing but blanks does not.
    pub fn given(&self) -> bool {
        self.value.is_some_and(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
    }

    pub fn text(&self) -> Option<&'a str> {
        self.value?.as_str()
    }

    /// A text that says something.
    pub fn word(&self) -> Option<&'a str> {
        self.text().filter(|text| !text.trim().is_empty())
    }

    pub fn number(&self) -> Option<f64> {
        self.value?.as_f64()
    }

    pub fn integer(&self) -> Option<i64> {
        self.value?.as_i64()
    }

    pub fn boolean(&self) -> Option<bool> {
        self.value?.as_bool()
    }

    /// A flag; of a member that the schema does not know, XML brings the word.
    pub fn flag(&self) -> Option<bool> {
        as_flag(self.value?)
    }

    /// A number; of a member that the schema does not know, XML brings its digits.
    pub fn decimal(&self) -> Option<f64> {
        self.number().or_else(|| self.text()?.trim().parse().ok())
    }

    pub fn object(&self) -> Option<&'a Map<String, Value>> {
        self.value?.as_object()
    }

    pub fn time(&self) -> Option<DateTime<Utc>> {
        instant(self.text()?)
    }

    pub fn count(&self) -> usize {
        self.value.and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// The way to it, as issues name it: `payload.lead.customer.phoneNumbers[0].number`.
    pub fn field(&self) -> String {
        let mut field = String::new();
        for (index, step) in self.way.iter().take(self.length).enumerate() {
            match step {
                Step::Key(key) => {
                    if index > 0 {
                        field.push('.');
                    }
                    field.push_str(key);
                }
                Step::Item(item) => {
                    // Writing to a String cannot fail.
                    let _written = write!(field, "[{item}]");
                }
            }
        }
        field
    }
}

pub fn as_flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A point in time as LEX writes it (RFC 3339).
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_knows_what_stands_there_and_the_way_to_it() {
        let document =
            json!({"customer": {"phoneNumbers": [{"number": "1"}, {"number": null}]}, "none": null});
        let root = Node::root("payload", Some(&document));
        let numbers: Vec<_> =
            root.get("customer").get("phoneNumbers").items().map(|item| item.get("number")).collect();
        assert_eq!(numbers[0].text(), Some("1"));
        assert_eq!(numbers[0].field(), "payload.customer.phoneNumbers[0].number");
        assert!(!numbers[1].present());
        assert!(!root.get("none").present());
    }

    #[test]
    fn an_alias_is_found_under_the_name_that_was_sent() {
        let document = json!({"email": "a@b.example", "emailAddress": ""});
        let root = Node::root("customer", Some(&document));
        assert_eq!(root.either(&["emailAddress", "email"]).field(), "customer.email");
        assert_eq!(root.either(&["phoneNumber", "phone"]).field(), "customer.phoneNumber");
    }
}
