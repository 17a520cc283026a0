//! Holds one schema against another.

use super::Walk;
use super::node::Node;
use super::shape::Shape;
use serde_json::Value;
use std::collections::BTreeSet;

/// Schemas that contain themselves are followed no further.
const DEEPEST: usize = 24;

/// Which way a value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client: it may be taken more kindly than the contract says, not more strictly.
    Request,
    /// To the client: it may hold more than the contract says, nothing else and nothing less.
    Answer,
}

/// Formats that say only how large a number may be.
const OF_NUMBERS: [&str; 4] = ["int32", "int64", "float", "double"];

impl Walk {
    pub fn schemas(&mut self, place: &str, way: Way, wanted: Option<&Node<'_>>, given: Option<&Node<'_>>) {
        self.schema(place, way, wanted, given, 0);
    }

    fn schema(
        &mut self,
        place: &str,
        way: Way,
        wanted: Option<&Node<'_>>,
        given: Option<&Node<'_>>,
        depth: usize,
    ) {
        let (whole, wanted, given) = match (wanted, given) {
            (Some(wanted), Some(given)) => (wanted, Shape::of(wanted), Shape::of(given)),
            (Some(_), None) => return self.differs(place, "has no schema"),
            (None, _) => return,
        };
        if depth > DEEPEST {
            return;
        }
        if wanted.choices.is_empty() && given.says_choices_alone() {
            return self.one_of_several(place, way, whole, &given, depth);
        }
        self.types(place, way, &wanted, &given);
        self.values(place, way, &wanted, &given);
        self.limits(place, way, &wanted, &given);
        self.properties(place, way, &wanted, &given, depth);
        self.others(place, way, &wanted, &given, depth);
        if wanted.items.is_some() {
            self.schema(&format!("{place}[]"), way, wanted.items.as_ref(), given.items.as_ref(), depth + 1);
        }
        self.choices(place, way, &wanted, &given, depth);
    }

    fn types(&mut self, place: &str, way: Way, wanted: &Shape<'_>, given: &Shape<'_>) {
        match (&wanted.types, &given.types) {
            (Some(wanted), Some(given)) => {
                let fits = if way == Way::Request { given.is_superset(wanted) } else { given == wanted };
                if !fits {
                    self.differs(place, format!("is {}, not {}", words(given), words(wanted)));
                }
            }
            (Some(wanted), None) => self.differs(place, format!("is not said to be {}", words(wanted))),
            (None, Some(given)) if way == Way::Request && wanted.choices.is_empty() => {
                self.differs(place, format!("takes {} alone", words(given)));
            }
            (None, _) => {}
        }
        match (&wanted.format, &given.format) {
            (Some(wanted), given) if Some(wanted) != given.as_ref() => {
                self.differs(place, format!("is not of format {wanted}"));
            }
            (None, Some(given)) if way == Way::Request && !OF_NUMBERS.contains(&given.as_str()) => {
                self.differs(place, format!("takes format {given} alone"));
            }
            _ => {}
        }
    }

    fn values(&mut self, place: &str, way: Way, wanted: &Shape<'_>, given: &Shape<'_>) {
        match (&wanted.values, &given.values) {
            (Some(_), None) => self.differs(place, "the list of values is missing"),
            (Some(wanted), Some(given)) => {
                for value in wanted.iter().filter(|value| !given.contains(value)) {
                    self.differs(place, format!("the value {value} is missing"));
                }
                for value in given.iter().filter(|value| !wanted.contains(value) && !value.is_null()) {
                    if way == Way::Answer {
                        self.differs(place, format!("may be {value}, which the contract does not know"));
                    }
                }
            }
            (None, Some(_)) if way == Way::Request => self.differs(place, "takes a list of values alone"),
            (None, _) => {}
        }
    }

    fn limits(&mut self, place: &str, way: Way, wanted: &Shape<'_>, given: &Shape<'_>) {
        for (limit, value) in &wanted.limits {
            match given.limits.get(limit) {
                Some(other) if same(value, other) => {}
                Some(other) => self.differs(place, format!("{limit} is {other}, not {value}")),
                None => self.differs(place, format!("{limit} {value} is missing")),
            }
        }
        for (limit, value) in &given.limits {
            if way == Way::Request && *limit != "default" && !wanted.limits.contains_key(limit) {
                self.differs(place, format!("{limit} {value} is asked for here alone"));
            }
        }
    }

    fn properties(&mut self, place: &str, way: Way, wanted: &Shape<'_>, given: &Shape<'_>, depth: usize) {
        for (name, property) in &wanted.properties {
            let place = format!("{place}.{name}");
            let Some(found) = given.properties.get(name) else {
                self.differs(&place, "the field is missing");
                continue;
            };
            self.known.extend(given.places.get(name).cloned());
            self.schema(&place, way, Some(property), Some(found), depth + 1);
        }
        for (name, pointer) in &given.places {
            if !wanted.properties.contains_key(name) {
                self.extra.insert(pointer.clone());
            }
        }
        for name in wanted.required.difference(&given.required) {
            self.differs(&format!("{place}.{name}"), "is no longer required");
        }
        if way == Way::Request {
            for name in given.required.difference(&wanted.required) {
                self.differs(&format!("{place}.{name}"), "is required here alone");
            }
        }
    }

    fn others(&mut self, place: &str, way: Way, wanted: &Shape<'_>, given: &Shape<'_>, depth: usize) {
        let closed = |shape: &Shape<'_>| {
            shape.others.as_ref().is_some_and(|others| *others.value == Value::Bool(false))
        };
        match (closed(wanted), closed(given)) {
            (true, false) => return self.differs(place, "takes members that the contract does not know"),
            (false, true) if way == Way::Request => {
                return self.differs(place, "refuses members that it does not know");
            }
            _ => {}
        }
        let schema = |others: &&Node<'_>| others.value.is_object();
        let wanted = wanted.others.as_ref().filter(schema);
        let given = given.others.as_ref().filter(schema);
        if let (None, Some(_), Way::Request) = (wanted, given, way) {
            self.differs(place, "bounds members that are not named");
        }
        self.schema(&format!("{place}.*"), way, wanted, given, depth + 1);
    }

    /// The contract knows one thing, the document several: one of them must be the contract's.
    fn one_of_several(&mut self, place: &str, way: Way, wanted: &Node<'_>, given: &Shape<'_>, depth: usize) {
        let fitting = given.choices.iter().find(|choice| fits(place, way, wanted, choice, depth));
        match fitting {
            Some(choice) => self.schema(place, way, Some(wanted), Some(choice), depth + 1),
            None => self.differs(place, "none of the choices is the contract's"),
        }
        if way == Way::Answer {
            self.differs(place, "may be something else as well");
        }
    }

    /// Every choice of the contract must be there, in any order.
    fn choices(&mut self, place: &str, way: Way, wanted: &Shape<'_>, given: &Shape<'_>, depth: usize) {
        let mut left: Vec<_> = given.choices.iter().collect();
        for (index, choice) in wanted.choices.iter().enumerate() {
            let place = format!("{place}({})", index + 1);
            let fitting = left.iter().position(|other| fits(&place, way, choice, other, depth));
            match fitting {
                Some(position) => {
                    let other = left.remove(position);
                    self.schema(&place, way, Some(choice), Some(other), depth + 1);
                }
                None => self.differs(&place, "the choice is missing or otherwise"),
            }
        }
        if way == Way::Answer && !left.is_empty() && !wanted.choices.is_empty() {
            self.differs(place, "there are choices that the contract does not know");
        }
    }
}

fn fits(place: &str, way: Way, wanted: &Node<'_>, given: &Node<'_>, depth: usize) -> bool {
    let mut trial = Walk::default();
    trial.schema(place, way, Some(wanted), Some(given), depth + 1);
    trial.differences.is_empty()
}

fn words(types: &BTreeSet<String>) -> String {
    types.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
}

/// 1 and 1.0 are one number.
fn same(one: &Value, other: &Value) -> bool {
    one == other || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
}
