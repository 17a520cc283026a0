//! What a system says of itself in a SUBSCRIPTION message (LEX reference §13). It is advice: nothing is refused or
//! held back because of it.

use crate::Message;
use crate::facts;
use crate::header::MessageType;
use crate::rules::Level;

/// What of it the exchange acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// How much of its own messages is checked.
    pub level: Option<Level>,
    /// Whether it reads XML and no JSON.
    pub prefers_xml: bool,
}

impl Capability {
    /// `None` when the message declares nothing.
    pub fn read(message: &Message) -> Option<Self> {
        let body = facts::body(message, MessageType::Subscription).get("systemCapabilities");
        body.object()?;
        let mut formats = body.get("supportedFormats").items().filter_map(|format| format.text()).peekable();
        let declared = formats.peek().is_some();
        let (mut xml, mut json) = (false, !declared);
        for format in formats {
            xml |= format == "XML_EDI";
            json |= format == "JSON_EDI";
        }
        let level = body.get("conformanceLevel").text().and_then(Level::parse);
        Some(Self { level, prefers_xml: xml && !json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(capabilities: &Value) -> Option<Capability> {
        let payload = json!({"subscription": {"systemCapabilities": capabilities}});
        Capability::read(&Message::new(json!({"lex": {"payload": payload}})).unwrap())
    }

    #[test]
    fn a_level_and_a_format_are_read() {
        let level_two =
            read(&json!({"conformanceLevel": "L2", "supportedFormats": ["XML_EDI", "X12"]})).unwrap();
        assert_eq!(level_two, Capability { level: Some(Level::L2), prefers_xml: true });
        let both = read(&json!({"supportedFormats": ["XML_EDI", "JSON_EDI"]})).unwrap();
        assert_eq!(both, Capability { level: None, prefers_xml: false });
        assert!(!read(&json!({})).unwrap().prefers_xml);
        assert_eq!(read(&json!(null)), None);
    }
}
