//! A value inside of a document, which knows its place and follows references.

use serde_json::Value;
use std::collections::BTreeSet;

/// References that lead to references more often than this lead nowhere.
const LONGEST_CHAIN: usize = 16;

#[derive(Clone)]
pub struct Node<'v> {
    root: &'v Value,
    pub value: &'v Value,
    /// Its place, behind all references (RFC 6901).
    pub pointer: String,
}

impl<'v> Node<'v> {
    pub fn root(root: &'v Value) -> Self {
        Self { root, value: root, pointer: String::new() }
    }

    /// A member or an element; where it is a reference, what that leads to.
    pub fn at(&self, name: &str) -> Option<Self> {
        self.at_as_is(name).map(Self::resolved)
    }

    /// The same without following a reference.
    pub fn at_as_is(&self, name: &str) -> Option<Self> {
        let value = match self.value {
            Value::Array(elements) => elements.get(name.parse::<usize>().ok()?)?,
            value => value.get(name)?,
        };
        Some(Self { root: self.root, value, pointer: self.below(name) })
    }

    /// The place of a member, whether or not it is a reference.
    pub fn below(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }

    fn resolved(mut self) -> Self {
        for _ in 0..LONGEST_CHAIN {
            let Some(reference) = self.value.get("$ref").and_then(Value::as_str) else { break };
            let pointer = reference.trim_start_matches('#');
            let Some(value) = self.root.pointer(pointer) else { break };
            self.value = value;
            pointer.clone_into(&mut self.pointer);
        }
        self
    }

    /// The members of an object, but for extensions.
    pub fn members(&self) -> Vec<(&'v str, Self)> {
        let names = self.value.as_object().into_iter().flat_map(serde_json::Map::keys);
        let names = names.filter(|name| !name.starts_with("x-"));
        names.filter_map(|name| Some((name.as_str(), self.at(name)?))).collect()
    }

    /// The elements of an array.
    pub fn elements(&self) -> Vec<Self> {
        let count = self.value.as_array().map_or(0, Vec::len);
        (0..count).filter_map(|index| self.at(&index.to_string())).collect()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.value.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn text(&self, name: &str) -> &'v str {
        self.value.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its words, when it is one or a list of them.
    pub fn words(&self) -> BTreeSet<String> {
        let list = self.value.as_array().map_or(std::slice::from_ref(self.value), Vec::as_slice);
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
