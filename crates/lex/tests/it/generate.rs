//! Makes messages of a schema out of bytes: each byte is a throw of dice, and no bytes left means "nothing more".

use lex::schema::{SchemaName, text};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

const TEXTS: [&str; 16] = [
    "plain",
    "",
    " ",
    "  lead",
    "trail\n",
    "a\r\nb\tc",
    "<&>\"'",
    "]]>",
    "007",
    "1e5",
    "true",
    "null",
    "größe 名前 🚗",
    "&amp;",
    "\u{85}\u{2028}\u{a0}",
    "<!--",
];
const NAMES: [&str; 10] = ["own", "item", "field", "a b", "", "xmlns", "ключ", "a:b", "1st", "$ref"];

static SCHEMAS: LazyLock<Vec<(SchemaName, Value)>> = LazyLock::new(|| {
    SchemaName::ALL.into_iter().map(|name| (name, serde_json::from_str(text(name)).unwrap())).collect()
});

pub struct Dice<'a>(pub &'a [u8]);

impl Dice<'_> {
    fn throw(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    fn coin(&mut self) -> bool {
        self.throw().is_multiple_of(2)
    }

    fn pick<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        &from[self.throw() % from.len()]
    }
}

/// A message of some type whose every value has the type that the schema gives it, or is `null`.
pub fn typed(dice: &mut Dice) -> Value {
    let (name, schema) = &SCHEMAS[dice.throw() % 5];
    let envelope = &SCHEMAS[5].1;
    let mut lex = match value(&envelope["properties"]["lex"], envelope, dice) {
        Value::Object(lex) => lex,
        _ => Map::new(),
    };
    let mut payload = value(&schema["properties"]["payload"], schema, dice);
    if !payload.is_object() {
        payload = json!({});
    }
    let header = lex.entry("header").or_insert_with(|| json!({}));
    if let Value::Object(header) = header {
        header.insert("messageType".to_owned(), name.as_str().into());
    } else {
        *header = json!({"messageType": name.as_str()});
    }
    let header = lex.remove("header").unwrap_or_default();
    lex.remove("payload");
    let mut ordered = Map::from_iter([("header".to_owned(), header), ("payload".to_owned(), payload)]);
    ordered.extend(lex);
    json!({ "lex": ordered })
}

/// Any JSON at all, not deep.
pub fn anything(dice: &mut Dice, depth: usize) -> Value {
    match dice.throw() % if depth == 0 { 6 } else { 10 } {
        0 => Value::Null,
        1 => dice.coin().into(),
        2 => integer(dice),
        3..=5 => (*dice.pick(&TEXTS)).into(),
        6 | 7 => (0..dice.throw() % 4).map(|_| anything(dice, depth - 1)).collect(),
        _ => {
            let members =
                (0..dice.throw() % 4).map(|_| ((*dice.pick(&NAMES)).to_owned(), anything(dice, depth - 1)));
            Value::Object(members.collect())
        }
    }
}

fn integer(dice: &mut Dice) -> Value {
    dice.pick(&[json!(0), json!(-1), json!(2026), json!(i64::MIN), json!(u64::MAX)]).clone()
}

fn value(schema: &Value, document: &Value, dice: &mut Dice) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return value(
            &document["definitions"][reference.trim_start_matches("#/definitions/")],
            document,
            dice,
        );
    }
    if dice.throw() % 16 == 15 {
        return Value::Null;
    }
    if let Some(choices) = schema["enum"].as_array() {
        return dice.pick(choices).clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("integer") => integer(dice),
        Some("number") => {
            let numbers = [0.5, -0.0, 1e21, 1.5e-7, 5e-324, f64::MAX, 1.0].map(Value::from);
            if dice.coin() { integer(dice) } else { dice.pick(&numbers).clone() }
        }
        Some("boolean") => dice.coin().into(),
        Some("array") => {
            let text = json!({"type": "string"});
            let item = schema.get("items").unwrap_or(&text);
            (0..dice.throw() % 4).map(|_| value(item, document, dice)).collect()
        }
        Some("object") => object(schema, document, dice),
        _ => (*dice.pick(&TEXTS)).into(),
    }
}

fn object(schema: &Value, document: &Value, dice: &mut Dice) -> Value {
    let mut members = Map::new();
    let named = schema["properties"].as_object();
    let only = named.is_some_and(|named| named.len() == 1);
    for (name, schema) in named.into_iter().flatten() {
        if only || !dice.coin() {
            members.insert(name.clone(), value(schema, document, dice));
        }
    }
    if let Some(schema @ Value::Object(_)) = schema.get("additionalProperties") {
        for name in ["X-One", "two words"] {
            if dice.throw() % 3 == 1 {
                members.insert(name.to_owned(), value(schema, document, dice));
            }
        }
    }
    Value::Object(members)
}

#[test]
fn enough_bytes_make_rich_messages() {
    let bytes: Vec<u8> = (0..4000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let members = |value: &Value| value.to_string().matches("\":").count();
    let richest = (0..40).map(|from| members(&typed(&mut Dice(&bytes[from..])))).max();
    assert!(richest > Some(100), "{richest:?}");
}
