//! Turns a tree of elements into a message: the schema says what is a number, a flag, a list; where it is silent
//! text stays text, and repeated elements are a list.

use super::names::is_item;
use super::tree::{self, Element};
use crate::message::{Message, Unreadable};
use crate::schema::types::{Kind, Place};
use serde_json::{Map, Number, Value};
use std::collections::HashSet;

/// Roots and members of the two older shapes.
const OLD_ROOTS: [&str; 3] = ["LEXMessage", "ALXMessage", "LEX"];
const OLD_MEMBERS: [&str; 2] = ["Header", "Payload"];

pub(crate) fn read(bytes: &[u8]) -> Result<Message, Unreadable> {
    let root = tree::parse(bytes)?;
    let old_member = || root.children.iter().find(|child| OLD_MEMBERS.contains(&child.name()));
    match root.name() {
        "lex" => {
            if let Some(member) = old_member() {
                return Err(old_shape(member.name()));
            }
        }
        old if OLD_ROOTS.contains(&old) => return Err(old_shape(old)),
        other => return Err(Unreadable(format!("the root of a message is the element lex, not {other:?}"))),
    }
    let lex = object(&root, Place::root());
    Message::new(Value::Object(Map::from_iter([("lex".to_owned(), lex)])))
}

fn old_shape(name: &str) -> Unreadable {
    Unreadable(format!(
        "element {name:?} is of an older form that is not read: a message is <lex><header>…</header><payload>…"
    ))
}

/// What an element stands for; `None` when it is empty, which is absent.
fn value(element: &Element, place: Place) -> Option<Value> {
    if element.children.is_empty() {
        return element.text().map_or_else(|| place.empty_value(), |text| Some(scalar(text, place.kind())));
    }
    Some(match place.kind() {
        Some(Kind::Array) => array(element, place),
        Some(Kind::Object) => object(element, place),
        _ if is_list(element) => array(element, place),
        _ => object(element, place),
    })
}

/// Whether an element that no schema knows is a list.
fn is_list(element: &Element) -> bool {
    match element.children.as_slice() {
        [] => false,
        [only] => is_item(only.name()),
        [first, rest @ ..] => rest.iter().all(|child| child.name() == first.name()),
    }
}

fn array(element: &Element, place: Place) -> Value {
    element.children.iter().filter_map(|child| value(child, place.item())).collect()
}

fn object(element: &Element, place: Place) -> Value {
    let mut members = Map::new();
    let mut repeated = HashSet::new();
    for child in &element.children {
        let place = place.member(child.name());
        let Some(value) = value(child, place) else { continue };
        match members.get_mut(child.name()) {
            None => {
                members.insert(child.name().to_owned(), value);
            }
            Some(earlier) if place.kind() == Some(Kind::Array) => lengthen(earlier, value),
            Some(earlier) => {
                if repeated.insert(child.name()) {
                    *earlier = Value::Array(vec![earlier.take()]);
                }
                if let Value::Array(siblings) = earlier {
                    siblings.push(value);
                }
            }
        }
    }
    Value::Object(members)
}

/// A list that was sent in parts.
fn lengthen(list: &mut Value, part: Value) {
    let mut items = into_items(list.take());
    items.extend(into_items(part));
    *list = Value::Array(items);
}

fn into_items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}

fn scalar(text: &str, kind: Option<Kind>) -> Value {
    let typed = match kind {
        Some(Kind::Boolean) => text.parse().ok().map(Value::Bool),
        Some(Kind::Integer | Kind::Number) => number(text).map(Value::Number),
        _ => None,
    };
    typed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A decimal number; whatever else the text is, it stays text.
fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|_| plain).and_then(Number::from_f64)
}
