//! JSON that is passed on as it was sent: checked without being taken apart.

use crate::domain::rules::METADATA_LIMIT;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// An object of at most 16 KB that every reader of JSON can read back: nested no deeper than 127 levels, with
/// numbers that a double can hold, without half surrogates and NUL characters.
pub fn metadata(raw: &RawValue) -> Result<&RawValue, Cow<'static, str>> {
    let text = raw.get();
    if !text.starts_with('{') {
        return Err("must be an object".into());
    }
    if !is_plain(text) {
        serde_json::from_str::<Checked>(text).map_err(|error| match error.classify() {
            // Ours, of the visitor below.
            serde_json::error::Category::Data => Cow::from("must not contain NUL characters"),
            _ => "is nested too deeply or has a number or text that is out of range".into(),
        })?;
    }
    if text.len() > METADATA_LIMIT && compact_length(text) > METADATA_LIMIT {
        return Err(format!("must be at most {METADATA_LIMIT} bytes").into());
    }
    Ok(raw)
}

/// Whether nothing in it can be out of range, as in nearly all that is sent: no escapes, no exponents, no endless numbers,
/// and fewer brackets than levels are allowed.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let after = bytes.get(1..).unwrap_or_default();
    // Without a branch, so that it goes many bytes at a time.
    let (mut brackets, mut odd) = (0_usize, false);
    for (byte, next) in bytes.iter().zip(after) {
        odd |= (*byte == b'\\') | (byte.is_ascii_digit() & matches!(next, b'e' | b'E'));
        brackets += usize::from(matches!(byte, b'[' | b'{'));
    }
    // More than twice as many digits in a row would fill one of these.
    let many_digits = bytes.chunks_exact(150).any(|chunk| chunk.iter().all(u8::is_ascii_digit));
    !odd && brackets < 127 && !many_digits
}

/// Without white space and needless escapes.
fn compact_length(text: &str) -> usize {
    serde_json::from_str::<Value>(text).map_or(usize::MAX, |value| value.to_string().len())
}

/// Any JSON value; nothing of it is kept.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Check)
    }
}

struct Check;

impl<'de> Visitor<'de> for Check {
    type Value = Checked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Checked, E> {
        if text.contains('\0') { Err(E::custom("NUL")) } else { Ok(Checked) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Checked, A::Error> {
        while list.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
        while map.next_entry::<Checked, Checked>()?.is_some() {}
        Ok(Checked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_plain_needs_no_further_look(text in "\\{\"[a-zA-Z\\\\]{0,3}\":(\\[|-?[0-9]{1,3}([.][0-9])?(e[0-9]{1,3})?|\"[0-9e\\\\u]{0,8}\"|,|\\]){0,9}\\}") {
            if serde_json::from_str::<&RawValue>(&text).is_ok() && is_plain(&text) {
                prop_assert!(serde_json::from_str::<Checked>(&text).is_ok(), "{}", text);
            }
        }
    }

    #[test]
    fn what_may_be_out_of_range_is_looked_at() {
        let long = format!("{{\"a\":{}}}", "9".repeat(400));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
        for text in [r#"{"a":1e9}"#, r#"{"a":"\n"}"#, &long, &deep] {
            assert!(!is_plain(text), "{text}");
        }
        assert!(is_plain(r#"{"ticket":"SUP-1","texts":["One",2.5,null,true],"more":{"é":-7}}"#));
    }

    fn read(text: &str) -> Result<String, String> {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        metadata(raw).map(|raw| raw.get().to_owned()).map_err(Cow::into_owned)
    }

    #[test]
    fn metadata_stays_as_it_was_sent() {
        let text = r#"{ "b": 1.0, "a": [null, true, "\u00e9", 12345678901234567890], "b": 2 }"#;
        assert_eq!(read(text).unwrap(), text);
    }

    #[test]
    fn what_others_could_not_read_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for bad in [
            "[]",
            "7",
            "\"x\"",
            r#"{"a":"\u0000"}"#,
            r#"{"\u0000":1}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":1e999}"#,
            &deep,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sixteen_kilobytes_are_counted_without_white_space() {
        let of = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        assert!(read(&of(METADATA_LIMIT)).is_ok());
        assert!(read(&of(METADATA_LIMIT + 1)).is_err());
        let spaced = of(METADATA_LIMIT).replace(':', ":          ");
        assert!(read(&spaced).is_ok());
    }
}
