//! What was ever published about an event stays true: a ledger of facts, and what breaks with one of them.
//!
//! The ledger, `proto/events/released.txt`, has a line for each place of each event. It is not made anew from the code:
//! writing it fails while the code breaks with a line of it, so that a break cannot be published by generating once more.
//! The digest in its first line shows a ledger that was changed by other means.

use crate::events::{EVENTS, EventKind};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// Where the ledger lies, below `proto/`.
pub const PATH: &str = "events/released.txt";

/// What is known of one place of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Whether every message has it.
    pub always: bool,
    /// Whether a message without it cannot be read.
    pub required: bool,
    /// The types and formats, or the values, that it may have.
    pub forms: BTreeSet<String>,
}

/// Facts by event (its routing key) and place (`data.customer.email`, `data.events[]`, `data.metadata{}`).
pub type Facts = BTreeMap<(String, String), Fact>;

/// Why a ledger cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("line {0} is not `<event> <place> always|sometimes required|optional <form> | …`")]
    Malformed(usize),
    #[error(
        "it was not written by `cargo run -p reference`: restore the committed one, lines are only ever added"
    )]
    Tampered,
    #[error("what was published is broken; give the event a new major version beside this one:\n{}", lines(.0))]
    Broken(Vec<Break>),
}

/// Something that readers or old messages rely on and that no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    pub event: String,
    pub place: String,
    pub what: Broken,
}

/// What happened to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The whole event is no longer known.
    Gone,
    /// Removed, or renamed.
    Removed,
    /// These are no longer written: old messages with them may not be read.
    Narrowed(BTreeSet<String>),
    /// These are new: readers of before do not know them.
    Widened(BTreeSet<String>),
    /// Readers of before count on it.
    MayBeMissing,
    /// Messages of before do not have it.
    NowRequired,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, place, what } = self;
        match what {
            Broken::Gone => write!(f, "{event} is gone"),
            Broken::Removed => write!(f, "{event} {place} is gone"),
            Broken::Narrowed(forms) => write!(f, "{event} {place} is no longer {}", joined(forms)),
            Broken::Widened(forms) => write!(f, "{event} {place} can be {} now", joined(forms)),
            Broken::MayBeMissing => write!(f, "{event} {place} can be missing now"),
            Broken::NowRequired => write!(f, "{event} {place} is required now, and old messages lack it"),
        }
    }
}

/// The facts of all events as they are now.
pub fn current() -> Facts {
    EVENTS.iter().flat_map(of).collect()
}

fn of(kind: &EventKind) -> Facts {
    facts(kind.routing_key, &kind.schema(), &kind.readable())
}

/// The facts of an event, from the schema of what is written and that of what is read.
pub fn facts(event: &str, written: &Value, readable: &Value) -> Facts {
    let (mut places, mut read) = (BTreeMap::new(), BTreeMap::new());
    walk(written, "", true, &mut places);
    walk(readable, "", true, &mut read);
    let fact = |(place, (always, forms)): (String, (bool, BTreeSet<String>))| {
        let required = read.get(&place).is_some_and(|(required, _)| *required);
        ((event.to_owned(), place), Fact { always, required, forms })
    };
    places.into_iter().filter(|(place, _)| !place.is_empty()).map(fact).collect()
}

/// What of the published facts no longer holds.
pub fn breaks(released: &Facts, now: &Facts) -> Vec<Break> {
    let mut breaks = BTreeMap::new();
    let events = |facts: &Facts| facts.keys().map(|(event, _)| event.clone()).collect::<BTreeSet<_>>();
    let (known, remaining) = (events(released), events(now));
    for ((event, place), before) in released {
        let key = (event.clone(), place.clone());
        if !remaining.contains(event) {
            breaks.insert((event.clone(), String::new()), Broken::Gone);
            continue;
        }
        let what = match now.get(&key) {
            None => Some(Broken::Removed),
            Some(after) => changed(before, after),
        };
        breaks.extend(what.map(|what| (key, what)));
    }
    for ((event, place), after) in now {
        let is_new = known.contains(event) && !released.contains_key(&(event.clone(), place.clone()));
        // What lies in something new is as optional as that.
        let parent = parent(place);
        let parent_is_old = parent.is_empty() || released.contains_key(&(event.clone(), parent.to_owned()));
        if is_new && after.required && parent_is_old {
            breaks.insert((event.clone(), place.clone()), Broken::NowRequired);
        }
    }
    breaks.into_iter().map(|((event, place), what)| Break { event, place, what }).collect()
}

fn changed(before: &Fact, after: &Fact) -> Option<Broken> {
    let less: BTreeSet<_> = before.forms.difference(&after.forms).cloned().collect();
    let more: BTreeSet<_> = after.forms.difference(&before.forms).cloned().collect();
    if !less.is_empty() {
        Some(Broken::Narrowed(less))
    } else if !more.is_empty() {
        Some(Broken::Widened(more))
    } else if before.always && !after.always {
        Some(Broken::MayBeMissing)
    } else if !before.required && after.required {
        Some(Broken::NowRequired)
    } else {
        None
    }
}

fn parent(place: &str) -> &str {
    place.rfind(['.', '[', '{']).map_or("", |end| &place[..end])
}

/// Every place below a schema, with whether it is always there and which forms it may have.
fn walk(schema: &Value, place: &str, always: bool, into: &mut BTreeMap<String, (bool, BTreeSet<String>)>) {
    let entry = into.entry(place.to_owned()).or_insert((always, BTreeSet::new()));
    entry.0 &= always;
    entry.1.extend(forms(schema));
    for branch in ["anyOf", "oneOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten() {
        walk(branch, place, always, into);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let is_required =
            |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        for (name, property) in properties {
            let below = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            walk(property, &below, is_required(name), into);
        }
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{place}[]"), false, into);
    }
    if schema["additionalProperties"].is_object() {
        walk(&schema["additionalProperties"], &format!("{place}{{}}"), false, into);
    }
}

/// What stands at the place itself: constants where it has them, otherwise types with their formats.
fn forms(schema: &Value) -> BTreeSet<String> {
    if !schema["const"].is_null() {
        return BTreeSet::from([schema["const"].to_string()]);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect();
    }
    if schema["anyOf"].is_array() || schema["oneOf"].is_array() {
        return BTreeSet::new();
    }
    let detail = schema["format"].as_str().or(schema["pattern"].as_str());
    let named = |name: &str| match detail {
        Some(detail) if name != "null" => format!("{name}({detail})"),
        _ => name.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => BTreeSet::from([named(name)]),
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(named).collect(),
        _ => BTreeSet::from(["anything".to_owned()]),
    }
}

/// The ledger with what is new.
///
/// # Errors
/// When the ledger is not one, or the facts break with it.
pub fn grown(ledger: &str, now: &Facts) -> Result<String, LedgerError> {
    let broken = breaks(&parse(ledger)?, now);
    if broken.is_empty() { Ok(render(now)) } else { Err(LedgerError::Broken(broken)) }
}

/// Facts as a ledger.
pub fn render(facts: &Facts) -> String {
    let mut lines = String::new();
    for ((event, place), fact) in facts {
        let always = if fact.always { "always" } else { "sometimes" };
        let required = if fact.required { "required" } else { "optional" };
        // Writing to a String cannot fail.
        writeln!(lines, "{event} {place} {always} {required} {}", joined(&fact.forms)).unwrap_or_default();
    }
    format!("{}\n{lines}", heading(&lines))
}

/// Reads a ledger.
///
/// # Errors
/// When it is not one, or its lines are not those that were written.
pub fn parse(ledger: &str) -> Result<Facts, LedgerError> {
    let (first, lines) = ledger.split_once('\n').ok_or(LedgerError::Tampered)?;
    if first != heading(lines) {
        return Err(LedgerError::Tampered);
    }
    let fact = |(number, line): (usize, &str)| {
        let parts: Vec<&str> = line.splitn(5, ' ').collect();
        let &[event, place, always, required, forms] = parts.as_slice() else {
            return Err(LedgerError::Malformed(number + 2));
        };
        let forms = forms.split(" | ").map(str::to_owned).collect();
        let fact = Fact { always: always == "always", required: required == "required", forms };
        Ok(((event.to_owned(), place.to_owned()), fact))
    };
    lines.lines().enumerate().map(fact).collect()
}

fn heading(lines: &str) -> String {
    format!(
        "# Published facts of events, only ever added to by `cargo run -p reference`. sha256 {}",
        digest(lines)
    )
}

fn digest(lines: &str) -> String {
    Sha256::digest(lines.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

fn joined(forms: &BTreeSet<String>) -> String {
    forms.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
}

fn lines(breaks: &[Break]) -> String {
    breaks.iter().map(Break::to_string).collect::<Vec<_>>().join("\n")
}
