//! What type a place in a message has, as far as the schemas tell.

use super::table::{Node, NodeId, Others, TABLE};
use serde_json::{Map, Value};

/// A JSON type; `null` is none, it means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    Text,
    Integer,
    Number,
    Boolean,
    /// Any at all.
    #[default]
    Any,
}

/// A place in a message, known to the schemas or not.
#[derive(Clone, Copy)]
pub struct Place(Option<NodeId>);

/// Older names of members (LEX reference §2), which have the type of the present one.
const ALIASES: [(&str, &str); 4] = [
    ("desiredAsset", "desiredProduct"),
    ("desiredVehicle", "desiredProduct"),
    ("interestedInFinancing", "needsFinancing"),
    ("preferredLoanTerm", "loanTerm"),
];

impl Place {
    /// The object `lex`.
    pub fn root() -> Self {
        Self(Some(TABLE.lex))
    }

    /// Its type; `None` where the schemas are silent.
    pub fn kind(self) -> Option<Kind> {
        self.node().map(|node| node.kind)
    }

    /// The place of a member.
    #[must_use]
    pub fn member(self, name: &str) -> Self {
        let Some(node) = self.node() else { return Self(None) };
        let present = || ALIASES.iter().find(|(older, _)| *older == name).map(|(_, present)| *present);
        let found = node.members.get(name).or_else(|| node.members.get(present()?));
        match (found, node.others) {
            (Some(id), _) => Self(Some(*id)),
            (None, Others::Like(id)) => Self(Some(id)),
            (None, _) => Self(None),
        }
    }

    /// The place of any item.
    #[must_use]
    pub fn item(self) -> Self {
        Self(self.node().and_then(|node| node.item))
    }

    /// What an empty XML element stands for here, where that is a value: `[]` or `{}`; else it is absent.
    pub(crate) fn empty_value(self) -> Option<Value> {
        match self.kind()? {
            Kind::Array => Some(Value::Array(Vec::new())),
            Kind::Object | Kind::Any => Some(Value::Object(Map::new())),
            Kind::Text | Kind::Integer | Kind::Number | Kind::Boolean => None,
        }
    }

    fn node(self) -> Option<&'static Node> {
        TABLE.nodes.get(self.0?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_at(path: &str) -> Option<Kind> {
        let steps = path.split('.');
        let place = steps
            .fold(Place::root(), |place, step| if step == "*" { place.item() } else { place.member(step) });
        place.kind()
    }

    #[test]
    fn the_schemas_tell_the_types_of_every_message() {
        let types = [
            ("header.messageId", Kind::Text),
            ("header.ttl.maxAgeSeconds", Kind::Integer),
            ("header.retryContext.attemptNumber", Kind::Integer),
            ("dataGovernance.allowedRecipients", Kind::Array),
            ("dataGovernance.aiGovernance.humanReviewRequired", Kind::Boolean),
            ("extensions.*.data", Kind::Any),
            ("payload.lead.customer.phoneNumber", Kind::Text),
            ("payload.lead.desiredProduct.year", Kind::Integer),
            ("payload.lead.desiredProduct.model", Kind::Text),
            ("payload.lead.desiredProduct.features", Kind::Array),
            ("payload.lead.desiredProduct.features.*", Kind::Text),
            ("payload.lead.leadIntelligence.intentScore", Kind::Number),
            ("payload.lead.leadHistory.*.previousStatus", Kind::Text),
            ("payload.lead.financing.needsFinancing", Kind::Boolean),
            ("payload.asset.evSpecifications.estimatedRange.rangeKm", Kind::Integer),
            ("payload.acknowledgment.processingTime", Kind::Number),
            ("payload.subscription.deliveryMethods.*.headers.X-Any", Kind::Text),
            ("payload.leadClosure.closureDetail.dealAmount", Kind::Number),
            ("payload.leadClosure.structuredNotes.*.linkedTo.dealLineageSeq", Kind::Integer),
        ];
        for (path, kind) in types {
            assert_eq!(kind_at(path), Some(kind), "{path}");
        }
    }

    #[test]
    fn where_the_schemas_are_silent_there_is_no_type() {
        for path in [
            "unknown",
            "payload.lead.customer.shoeSize",
            "payload.lead.customer.shoeSize.left",
            "header.ttl.*",
        ] {
            assert_eq!(kind_at(path), None, "{path}");
        }
    }

    #[test]
    fn older_names_have_the_types_of_the_present_ones() {
        assert_eq!(kind_at("payload.lead.desiredVehicle.year"), Some(Kind::Integer));
        assert_eq!(kind_at("payload.lead.financing.preferredLoanTerm"), Some(Kind::Integer));
        assert_eq!(kind_at("payload.asset.preferredLoanTerm"), None);
    }
}
