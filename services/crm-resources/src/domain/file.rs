//! An automation as a file: YAML in which every member has its place, so that what is wrong can be shown where it stands.

use contracts::crm::Automation;
use platform::Violation;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use serde_saphyr::{Location, Spanned};
use std::fmt;

/// A line and a column, both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: u64,
    pub column: u64,
}

impl Position {
    const START: Self = Self { line: 1, column: 1 };

    fn of(location: Location) -> Self {
        Self { line: location.line().max(1), column: location.column().max(1) }
    }
}

/// What is wrong in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub violation: Violation,
    pub position: Position,
}

/// A file that is YAML.
#[derive(Debug)]
pub struct File {
    pub document: Value,
    root: Place,
}

/// Where the parts of a document stand.
#[derive(Debug)]
enum Place {
    Leaf,
    List(Vec<(Position, Self)>),
    Map(Vec<(String, Position, Self)>),
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no YAML, with the place where it ceases to be.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let document = serde_saphyr::from_str(text).map_err(|error| not_yaml(&error))?;
        let root = serde_saphyr::from_str(text).map_err(|error| not_yaml(&error))?;
        Ok(Self { document, root })
    }

    /// Where a path leads, or as far as it does.
    pub fn find(&self, violation: Violation) -> Problem {
        let (mut place, mut position, mut rest) = (&self.root, Position::START, violation.path.as_str());
        while let Some((at, inner, left)) = place.step(rest) {
            (place, position, rest) = (inner, at, left);
        }
        Problem { violation, position }
    }
}

impl Place {
    /// One member further along a path. Names may have full stops themselves: the longest that fits is meant.
    fn step<'p>(&self, path: &'p str) -> Option<(Position, &Self, &'p str)> {
        let behind = |name: &str| match path.strip_prefix(name)? {
            "" => Some(""),
            rest => rest.strip_prefix('.'),
        };
        match self {
            Self::Leaf => None,
            Self::List(items) => {
                let index = path.split('.').next()?;
                let (position, inner) = items.get(index.parse::<usize>().ok()?)?;
                Some((*position, inner, behind(index)?))
            }
            Self::Map(members) => {
                let fitting = members.iter().filter(|(name, ..)| !name.is_empty() && behind(name).is_some());
                let (name, position, inner) = fitting.max_by_key(|(name, ..)| name.len())?;
                Some((*position, inner, behind(name)?))
            }
        }
    }
}

fn not_yaml(error: &serde_saphyr::Error) -> Problem {
    let said = error.without_snippet().to_string();
    let said = said.lines().next().unwrap_or_default();
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _place)| said);
    let position = error.location().map_or(Position::START, Position::of);
    Problem { violation: Violation::new("", format!("is not YAML: {said}")), position }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Places)
    }
}

struct Places;

macro_rules! leaves {
    ($($visit:ident: $kind:ty,)*) => {$(
        fn $visit<E>(self, _: $kind) -> Result<Place, E> {
            Ok(Place::Leaf)
        }
    )*};
}

impl<'de> Visitor<'de> for Places {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    leaves! {
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_i128: i128,
        visit_u128: u128,
        visit_f64: f64,
        visit_str: &str,
        visit_bytes: &[u8],
    }

    fn visit_unit<E>(self) -> Result<Place, E> {
        Ok(Place::Leaf)
    }

    fn visit_none<E>(self) -> Result<Place, E> {
        Ok(Place::Leaf)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Place, D::Error> {
        Place::deserialize(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Place, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<Spanned<Place>>()? {
            items.push((Position::of(item.referenced), item.value));
        }
        Ok(Place::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Place, A::Error> {
        let mut members = Vec::new();
        while let Some((name, inner)) = access.next_entry::<Spanned<String>, Place>()? {
            members.push((name.value, Position::of(name.referenced), inner));
        }
        Ok(Place::Map(members))
    }
}

/// What would make an automation as it is, of an organisation with this slug.
pub fn document(organization: &str, automation: &Automation, steps: &Value) -> Value {
    let mut document = json!({"organization": organization, "name": automation.name});
    if let Some(description) = &automation.description {
        document["description"] = description.as_str().into();
    }
    document["active"] = automation.active.into();
    document["trigger"] = json!({"type": automation.trigger_type});
    document["steps"] = steps.clone();
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::definition;

    const FILE: &str = "\
# Greets whoever comes from the web.
organization: acme
nmae: Greet
trigger: {type: lead_born}
steps:
  - condition:
      if: data.source ==
  - set_metadata:
      a.b: \"${data.\"
      a: fine
  - dance: {}
  -
    delay: { for: soon }
";

    #[test]
    fn what_is_wrong_stands_where_it_is_written() {
        let file = File::read(FILE).unwrap();
        let found = definition::read(&file.document).unwrap_err().into_iter().map(|violation| {
            let problem = file.find(violation);
            (problem.violation.path, problem.position.line, problem.position.column)
        });
        let expected = [
            ("nmae", 3, 1),
            ("name", 1, 1),
            ("trigger.type", 4, 11),
            ("steps.0.condition.if", 7, 7),
            ("steps.1.set_metadata.a.b", 9, 7),
            ("steps.2", 11, 5),
            ("steps.3.delay.for", 13, 14),
        ];
        assert_eq!(
            found.collect::<Vec<_>>(),
            expected.map(|(path, line, column)| (path.to_owned(), line, column))
        );
    }

    #[test]
    fn what_is_no_yaml_says_where_it_ceases_to_be() {
        for (text, line) in [("name: a\nsteps: [1, 2\n", 2), ("name: a\nname: b\n", 2), ("a: b: c\n", 1)] {
            let problem = File::read(text).unwrap_err();
            assert_eq!(problem.position.line, line, "{text:?}: {problem:?}");
            assert!(problem.violation.message.starts_with("is not YAML: "), "{problem:?}");
            assert!(!problem.violation.message.contains('\n'), "{problem:?}");
        }
    }

    #[test]
    fn a_file_that_is_written_reads_as_what_it_was_written_from() {
        let from = json!({
            "organization": "acme", "name": "yes", "description": "a: b\n# no comment\n\n  x", "active": false,
            "trigger": {"type": "lead_created"},
            "steps": [
                {"condition": {"if": "data.source == \"web\""}},
                {"delay": {"for": "2s"}},
                {"set_metadata": {"a": "1", "b": "null", "c": "${data.id}", "d": " - x"}},
                {"http_request": {"url": "https://example.com/#a", "body": {"n": 1.5, "l": [], "o": {}, "z": null}}},
                {"convert_lead": {}},
            ],
        });
        let read = definition::read(&from).unwrap();
        let steps = serde_json::to_value(&read.steps).unwrap();
        let text = serde_saphyr::to_string(&document("acme", &read.fields(), &steps)).unwrap();
        assert_eq!(File::read(&text).unwrap().document, from, "{text}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in ".{0,60}", yaml in "[a-c:\\-\\[\\]{}&*!|> \n'\"#]{0,60}") {
            for text in [text, yaml] {
                if let Ok(file) = File::read(&text) {
                    file.find(Violation::new("steps.0.a", "x"));
                }
            }
        }
    }
}
