//! The six JSON Schemas that we publish, and what they say about a message.
//!
//! The text is what `GET /v1/schema/{messageType}` serves; the table compiled of it gives XML its types and strict
//! checking its deviations. A schema of a message type describes what is inside `lex`, as the standard's own do.

mod check;
mod table;
pub mod types;

use crate::message::Message;

/// A published schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaName {
    Lead,
    Asset,
    Acknowledgment,
    Subscription,
    LeadClosure,
    MessageEnvelope,
}

impl SchemaName {
    pub const ALL: [Self; 6] = [
        Self::Lead,
        Self::Asset,
        Self::Acknowledgment,
        Self::Subscription,
        Self::LeadClosure,
        Self::MessageEnvelope,
    ];

    /// By its name in a path: a message type, or `MESSAGE_ENVELOPE`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.as_str() == name)
    }

    /// Its name in a path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "LEAD",
            Self::Asset => "ASSET",
            Self::Acknowledgment => "ACKNOWLEDGMENT",
            Self::Subscription => "SUBSCRIPTION",
            Self::LeadClosure => "LEAD_CLOSURE",
            Self::MessageEnvelope => "MESSAGE_ENVELOPE",
        }
    }
}

/// The text of a schema: JSON Schema draft-07, complete in itself.
pub fn text(name: SchemaName) -> &'static str {
    match name {
        SchemaName::Lead => include_str!("../../../proto/lex/lead.json"),
        SchemaName::Asset => include_str!("../../../proto/lex/asset.json"),
        SchemaName::Acknowledgment => include_str!("../../../proto/lex/acknowledgment.json"),
        SchemaName::Subscription => include_str!("../../../proto/lex/subscription.json"),
        SchemaName::LeadClosure => include_str!("../../../proto/lex/lead_closure.json"),
        SchemaName::MessageEnvelope => include_str!("../../../proto/lex/message_envelope.json"),
    }
}

/// A place where a message is not as the schemas say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// `lex.header.ttl.onExpiry`, `payload.lead.leadHistory[0].version`.
    pub path: String,
    /// What the schema asks for: `must be a string`.
    pub message: String,
    pub kind: DeviationKind,
}

/// What sort of deviation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviationKind {
    /// The JSON type is another one.
    Type,
    /// A required member is absent.
    Missing,
    /// The value, or the member, is none that is allowed.
    Value,
}

/// At most so many deviations are told of one message.
pub const MAX_DEVIATIONS: usize = 100;

/// Where the message leaves the schemas of the envelope and of its type; `null` counts as absent. Of a message
/// whose type is unknown only the envelope is looked at.
pub fn violations(message: &Message) -> Vec<Deviation> {
    check::violations(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_found_by_the_names_of_the_contract() {
        for name in ["LEAD", "ASSET", "ACKNOWLEDGMENT", "SUBSCRIPTION", "LEAD_CLOSURE", "MESSAGE_ENVELOPE"] {
            assert_eq!(SchemaName::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(SchemaName::parse("lead"), None);
    }
}
