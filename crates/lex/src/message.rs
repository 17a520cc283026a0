//! A message as it was sent: every field, known or not, in its order.

use crate::{json, xml};
use serde_json::{Map, Value};

/// Roots of older forms of the standard, which are not read.
const OLD_ROOTS: [&str; 5] = ["alx", "ALX", "ALXMessage", "LEX", "LEXMessage"];

/// A whole message, `{"lex": {…}}`. That its root is an object with an object `lex` is sure; nothing else is.
#[derive(Clone, Debug, PartialEq)]
pub struct Message(Value);

/// The bytes are no message at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Message {
    /// A message of a document that [`json::parse`] read, or that we built.
    ///
    /// # Errors
    /// When the document is no object with an object `lex`.
    pub fn new(document: Value) -> Result<Self, Unreadable> {
        if document.get("lex").is_some_and(Value::is_object) {
            return Ok(Self(document));
        }
        let old = OLD_ROOTS.iter().find(|root| document.get(**root).is_some());
        Err(Unreadable(match old {
            Some(root) => format!(
                "the root {root:?} is an older form that is not read: a message is {{\"lex\": {{…}}}}"
            ),
            None => "the root of a message is an object with one member, the object \"lex\"".to_owned(),
        }))
    }

    /// A message of ours.
    pub(crate) fn of_parts(header: &Value, payload: &Value) -> Self {
        Self(serde_json::json!({"lex": {"header": header, "payload": payload}}))
    }

    /// Reads `JSON_EDI` (LEX reference §11.1).
    ///
    /// # Errors
    /// When the bytes are no JSON, no message, or beyond the bounds of [`json`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, Unreadable> {
        Self::new(json::parse(bytes)?)
    }

    /// Reads `XML_EDI` in its current shape, with the types that the schemas give (LEX reference §11.2).
    ///
    /// # Errors
    /// When the bytes are no XML, no message of that shape, have a document type, or are beyond the bounds.
    pub fn from_xml(bytes: &[u8]) -> Result<Self, Unreadable> {
        xml::read(bytes)
    }

    /// The message as `JSON_EDI`.
    pub fn to_json(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }

    /// The message as `XML_EDI`.
    pub fn to_xml(&self) -> Vec<u8> {
        xml::write(self)
    }

    /// The whole document.
    pub fn document(&self) -> &Value {
        &self.0
    }

    /// The whole document, to keep.
    pub fn into_document(self) -> Value {
        self.0
    }

    /// What is inside `lex`.
    pub fn lex(&self) -> Option<&Map<String, Value>> {
        self.0.get("lex")?.as_object()
    }

    pub(crate) fn lex_mut(&mut self) -> Option<&mut Map<String, Value>> {
        self.0.get_mut("lex")?.as_object_mut()
    }

    /// The header, if it is an object.
    pub fn header(&self) -> Option<&Map<String, Value>> {
        self.lex()?.get("header")?.as_object()
    }

    /// The payload, if it is an object.
    pub fn payload(&self) -> Option<&Map<String, Value>> {
        self.lex()?.get("payload")?.as_object()
    }

    /// A text of the header; `null` means absent.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header()?.get(name)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was_sent() {
        let body =
            r#"{"$comment":"kept","lex":{"header":{"z":1,"a":null},"unknown":[{"b":2}],"payload":{}}}"#;
        let message = Message::from_json(body.as_bytes()).unwrap();
        assert_eq!(message.to_json(), body.as_bytes());
    }

    #[test]
    fn what_is_no_message_is_refused_in_words() {
        for body in ["1", "[]", "{}", r#"{"lex":null}"#, r#"{"lex":[]}"#, r#"{"header":{}}"#] {
            let refused = Message::from_json(body.as_bytes()).unwrap_err();
            assert_eq!(
                refused.0, "the root of a message is an object with one member, the object \"lex\"",
                "{body}"
            );
        }
    }

    #[test]
    fn an_older_root_is_named() {
        for root in OLD_ROOTS {
            let refused = Message::from_json(format!("{{\"{root}\":{{}}}}").as_bytes()).unwrap_err();
            assert!(refused.0.starts_with(&format!("the root \"{root}\" is an older form")), "{refused}");
        }
    }
}
