//! A schema with everything that several ways of writing it have in common: `allOf` merged, `nullable` and a choice
//! with `null` made types, `const` made a list of one.

use super::node::Node;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What bounds a value and must be as the contract has it.
pub const LIMITS: [&str; 14] = [
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "default",
];

#[derive(Default)]
pub struct Shape<'v> {
    /// `None`: any.
    pub types: Option<BTreeSet<String>>,
    pub format: Option<String>,
    /// `None`: not closed.
    pub values: Option<Vec<Value>>,
    pub limits: BTreeMap<&'static str, Value>,
    pub properties: BTreeMap<String, Node<'v>>,
    /// Where each property stands in the schema, a reference not followed.
    pub places: BTreeMap<String, String>,
    pub required: BTreeSet<String>,
    /// What members that are not named may be.
    pub others: Option<Node<'v>>,
    pub items: Option<Node<'v>>,
    /// One of these.
    pub choices: Vec<Node<'v>>,
}

impl<'v> Shape<'v> {
    pub fn of(node: &Node<'v>) -> Self {
        let mut shape = Self::default();
        shape.merge(node);
        if let Some(types) = &mut shape.types
            && node.flag("nullable")
        {
            types.insert("null".to_owned());
        }
        shape
    }

    fn merge(&mut self, node: &Node<'v>) {
        for part in node.at("allOf").iter().flat_map(Node::elements) {
            self.merge(&part);
        }
        if let Some(types) = node.at("type") {
            self.types = Some(types.words());
        }
        if let Some(format) = node.at("format") {
            self.format = format.value.as_str().map(str::to_owned);
        }
        if let Some(values) = node.at("enum").and_then(|values| values.value.as_array()) {
            self.values = Some(values.clone());
        }
        if let Some(value) = node.at("const") {
            self.values = Some(vec![value.value.clone()]);
        }
        for limit in LIMITS {
            if let Some(value) = node.value.get(limit) {
                self.limits.insert(limit, value.clone());
            }
        }
        if let Some(properties) = node.at_as_is("properties") {
            for (name, property) in properties.members() {
                self.places.insert(name.to_owned(), properties.below(name));
                self.properties.insert(name.to_owned(), property);
            }
        }
        self.required.extend(node.at("required").map(|required| required.words()).unwrap_or_default());
        self.others = node.at("additionalProperties").or(self.others.take());
        self.items = node.at("items").or(self.items.take());
        self.choose(node);
    }

    /// Whether nothing is said but that it is one of several things.
    pub fn says_choices_alone(&self) -> bool {
        !self.choices.is_empty() && self.types.is_none() && self.properties.is_empty()
    }

    /// A choice between null and one thing is that thing, nullable.
    fn choose(&mut self, node: &Node<'v>) {
        let choices = node.at("oneOf").or_else(|| node.at("anyOf"));
        let choices: Vec<_> = choices.iter().flat_map(Node::elements).collect();
        let is_null = |choice: &Node<'_>| choice.text("type") == "null";
        let nullable = choices.iter().any(is_null);
        let mut others: Vec<_> = choices.into_iter().filter(|choice| !is_null(choice)).collect();
        if others.len() == 1 && nullable {
            if let Some(only) = others.pop() {
                self.merge(&only);
            }
            if let Some(types) = &mut self.types {
                types.insert("null".to_owned());
            }
            if let Some(values) = &mut self.values {
                values.push(Value::Null);
            }
        } else {
            self.choices.extend(others);
        }
    }
}
