//! Schemas, fixtures and the list of events agree with each other.

use jsonschema::Validator;
use reference::events::{EVENTS, EventKind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn proto() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")
}

fn file_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The messages that are kept of a kind: `<routing key>.json`, and variants of it, `<routing key>.<variant>.json`.
fn fixtures(kind: &EventKind) -> Vec<(String, String)> {
    let folder = proto().join("fixtures");
    let is_of = |name: &String| name.starts_with(&format!("{}.", kind.routing_key));
    let names = file_names(&folder).into_iter().filter(is_of);
    names.map(|name| (name.clone(), fs::read_to_string(folder.join(&name)).unwrap())).collect()
}

fn validator(kind: &EventKind) -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&kind.schema()).unwrap_or_else(|error| panic!("{}: {error}", kind.routing_key))
}

/// A message as the list of its events.
fn events(text: &str) -> Vec<Value> {
    match serde_json::from_str(text).unwrap() {
        Value::Array(events) => events,
        event => vec![event],
    }
}

#[test]
fn a_message_of_every_event_and_version_decodes_for_ever_is_written_alike_and_fits_its_schema() {
    for kind in EVENTS {
        let (fixtures, validator) = (fixtures(kind), validator(kind));
        let main = format!("{}.json", kind.routing_key);
        assert!(fixtures.iter().any(|(name, _)| *name == main), "proto/fixtures/{main} is missing");
        for (name, text) in fixtures {
            assert_eq!(text.starts_with('['), kind.is_batched, "{name}");
            let written = kind.read_and_write(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let events = events(&text);
            assert_eq!(written, Value::Array(events.clone()), "{name}");
            for event in events {
                let problems: Vec<_> = validator.iter_errors(&event).map(|error| error.to_string()).collect();
                assert_eq!(problems, [""; 0], "{name}");
            }
        }
    }
}

#[test]
fn the_messages_of_an_event_have_and_lack_each_of_its_optional_members() {
    let mut problems = Vec::new();
    for kind in EVENTS {
        let data: Vec<Value> = fixtures(kind).iter().flat_map(|(_, text)| events(text)).collect();
        let facts = reference::compatibility::facts(kind.routing_key, &kind.schema(), &kind.readable());
        for (_, place) in facts.iter().filter(|(_, fact)| !fact.always).map(|(key, _)| key) {
            let pointer = format!("/{}", place.replace('.', "/"));
            let parent = &pointer[..pointer.rfind('/').unwrap()];
            if place.contains(['[', '{']) || !place.starts_with("data.") {
                continue;
            }
            if !data.iter().any(|event| event.pointer(&pointer).is_some()) {
                problems.push(format!("{}: no message with {place}", kind.routing_key));
            }
            let lacks = |event: &Value| {
                event.pointer(parent).is_some_and(Value::is_object) && event.pointer(&pointer).is_none()
            };
            if !data.iter().any(lacks) {
                problems.push(format!("{}: no message without {place}", kind.routing_key));
            }
        }
    }
    assert!(problems.is_empty(), "add messages to proto/fixtures:\n{}", problems.join("\n"));
}

#[test]
fn schemas_and_fixtures_are_of_events_that_there_are() {
    let keys: BTreeSet<_> = EVENTS.iter().map(|kind| kind.routing_key).collect();
    assert_eq!(keys.len(), EVENTS.len(), "an event is listed twice");
    let is_known = |name: &str| {
        let key = name.split('.').take(4).collect::<Vec<_>>().join(".");
        keys.contains(key.as_str())
    };
    let proto = proto();
    for name in file_names(&proto.join("fixtures")) {
        assert!(is_known(&name) || name == "identity_claims.v1.json", "{name} is of no event");
    }
    for name in file_names(&proto.join("events")) {
        assert!(is_known(&name) || name == "released.txt", "{name} is of no event");
    }
}

#[test]
fn every_event_of_contracts_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/src");
    let keys: BTreeSet<_> = EVENTS.iter().map(|kind| kind.routing_key).collect();
    let mut seen = BTreeSet::new();
    for name in file_names(&folder) {
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        for literal in text.split('"').skip(1).step_by(2) {
            let words: Vec<_> = literal.split('.').collect();
            let is_version =
                |word: &str| word.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok());
            if words.len() == 4 && is_version(words[3]) && !words[0].is_empty() {
                seen.insert(literal.to_owned());
                assert!(keys.contains(literal), "{literal} of {name} is not in reference::events::EVENTS");
            }
        }
    }
    // Those of CRM resources are made by a macro: three for each of the four.
    assert_eq!(
        seen.len() + 12,
        EVENTS.len(),
        "so many routing keys stand in contracts, and so many events are listed"
    );
}

#[test]
fn a_schema_is_itself_sound_and_says_what_its_messages_are() {
    for kind in EVENTS {
        let schema = kind.schema();
        assert!(jsonschema::meta::is_valid(&schema), "{}", kind.routing_key);
        assert_eq!(schema["$id"], format!("/schemas/events/{}.json", kind.routing_key));
        assert!(!kind.description().is_empty(), "{} has no description", kind.routing_key);
        for (pointer, wrong) in [("/source", "/leadwire/nobody"), ("/specversion", "0.3"), ("/id", "7")] {
            let mut event = events(&fixtures(kind)[0].1).remove(0);
            *event.pointer_mut(pointer).unwrap() = wrong.into();
            assert!(!validator(kind).is_valid(&event), "{} with {pointer} {wrong}", kind.routing_key);
        }
    }
}
