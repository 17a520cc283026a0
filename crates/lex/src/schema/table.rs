//! The schemas compiled once into nodes. Knows the keywords that our schemas use and no others; a test holds the
//! schemas to that.

use super::types::Kind;
use super::{SchemaName, text};
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

/// All six schemas.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

#[derive(Default)]
pub(super) struct Table {
    pub(super) nodes: Vec<Node>,
    /// What is inside `lex`, the payloads of all types in it.
    pub(super) lex: NodeId,
}

/// An index into [`Table::nodes`].
pub(super) type NodeId = usize;

/// What is said about one place.
#[derive(Default)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) members: HashMap<String, NodeId>,
    pub(super) others: Others,
    pub(super) required: Vec<String>,
    pub(super) item: Option<NodeId>,
    pub(super) choices: Vec<String>,
    pub(super) pattern: Option<Regex>,
    pub(super) format: Option<Format>,
    /// Characters of a text, or items of an array.
    pub(super) least: Option<usize>,
    pub(super) most: Option<usize>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
}

/// What members may stand beside those that are named.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Others {
    #[default]
    Any,
    None,
    Like(NodeId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    DateTime,
    Date,
    Email,
    Uri,
}

impl Table {
    fn build() -> Self {
        let mut table = Self::default();
        let envelope = table.document(SchemaName::MessageEnvelope);
        let lex = table.member(envelope, "lex").unwrap_or_default();
        let payload = table.member(lex, "payload").unwrap_or_default();
        for name in SchemaName::ALL.into_iter().filter(|name| *name != SchemaName::MessageEnvelope) {
            let root = table.document(name);
            let Some(found) = table.member(root, "payload") else { continue };
            let blocks = table.nodes.get(found).map(|node| node.members.clone()).unwrap_or_default();
            if let Some(node) = table.nodes.get_mut(payload) {
                node.members.extend(blocks);
            }
        }
        table.lex = lex;
        table
    }

    fn member(&self, node: NodeId, name: &str) -> Option<NodeId> {
        self.nodes.get(node)?.members.get(name).copied()
    }

    fn document(&mut self, name: SchemaName) -> NodeId {
        let document: Value = serde_json::from_str(text(name)).unwrap_or_default();
        let definitions = document.get("definitions").and_then(Value::as_object).cloned().unwrap_or_default();
        Compiler { table: self, definitions, known: HashMap::new() }.node(&document)
    }
}

/// Compiles one document.
struct Compiler<'a> {
    table: &'a mut Table,
    definitions: Map<String, Value>,
    known: HashMap<String, NodeId>,
}

impl Compiler<'_> {
    fn node(&mut self, schema: &Value) -> NodeId {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.definition(reference.trim_start_matches("#/definitions/"));
        }
        let id = self.reserve();
        self.fill(id, schema);
        id
    }

    fn definition(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.known.get(name) {
            return *id;
        }
        let id = self.reserve();
        self.known.insert(name.to_owned(), id);
        let schema = self.definitions.get(name).cloned().unwrap_or_default();
        self.fill(id, &schema);
        id
    }

    fn reserve(&mut self) -> NodeId {
        self.table.nodes.push(Node::default());
        self.table.nodes.len() - 1
    }

    fn fill(&mut self, id: NodeId, schema: &Value) {
        let number = |name: &str| schema.get(name).and_then(Value::as_f64);
        let count = |name: &str| {
            schema.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok())
        };
        let word = |name: &str| schema.get(name).and_then(Value::as_str);
        let node = Node {
            kind: schema.get("type").map(kind).unwrap_or_default(),
            members: self.members(schema),
            others: match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => Others::None,
                Some(other @ Value::Object(_)) => Others::Like(self.node(other)),
                _ => Others::Any,
            },
            required: words(schema, "required"),
            item: schema.get("items").map(|items| self.node(items)),
            choices: words(schema, "enum"),
            pattern: word("pattern").and_then(|pattern| Regex::new(pattern).ok()),
            format: word("format").and_then(format),
            least: count("minLength").or_else(|| count("minItems")),
            most: count("maxLength").or_else(|| count("maxItems")),
            minimum: number("minimum"),
            maximum: number("maximum"),
        };
        if let Some(reserved) = self.table.nodes.get_mut(id) {
            *reserved = node;
        }
    }

    fn members(&mut self, schema: &Value) -> HashMap<String, NodeId> {
        let members = schema.get("properties").and_then(Value::as_object);
        members.into_iter().flatten().map(|(name, schema)| (name.clone(), self.node(schema))).collect()
    }
}

/// The one type that is not `null`, which counts as absent.
fn kind(types: &Value) -> Kind {
    let first = match types {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        types => types.as_str(),
    };
    match first {
        Some("object") => Kind::Object,
        Some("array") => Kind::Array,
        Some("string") => Kind::Text,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        _ => Kind::Any,
    }
}

fn format(name: &str) -> Option<Format> {
    match name {
        "date-time" => Some(Format::DateTime),
        "date" => Some(Format::Date),
        "email" => Some(Format::Email),
        "uri" => Some(Format::Uri),
        _ => None,
    }
}

fn words(schema: &Value, name: &str) -> Vec<String> {
    let listed = schema.get(name).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYWORDS: [&str; 17] = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "$ref",
        "title",
        "description",
    ];

    fn look(schema: &Value, path: &str, definitions: &Value) {
        for (keyword, value) in schema.as_object().unwrap() {
            let at_root = path.is_empty() && ["$schema", "definitions", "title"].contains(&keyword.as_str());
            // What decides between the payloads of the envelope is said by the rules.
            let known =
                KEYWORDS.contains(&keyword.as_str()) || at_root || (path == "lex" && keyword == "allOf");
            assert!(known, "{path}: {keyword}");
            match (keyword.as_str(), value) {
                ("properties" | "definitions", members) => {
                    for (name, schema) in members.as_object().unwrap() {
                        look(schema, name, definitions);
                    }
                }
                ("items" | "additionalProperties", schema @ Value::Object(_)) => {
                    look(schema, path, definitions);
                }
                ("items", other) => panic!("{path}: items {other}"),
                ("$ref", name) => {
                    let name = name.as_str().unwrap().strip_prefix("#/definitions/").unwrap();
                    assert!(definitions.get(name).is_some(), "{path}: {name} is not defined");
                }
                ("pattern", pattern) => {
                    assert!(Regex::new(pattern.as_str().unwrap()).is_ok(), "{path}: {pattern}");
                }
                ("format", name) => assert!(format(name.as_str().unwrap()).is_some(), "{path}: {name}"),
                ("enum", choices) => {
                    assert!(choices.as_array().unwrap().iter().all(Value::is_string), "{path}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_schemas_use_only_what_the_table_knows() {
        for name in SchemaName::ALL {
            let schema: Value = serde_json::from_str(text(name)).unwrap();
            assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
            let empty = Value::Object(Map::new());
            look(&schema, "", schema.get("definitions").unwrap_or(&empty));
        }
    }

    #[test]
    fn definitions_of_one_name_say_the_same_in_every_schema() {
        let mut seen: HashMap<String, Value> = HashMap::new();
        for name in SchemaName::ALL {
            let schema: Value = serde_json::from_str(text(name)).unwrap();
            for (definition, body) in schema["definitions"].as_object().into_iter().flatten() {
                let first = seen.entry(definition.clone()).or_insert_with(|| body.clone());
                assert_eq!(first, body, "{definition} in {}", name.as_str());
            }
        }
        assert!(!seen.is_empty());
    }
}
