//! Holds a document against the facts of its contract.
//!
//! Whatever the contract has must be in the document, at its place and as it is there; the document may have more. A
//! request must not be asked for more than the contract asks, nor an answer hold less or other things than it promises.

mod node;
mod schema;
mod shape;

use node::Node;
use schema::Way;
use serde_json::Value;
use std::collections::BTreeSet;

/// The methods that a path item may have.
pub const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What a comparison has shown.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What the contract has and the document does not, or has otherwise: operation, place, what.
    pub differences: Vec<String>,
    /// JSON pointers of what the document has and the contract does not.
    pub additions: BTreeSet<String>,
    /// How many operations of the contract were compared.
    pub operations: usize,
}

/// Compares.
pub fn compare(facts: &Value, document: &Value) -> Comparison {
    let mut walk = Walk::default();
    let (facts, document) = (Node::root(facts), Node::root(document));
    let operations = operations(facts.at("paths").as_ref());
    for (path, method, wanted) in &operations {
        walk.operation(
            &format!("{} {path}", method.to_uppercase()),
            &facts,
            wanted,
            &document,
            (path, method),
        );
    }
    for (path, method, given) in self::operations(document.at("paths").as_ref()) {
        if !operations.iter().any(|(known, with, _)| *known == path && *with == method) {
            walk.extra.insert(given.pointer);
        }
    }
    walk.finish(operations.len())
}

/// Path, method and operation.
fn operations<'v>(paths: Option<&Node<'v>>) -> Vec<(&'v str, &'static str, Node<'v>)> {
    let mut found = Vec::new();
    for (path, item) in paths.into_iter().flat_map(Node::members) {
        found.extend(METHODS.into_iter().filter_map(|method| Some((path, method, item.at(method)?))));
    }
    found
}

/// What has been seen so far.
#[derive(Default)]
struct Walk {
    differences: Vec<String>,
    /// What the contract has somewhere, by its place in the document.
    known: BTreeSet<String>,
    /// What some use of it in the contract lacks.
    extra: BTreeSet<String>,
}

impl Walk {
    fn differs(&mut self, place: &str, what: impl AsRef<str>) {
        self.differences.push(format!("{place}: {}", what.as_ref()));
    }

    /// A part that several places share is an addition only when the contract has it at none of them.
    fn finish(self, operations: usize) -> Comparison {
        let additions = self.extra.difference(&self.known).cloned().collect();
        let mut differences = self.differences;
        differences.dedup();
        Comparison { differences, additions, operations }
    }

    fn operation(
        &mut self,
        name: &str,
        facts: &Node<'_>,
        wanted: &Node<'_>,
        document: &Node<'_>,
        (path, method): (&str, &str),
    ) {
        let item = document.at("paths").and_then(|paths| paths.at(path));
        let Some(given) = item.as_ref().and_then(|item| item.at(method)) else {
            return self.differs(name, "the operation is missing");
        };
        self.known.insert(given.pointer.clone());
        self.security(name, facts, wanted, document, &given);
        let shared = facts.at("paths").and_then(|paths| paths.at(path));
        self.parameters(name, &parameters(shared.as_ref(), wanted), &parameters(item.as_ref(), &given));
        self.request_body(name, wanted.at("requestBody").as_ref(), given.at("requestBody").as_ref());
        self.responses(name, wanted, &given);
    }

    /// The same credential, as the operation or the whole document names it.
    fn security(
        &mut self,
        name: &str,
        facts: &Node<'_>,
        wanted: &Node<'_>,
        document: &Node<'_>,
        given: &Node<'_>,
    ) {
        let of = |root: &Node<'_>, operation: &Node<'_>| -> BTreeSet<(String, BTreeSet<String>)> {
            let demands = operation.at("security").or_else(|| root.at("security"));
            let demands: Vec<_> = demands.iter().flat_map(Node::elements).collect();
            let mut named = BTreeSet::new();
            for (scheme, scopes) in demands.iter().flat_map(Node::members) {
                named.insert((scheme.to_owned(), scopes.words()));
            }
            named
        };
        let (wanted, given) = (of(facts, wanted), of(document, given));
        if wanted.is_empty() != given.is_empty() {
            let state = if wanted.is_empty() { "open" } else { "not open" };
            self.differs(name, format!("the contract's operation is {state}"));
        }
        for (scheme, scopes) in wanted {
            match given.iter().find(|(other, _)| *other == scheme) {
                None => self.differs(name, format!("credential {scheme} is not accepted")),
                Some((_, given)) if !scopes.is_empty() && !scopes.is_superset(given) => {
                    self.differs(name, format!("credential {scheme} needs other scopes"));
                }
                Some(_) => self.scheme(&scheme, facts, document),
            }
        }
    }

    fn scheme(&mut self, scheme: &str, facts: &Node<'_>, document: &Node<'_>) {
        match (described(facts, scheme), described(document, scheme)) {
            (Some(wanted), Some(given)) if !contains(wanted.value, given.value) => {
                self.differs(&format!("credential {scheme}"), "is of another kind");
            }
            (Some(_), None) => self.differs(&format!("credential {scheme}"), "is not described"),
            _ => {}
        }
    }

    fn parameters(&mut self, name: &str, wanted: &[Node<'_>], given: &[Node<'_>]) {
        for parameter in wanted {
            let place = format!("{name} {}", label(parameter));
            let Some(found) = given.iter().find(|other| same_parameter(parameter, other)) else {
                self.differs(&place, "the parameter is missing");
                continue;
            };
            self.known.insert(found.pointer.clone());
            self.necessity(&place, parameter.flag("required"), found.flag("required"));
            self.schemas(&place, Way::Request, parameter.at("schema").as_ref(), found.at("schema").as_ref());
        }
        for parameter in given {
            if !wanted.iter().any(|other| same_parameter(other, parameter)) {
                if parameter.flag("required") {
                    self.differs(&format!("{name} {}", label(parameter)), "is required here alone");
                }
                self.extra.insert(parameter.pointer.clone());
            }
        }
    }

    fn necessity(&mut self, place: &str, wanted: bool, given: bool) {
        match (wanted, given) {
            (true, false) => self.differs(place, "is no longer required"),
            (false, true) => self.differs(place, "is required here alone"),
            _ => {}
        }
    }

    fn request_body(&mut self, name: &str, wanted: Option<&Node<'_>>, given: Option<&Node<'_>>) {
        let place = format!("{name} request");
        match (wanted, given) {
            (Some(_), None) => self.differs(&place, "the body is missing"),
            (None, Some(given)) => {
                if given.flag("required") {
                    self.differs(&place, "a body is required here alone");
                }
                self.extra.insert(given.pointer.clone());
            }
            (Some(wanted), Some(given)) => {
                self.known.insert(given.pointer.clone());
                self.necessity(&place, wanted.flag("required"), given.flag("required"));
                self.contents(&place, Way::Request, wanted, given);
            }
            (None, None) => {}
        }
    }

    fn responses(&mut self, name: &str, wanted: &Node<'_>, given: &Node<'_>) {
        let (Some(wanted), Some(given)) = (wanted.at("responses"), given.at_as_is("responses")) else {
            return self.differs(name, "there are no answers");
        };
        for (status, answer) in wanted.members() {
            let place = format!("{name} {status}");
            let Some(found) = given.at(status) else {
                self.differs(&place, "the status is missing");
                continue;
            };
            self.known.insert(given.below(status));
            self.headers(&place, &answer, &found);
            self.contents(&place, Way::Answer, &answer, &found);
        }
        for (status, _) in given.members() {
            if wanted.at(status).is_none() {
                self.extra.insert(given.below(status));
            }
        }
    }

    fn headers(&mut self, place: &str, wanted: &Node<'_>, given: &Node<'_>) {
        let (wanted, given) = (members_of(wanted, "headers"), members_of(given, "headers"));
        for (name, header) in &wanted {
            let place = format!("{place} {name}");
            let Some((_, found)) = given.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) else {
                self.differs(&place, "the header is missing");
                continue;
            };
            self.known.insert(found.pointer.clone());
            if header.flag("required") && !found.flag("required") {
                self.differs(&place, "may be missing");
            }
            self.schemas(&place, Way::Answer, header.at("schema").as_ref(), found.at("schema").as_ref());
        }
        for (name, header) in given {
            if !wanted.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                self.extra.insert(header.pointer);
            }
        }
    }

    fn contents(&mut self, place: &str, way: Way, wanted: &Node<'_>, given: &Node<'_>) {
        let (wanted, given) = (wanted.at("content"), given.at("content"));
        for (media_type, content) in wanted.iter().flat_map(Node::members) {
            let Some(found) = given.as_ref().and_then(|given| given.at(media_type)) else {
                self.differs(place, format!("there is no {media_type}"));
                continue;
            };
            self.known.insert(found.pointer.clone());
            self.schemas(
                &format!("{place} body"),
                way,
                content.at("schema").as_ref(),
                found.at("schema").as_ref(),
            );
        }
        for (media_type, content) in given.iter().flat_map(Node::members) {
            if wanted.as_ref().is_none_or(|wanted| wanted.at(media_type).is_none()) {
                self.extra.insert(content.pointer);
            }
        }
    }
}

/// Those of the operation and of its path; the operation's count.
fn parameters<'v>(item: Option<&Node<'v>>, operation: &Node<'v>) -> Vec<Node<'v>> {
    let own: Vec<_> = operation.at("parameters").iter().flat_map(Node::elements).collect();
    let shared = item.and_then(|item| item.at("parameters"));
    let mut shared: Vec<_> = shared.iter().flat_map(Node::elements).collect();
    shared.retain(|one| !own.iter().any(|other| same_parameter(one, other)));
    own.into_iter().chain(shared).collect()
}

fn described<'v>(root: &Node<'v>, scheme: &str) -> Option<Node<'v>> {
    root.at("components")?.at("securitySchemes")?.at(scheme)
}

fn members_of<'v>(node: &Node<'v>, name: &str) -> Vec<(&'v str, Node<'v>)> {
    node.at(name).iter().flat_map(Node::members).collect()
}

fn label(parameter: &Node<'_>) -> String {
    format!("{} {}", parameter.text("in"), parameter.text("name"))
}

fn same_parameter(one: &Node<'_>, other: &Node<'_>) -> bool {
    let (name, other_name) = (one.text("name"), other.text("name"));
    let same_name =
        if one.text("in") == "header" { name.eq_ignore_ascii_case(other_name) } else { name == other_name };
    same_name && one.text("in") == other.text("in")
}

/// Whether everything of one value is in the other.
fn contains(wanted: &Value, given: &Value) -> bool {
    match (wanted, given) {
        (Value::Object(wanted), Value::Object(given)) => {
            wanted.iter().all(|(name, value)| given.get(name).is_some_and(|other| contains(value, other)))
        }
        _ => wanted == given,
    }
}
