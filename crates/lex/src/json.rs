//! Reads JSON within bounds: depth, number of values, no NUL, no member twice. The size of the body is the
//! caller's to bound.

use crate::message::Unreadable;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// How deep objects and arrays, or XML elements, may nest.
pub const MAX_DEPTH: usize = 64;
/// How many values a document may have in all.
pub const MAX_VALUES: usize = 200_000;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a document. A byte-order mark before it is passed over.
///
/// # Errors
/// When it is no JSON, or beyond the bounds.
pub fn parse(bytes: &[u8]) -> Result<Value, Unreadable> {
    let left = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_slice(without_mark(bytes));
    let seed = Bounded { depth: MAX_DEPTH, left: &left };
    let read = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| Unreadable(format!("the body is not readable as JSON: {error}")))
}

pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// A value at some depth, with what is left of the bounds.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Bounded<'_> {
    /// What is inside a container.
    fn inside<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1);
        let depth =
            depth.ok_or_else(|| E::custom(format_args!("it nests deeper than {MAX_DEPTH} levels")))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        let left =
            left.ok_or_else(|| D::Error::custom(format_args!("it has more than {MAX_VALUES} values")))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

fn without_nul<E: Error>(text: String) -> Result<String, E> {
    if text.contains('\0') { Err(E::custom("a text has a NUL character")) } else { Ok(text) }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number is out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        without_nul(value).map(Value::String)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside::<A::Error>()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside::<A::Error>()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let name = without_nul::<A::Error>(name)?;
            let value = members.next_value_seed(inside)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("member {name:?} occurs twice in an object")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problem(body: &str) -> String {
        parse(body.as_bytes()).unwrap_err().0
    }

    #[test]
    fn a_document_keeps_the_order_of_its_members_and_its_numbers() {
        let body = "\u{feff}{\"b\":1,\"a\":[1.0,-2,18446744073709551615,true,null,\"x\"]}";
        let value = parse(body.as_bytes()).unwrap();
        assert_eq!(value.to_string(), body.trim_start_matches('\u{feff}'));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(problem(&nested(MAX_DEPTH + 1)).contains("deeper than 64 levels"));
        assert!(problem(&"[".repeat(100_000)).contains("deeper than 64 levels"));
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        let body = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(problem(&body).contains("more than 200000 values"));
    }

    #[test]
    fn what_no_reader_agrees_about_is_refused() {
        assert!(problem(r#"{"a":1,"a":2}"#).contains("member \"a\" occurs twice"));
        assert!(problem(r#"{"a":"x\u0000y"}"#).contains("NUL"));
        assert!(problem(r#"{"\u0000":1}"#).contains("NUL"));
        assert!(problem("1e999").contains("out of range"));
        for body in ["", "{", "{} {}", "nul", "\"\\ud800\"", "{\"a\":}", "[1,]"] {
            assert!(problem(body).starts_with("the body is not readable as JSON: "), "{body}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn any_value_can_be_a_document() {
        assert_eq!(parse(b" 1 ").unwrap(), json!(1));
    }
}
