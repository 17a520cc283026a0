//! What holds for every message and for any bytes.

use crate::generate::{Dice, anything, typed};
use crate::xml::without_nulls;
use lex::{Message, schema};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The texts of all leaves, in no order: structure that no schema knows may change on the way through XML.
fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, found)),
        Value::String(text) => found.push(text.clone()),
        other => found.push(other.to_string()),
    }
}

fn all_leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    leaves(value, &mut found);
    found.sort();
    found
}

/// Pieces of which hostile XML is made.
const PIECES: [&str; 24] = [
    "<lex>",
    "</lex>",
    "<header>",
    "</header>",
    "<payload>",
    "</payload>",
    "<lead>",
    "</lead>",
    "<features>",
    "<a/>",
    "</",
    "<",
    ">",
    "&",
    "&amp;",
    "&#0;",
    "&#x41;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<!DOCTYPE x [",
    " name=\"",
    "text",
];

/// And hostile JSON.
const JSON_PIECES: [&str; 20] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"lex\"",
    "\"header\"",
    "\"a\"",
    "\"",
    "\\u0000",
    "\\ud800",
    "1",
    "-",
    "e9",
    "1e999",
    "true",
    "null",
    " ",
    "\u{feff}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_message_that_keeps_to_the_types_comes_back_from_xml_as_it_was(bytes in vec(any::<u8>(), 0..3000)) {
        let document = typed(&mut Dice(&bytes));
        let message = Message::new(document.clone()).unwrap();
        let back = Message::from_xml(&message.to_xml()).unwrap();
        prop_assert_eq!(back.document().to_string(), without_nulls(document).to_string());
    }

    #[test]
    fn any_other_message_comes_back_with_the_text_of_all_its_leaves(bytes in vec(any::<u8>(), 0..400)) {
        let document = json!({"lex": {"header": {}, "own": anything(&mut Dice(&bytes), 6)}});
        let message = Message::new(document.clone()).unwrap();
        let back = Message::from_xml(&message.to_xml()).unwrap();
        prop_assert_eq!(all_leaves(back.document()), all_leaves(&document));
    }

    #[test]
    fn json_comes_back_byte_for_byte(bytes in vec(any::<u8>(), 0..400)) {
        let body = json!({"lex": {"own": anything(&mut Dice(&bytes), 6)}}).to_string();
        prop_assert_eq!(Message::from_json(body.as_bytes()).unwrap().to_json(), body.as_bytes());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..500)) {
        prop_assert!(Message::from_json(&bytes).is_err());
        prop_assert!(Message::from_xml(&bytes).is_err());
    }

    #[test]
    fn no_pieces_of_xml_make_the_reader_panic(pieces in vec(0..PIECES.len(), 0..60)) {
        let body: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        for xml in [body.clone(), format!("<lex>{body}</lex>")] {
            if let Ok(message) = Message::from_xml(xml.as_bytes()) {
                prop_assert!(Message::from_xml(&message.to_xml()).is_ok());
                prop_assert!(Message::from_json(&message.to_json()).is_ok());
            }
        }
    }

    #[test]
    fn no_pieces_of_json_make_the_reader_panic(pieces in vec(0..JSON_PIECES.len(), 0..40)) {
        let body: String = pieces.into_iter().map(|piece| JSON_PIECES[piece]).collect();
        for json in [body.clone(), format!("{{\"lex\":{{{body}}}}}"), format!("{{\"lex\":{{\"own\":{body}}}}}")] {
            if let Ok(message) = Message::from_json(json.as_bytes()) {
                prop_assert!(Message::from_xml(&message.to_xml()).is_ok());
                prop_assert_eq!(Message::from_json(&message.to_json()), Ok(message));
            }
        }
    }

    #[test]
    fn no_message_makes_the_schemas_panic(bytes in vec(any::<u8>(), 0..600), place in 0..4_usize) {
        let value = anything(&mut Dice(&bytes), 6);
        let header = json!({"messageType": "LEAD"});
        let lex = [
            json!({"header": header, "payload": {"lead": value.clone()}}),
            json!({"header": header, "payload": {"lead": {"customer": value.clone(), "leadHistory": value.clone()}}}),
            json!({"header": value.clone(), "payload": value.clone(), "extensions": value.clone()}),
            json!({"header": header, "payload": value}),
        ];
        let message = Message::new(json!({ "lex": lex[place] })).unwrap();
        prop_assert!(schema::violations(&message).len() <= schema::MAX_DEVIATIONS);
    }
}
