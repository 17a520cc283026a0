//! Writes a message as XML. What XML cannot say is kept as near as it can be, so that nothing is ever refused.

use super::names::{FIELD, is_character, is_usable, item_of};
use super::{PRESERVE, SPACE};
use crate::message::Message;
use crate::schema::types::Place;
use serde_json::{Map, Number, Value};

const NAMESPACE: &str = "urn:lex:schema:v1.0";

/// The whole document: header and payload first, then the rest of `lex` in its order.
pub(crate) fn write(message: &Message) -> Vec<u8> {
    let version = message.header_text("version").unwrap_or("1.0");
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<lex xmlns=\"");
    out.push_str(NAMESPACE);
    out.push_str("\" version=\"");
    escape(version, &mut out);
    out.push_str("\">");
    if let Some(lex) = message.lex() {
        let first = ["header", "payload"].into_iter().filter_map(|name| lex.get_key_value(name));
        let rest = lex.iter().filter(|(name, _)| !matches!(name.as_str(), "header" | "payload"));
        for (name, value) in first.chain(rest) {
            member(name, value, Place::root().member(name), &mut out);
        }
    }
    out.push_str("</lex>\n");
    out.into_bytes()
}

fn members(object: &Map<String, Value>, place: Place, out: &mut String) {
    for (name, value) in object {
        member(name, value, place.member(name), out);
    }
}

fn member(name: &str, value: &Value, place: Place, out: &mut String) {
    if value.is_null() && place.empty_value().is_some() {
        return;
    }
    let element = if is_usable(name) { name } else { FIELD };
    out.push('<');
    out.push_str(element);
    if element != name {
        out.push_str(" name=\"");
        escape(name, out);
        out.push('"');
    }
    let opened = out.len();
    match value {
        Value::Null => {}
        Value::Bool(flag) => content(if *flag { "true" } else { "false" }, out),
        Value::Number(number) => content(&decimal(number), out),
        Value::String(text) => content(text, out),
        Value::Array(items) => {
            out.push('>');
            let item = item_of(name);
            for value in items {
                member(item, value, place.item(), out);
            }
        }
        Value::Object(object) => {
            out.push('>');
            members(object, place, out);
        }
    }
    close(element, opened, out);
}

/// Ends an element: `<a/>` if nothing came into it.
fn close(element: &str, opened: usize, out: &mut String) {
    if let Some("" | ">") = out.get(opened..) {
        out.truncate(opened);
        out.push_str("/>");
        return;
    }
    out.push_str("</");
    out.push_str(element);
    out.push('>');
}

fn content(text: &str, out: &mut String) {
    let space = [' ', '\t', '\n', '\r'];
    if text.is_empty() || text.starts_with(space) || text.ends_with(space) {
        for part in [" ", SPACE, "=\"", PRESERVE, "\""] {
            out.push_str(part);
        }
    }
    out.push('>');
    escape(text, out);
}

/// Escapes text for content and attributes. A carriage return would become a line feed on the way, and in an
/// attribute any white space a blank: they go as references.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            forbidden if !is_character(forbidden) => out.push(char::REPLACEMENT_CHARACTER),
            character => out.push(character),
        }
    }
}

/// A number without exponent.
fn decimal(number: &Number) -> String {
    let short = number.to_string();
    match number.as_f64() {
        Some(float) if short.contains(['e', 'E']) => {
            let long = float.to_string();
            if long.contains('.') { long } else { long + ".0" }
        }
        _ => short,
    }
}
