//! Reading a batch: the envelope first, with its limits, then each event by itself, so that one that is broken
//! leaves the others alone.

use super::json_text;
use crate::domain::actor::{Actor, NamedWorker};
use crate::domain::event::{Category, NewEvent, Rejection, RejectionCode};
use crate::domain::rules::{BATCH_LIMIT, LONGEST_DURATION, is_type_name, issues, type_name};
use chrono::{DateTime, Utc};
use contracts::FaultCode;
use contracts::ids::WorkerId;
use platform::document::{Object, Violations, email, integer, is_email, text, time, time_of};
use platform::{Fault, Violation};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The longest external id, display name and label.
const LONGEST_NAME: usize = 200;
/// The longest address that mail can be sent to (RFC 5321 §4.5.3.1.3, without the brackets).
const LONGEST_EMAIL: usize = 254;

/// The envelope. What else is in it does not matter.
#[derive(Deserialize)]
struct BatchBody<'d> {
    #[serde(borrow)]
    events: Vec<&'d RawValue>,
}

/// An envelope that is none, to say why.
#[derive(Deserialize)]
struct BrokenBody<'d> {
    #[serde(borrow)]
    events: Option<&'d RawValue>,
}

/// An event. `null` means the same as leaving a field out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventBody<'d> {
    event_type: Option<Value>,
    category: Option<Value>,
    timestamp: Option<Value>,
    duration: Option<Value>,
    actor: Option<Value>,
    #[serde(borrow)]
    metadata: Option<&'d RawValue>,
}

/// The events of a batch, in order, each read or refused.
///
/// # Errors
/// When it is no batch, or too large a one.
pub fn read(bytes: &[u8]) -> Result<Vec<Result<NewEvent<'_>, Rejection>>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_not_utf8: std::str::Utf8Error| {
        Fault::new(FaultCode::MalformedBody, "the body is not UTF-8")
    })?;
    if let Some(events) = read_plain_batch(text) {
        return Ok(events.into_iter().map(Ok).collect());
    }
    let of_body =
        |path: &'static str, message: &'static str| Fault::validation(vec![Violation::new(path, message)]);
    if is_other_than(text, '{') {
        // Whether it is JSON at all is said first.
        serde_json::from_str::<&RawValue>(text).map_err(|error| malformed(&error))?;
        return Err(of_body("", "the body must be a JSON object"));
    }
    let BatchBody { events } =
        serde_json::from_str(text).map_err(|error| match serde_json::from_str::<BrokenBody<'_>>(text) {
            Ok(BrokenBody { events: None }) => of_body("events", "is required"),
            Ok(BrokenBody { events: Some(_) }) => of_body("events", "must be an array"),
            Err(_) => malformed(&error),
        })?;
    if events.is_empty() {
        return Err(of_body("events", "must have at least 1 event"));
    }
    if events.len() > BATCH_LIMIT {
        let message = format!("the batch has {} events, {BATCH_LIMIT} are allowed", events.len());
        return Err(Fault::new(FaultCode::PayloadTooLarge, message));
    }
    Ok(events.into_iter().map(|event| read_event(event.get())).collect())
}

/// A document as a whole.
///
/// # Errors
/// When it is no JSON.
pub fn document(bytes: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> Fault {
    // serde_json's own text quotes the body.
    let message = format!("the body is not valid JSON (line {}, column {})", error.line(), error.column());
    Fault::new(FaultCode::MalformedBody, message)
}

/// A derived reader of objects takes arrays as well.
fn is_other_than(text: &str, first: char) -> bool {
    !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with(first)
}

fn read_event(text: &str) -> Result<NewEvent<'_>, Rejection> {
    read_plain(text).map_or_else(|| read_carefully(text), Ok)
}

/// What most batches are: nothing in them has to be told from anything else, or written otherwise.
#[derive(Deserialize)]
struct PlainBatch<'d> {
    #[serde(borrow)]
    events: Vec<AnObject<PlainEvent<'d>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainEvent<'d> {
    event_type: &'d str,
    category: &'d str,
    timestamp: Option<&'d str>,
    duration: Option<i32>,
    #[serde(borrow)]
    actor: AnObject<PlainActor<'d>>,
    #[serde(borrow)]
    metadata: Option<&'d RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainActor<'d> {
    worker_id: Option<&'d str>,
    external_id: Option<&'d str>,
    email: Option<&'d str>,
    display_name: Option<&'d str>,
}

/// What a derived reader reads from an object, which it would take from an array as well.
struct AnObject<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for AnObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMembers<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMembers<T> {
            type Value = AnObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(AnObject)
            }
        }

        deserializer.deserialize_map(OfMembers(PhantomData))
    }
}

/// A batch in which all is as it should be, the shortest way: reading with care was a quarter of the time of ingest. Of any
/// other `None`, to be read event by event.
fn read_plain_batch(text: &str) -> Option<Vec<NewEvent<'_>>> {
    let AnObject(PlainBatch { events }) = serde_json::from_str(text).ok()?;
    let is_allowed = (1..=BATCH_LIMIT).contains(&events.len());
    events.into_iter().map(|AnObject(event)| event.read()).collect::<Option<_>>().filter(|_| is_allowed)
}

/// The same for one event: of any other `None`, for [`read_carefully`] to say what is wrong with it, if anything is.
fn read_plain(text: &str) -> Option<NewEvent<'_>> {
    let AnObject(event) = serde_json::from_str::<AnObject<PlainEvent<'_>>>(text).ok()?;
    event.read()
}

impl<'d> PlainEvent<'d> {
    fn read(self) -> Option<NewEvent<'d>> {
        let AnObject(actor) = self.actor;
        let said = |text: Option<&str>, is_fine: &dyn Fn(&str) -> bool| match text {
            None | Some("") => Some(None),
            Some(text) => is_fine(text).then(|| Some(text.to_owned())),
        };
        let is_name = |name: &str| name.chars().count() <= LONGEST_NAME;
        let worker = match actor.worker_id {
            None | Some("") => NamedWorker::No,
            Some(id) => NamedWorker::Id(id.parse().ok()?),
        };
        let actor = Actor {
            worker,
            external_id: said(actor.external_id, &is_name)?,
            email: said(actor.email, &|text| text.chars().count() <= LONGEST_EMAIL && is_email(text))?,
            display_name: said(actor.display_name, &is_name)?,
        };
        let timestamp = match self.timestamp {
            None => None,
            Some(text) => Some(to_the_microsecond(time_of(text)?)?),
        };
        let metadata = self.metadata.map(json_text::metadata).transpose().ok()?;
        let is_fine = is_type_name(self.event_type)
            && self.duration.is_none_or(|seconds| (0..=LONGEST_DURATION).contains(&i64::from(seconds)))
            && actor.identifies();
        let category = Category::parse(self.category).filter(|_| is_fine)?;
        let event_type = Cow::Borrowed(self.event_type);
        Some(NewEvent { event_type, category, timestamp, duration: self.duration, actor, metadata })
    }
}

fn read_carefully(text: &str) -> Result<NewEvent<'_>, Rejection> {
    if is_other_than(text, '{') {
        return Err(Rejection::new(RejectionCode::InvalidBody, "the event must be an object"));
    }
    let body: EventBody<'_> = serde_json::from_str(text).map_err(|_broken: serde_json::Error| {
        let message = "a field appears twice, is nested too deeply, or has a value that is out of range";
        Rejection::new(RejectionCode::InvalidBody, message)
    })?;
    let violations = Violations::new();
    let event = body.event(&violations);
    match violations.finish(event) {
        Ok(event) if event.actor.identifies() => Ok(event),
        Ok(_) => Err(Rejection::new(RejectionCode::MissingActor, NO_ACTOR)),
        Err(violations) => Err(Rejection::new(RejectionCode::InvalidBody, issues(&violations))),
    }
}

/// What is said to somebody who does not say whom they mean.
pub const NO_ACTOR: &str = "the actor needs a workerId, an externalId or an email";

impl<'d> EventBody<'d> {
    fn event(&self, violations: &Violations) -> Option<NewEvent<'d>> {
        let event_type = required(violations, "eventType", self.event_type.as_ref(), type_name);
        let category = required(violations, "category", self.category.as_ref(), category);
        let timestamp = optional(violations, "timestamp", self.timestamp.as_ref(), moment);
        let duration =
            optional(violations, "duration", self.duration.as_ref(), integer(0..=LONGEST_DURATION));
        let actor = read_actor(violations, self.actor.as_ref());
        let metadata = self.metadata.and_then(|raw| {
            json_text::metadata(raw).map_err(|message| violations.add("metadata", message)).ok()
        });
        Some(NewEvent {
            event_type: Cow::Owned(event_type?.to_owned()),
            category: category?,
            timestamp,
            duration: duration.and_then(|seconds| i32::try_from(seconds).ok()),
            actor: actor?,
            metadata,
        })
    }
}

type Message = Cow<'static, str>;

fn required<'d, T>(
    violations: &Violations,
    name: &'static str,
    value: Option<&'d Value>,
    parse: impl FnOnce(&'d Value) -> Result<T, Message>,
) -> Option<T> {
    if value.is_none() {
        violations.add(name, "is required");
    }
    optional(violations, name, value, parse)
}

fn optional<'d, T>(
    violations: &Violations,
    name: &'static str,
    value: Option<&'d Value>,
    parse: impl FnOnce(&'d Value) -> Result<T, Message>,
) -> Option<T> {
    parse(value?).map_err(|message| violations.add(name, message)).ok()
}

fn category(value: &Value) -> Result<Category, Message> {
    value.as_str().and_then(Category::parse).ok_or_else(|| {
        "must be communication, project_management, code, calendar, design, ai_tools or other".into()
    })
}

/// A point in time, to the microsecond, as the table keeps it.
pub fn moment(value: &Value) -> Result<DateTime<Utc>, Message> {
    to_the_microsecond(time(value)?).ok_or_else(|| "is out of range".into())
}

fn to_the_microsecond(moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(moment.timestamp_micros())
}

/// Whom a document means. One that is not there means nobody.
pub fn read_actor(violations: &Violations, actor: Option<&Value>) -> Option<Actor> {
    let Some(actor) = actor else { return Some(Actor::default()) };
    if !actor.is_object() {
        violations.add("actor", "must be an object");
        return None;
    }
    let own = Violations::new();
    let read = own.root(actor).map(|object| actor_of(&object));
    match own.finish(read) {
        Ok(actor) => Some(actor),
        Err(broken) => {
            for violation in broken {
                violations.add(format!("actor.{}", violation.path), violation.message);
            }
            None
        }
    }
}

/// An empty text says nothing.
fn actor_of(object: &Object<'_, '_>) -> Actor {
    let named = |name, length| {
        object.nullable(name, text(0..=length)).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let worker = match named("workerId", usize::MAX) {
        None => NamedWorker::No,
        Some(id) => match id.parse::<WorkerId>() {
            Ok(id) => NamedWorker::Id(id),
            Err(_not_a_uuid) => NamedWorker::Nobody,
        },
    };
    let said_nothing = |value: &Value| value.as_str().is_some_and(str::is_empty);
    let address = |value| if said_nothing(value) { Ok("") } else { email(LONGEST_EMAIL)(value) };
    Actor {
        worker,
        external_id: named("externalId", LONGEST_NAME),
        email: object.nullable("email", address).filter(|text| !text.is_empty()).map(str::to_owned),
        display_name: named("displayName", LONGEST_NAME),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn refused(event: &Value) -> (RejectionCode, String) {
        let rejection = read_event(&event.to_string()).unwrap_err();
        (rejection.code, rejection.message)
    }

    fn minimal() -> Value {
        json!({"eventType": "ticket.resolved", "category": "other", "actor": {"email": "a@b.co"}})
    }

    #[test]
    fn every_issue_of_an_event_is_named() {
        let (code, message) = refused(&json!({
            "eventType": "x", "category": "cooking", "timestamp": "yesterday", "duration": 86_401,
            "actor": {"email": "nobody", "externalId": "e".repeat(201)}, "metadata": [],
        }));
        assert_eq!(code, RejectionCode::InvalidBody);
        for name in ["eventType", "category", "timestamp", "duration", "actor.externalId", "and 2 more"] {
            assert!(message.contains(name), "{name} is not in {message}");
        }
    }

    #[test]
    fn an_event_without_anybody_has_a_code_of_its_own() {
        for actor in [Value::Null, json!({}), json!({"displayName": "Ada"}), json!({"email": ""})] {
            let mut event = minimal();
            event["actor"] = actor;
            assert_eq!(refused(&event).0, RejectionCode::MissingActor);
        }
        let mut event = minimal();
        event["actor"] = json!("ada");
        assert_eq!(refused(&event).0, RejectionCode::InvalidBody);
    }

    #[test]
    fn what_is_no_batch_is_refused_as_a_whole() {
        for (body, code) in [
            ("", FaultCode::MalformedBody),
            ("{", FaultCode::MalformedBody),
            ("{} x", FaultCode::MalformedBody),
            ("[[]]", FaultCode::Validation),
            ("null", FaultCode::Validation),
            ("{}", FaultCode::Validation),
            (r#"{"events":null}"#, FaultCode::Validation),
            (r#"{"events":{}}"#, FaultCode::Validation),
            (r#"{"events":[]}"#, FaultCode::Validation),
            (r#"{"events":[1],"events":[1]}"#, FaultCode::MalformedBody),
        ] {
            assert_eq!(read(body.as_bytes()).unwrap_err().code, code, "{body}");
        }
        let many = json!({"events": vec![1; 501]}).to_string();
        assert_eq!(read(many.as_bytes()).unwrap_err().code, FaultCode::PayloadTooLarge);
        assert_eq!(read(&[b'{', 0xff]).unwrap_err().code, FaultCode::MalformedBody);
    }

    #[test]
    fn an_event_with_required_fields_alone_and_one_with_unknown_fields_are_taken() {
        assert!(read_event(&minimal().to_string()).is_ok());
        let mut event = minimal();
        event["else"] = json!({"deep": [1]});
        event["duration"] = json!(12.0);
        event["metadata"] = Value::Null;
        assert_eq!(read_event(&event.to_string()).unwrap().duration, Some(12));
        let twice = r#"{"eventType":"abc","eventType":"abd","category":"other","actor":{"email":"a@b.co"}}"#;
        assert_eq!(read_event(twice).unwrap_err().code, RejectionCode::InvalidBody);
    }

    #[test]
    fn an_event_as_applications_send_them_is_read_the_short_way() {
        let text = json!({
            "eventType": "ticket.resolved", "category": "other", "timestamp": "2026-04-19T12:30:00Z",
            "duration": 5, "metadata": {"n": [1, "é"]},
            "actor": {"externalId": "7", "email": "a@b.co", "displayName": "Ada"},
        })
        .to_string();
        assert!(read_plain(&text).is_some());
        let batch = |events: &[&str]| format!(r#"{{ "more": 1, "events": [{}] }}"#, events.join(", "));
        let text = text.as_str();
        assert!(read_plain_batch(&batch(&[text; BATCH_LIMIT])).is_some());
        for other in
            [batch(&[]), batch(&[text; BATCH_LIMIT + 1]), batch(&[text, "{}"]), format!("[[{text}]]")]
        {
            assert!(read_plain_batch(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_leap_second_is_the_first_of_the_next_minute() {
        let read = moment(&json!("2016-12-31T23:59:60Z")).unwrap();
        assert_eq!(read.to_rfc3339(), "2017-01-01T00:00:00+00:00");
    }

    /// An event whose members are as they should be, or nearly.
    fn an_event() -> impl Strategy<Value = String> {
        let members = [
            (
                true,
                r#""eventType":"#,
                &[r#""ticket.resolved""#, r#""ticket\u002eresolved""#, r#""x""#, "7", "null"][..],
            ),
            (true, r#""category":"#, &[r#""other""#, r#""ai_tools""#, r#""cooking""#, "[]"]),
            (
                false,
                r#""timestamp":"#,
                &[r#""2026-04-19T12:30:00.123456789+02:00""#, r#""today""#, "null", "1e999"],
            ),
            (false, r#""duration":"#, &["0", "86400", "86401", "-1", "12.0", "-0", r#""5""#, "null"]),
            (
                true,
                r#""actor":"#,
                &[
                    r#"{"email":"a@b.co"}"#,
                    r#"{"email":"a@b","externalId":"x"}"#,
                    r#"{"externalId":"é","displayName":"","workerId":null}"#,
                    r#"{"workerId":"0190a0a0-0000-7000-8000-000000000001"}"#,
                    r#"{"workerId":"w-1"}"#,
                    r#"{"externalId":"a","externalId":"b"}"#,
                    r#"{"externalId":7}"#,
                    r#"["w","x","a@b.co","d"]"#,
                    r#"{"displayName":"Ada"}"#,
                    "{}",
                    "null",
                ],
            ),
            (
                false,
                r#""metadata":"#,
                &[r#"{ "n": 1 }"#, r#"{"n":1e999}"#, r#"{"n":"\u0000"}"#, "[]", "null"],
            ),
            (false, r#""more":"#, &["[{}]"]),
            (false, r#""category":"#, &[r#""code""#]),
        ];
        let members = members.map(|(usual, name, values)| {
            let value = prop_oneof![3 => Just(values[0]), 1 => proptest::sample::select(values)];
            let there = if usual { 0.97 } else { 0.3 };
            proptest::option::weighted(there, value.prop_map(move |value| format!("{name}{value}")))
        });
        let members: Vec<_> = members.into_iter().map(Strategy::boxed).collect();
        members.prop_map(|members| {
            format!("{{{}}}", members.into_iter().flatten().collect::<Vec<_>>().join(", "))
        })
    }

    proptest! {
        #[test]
        fn an_event_is_read_alike_on_all_ways(text in an_event()) {
            if let Some(event) = read_plain(&text) {
                prop_assert_eq!(format!("{event:?}"), format!("{:?}", read_carefully(&text).unwrap()));
            }
            let alone = format!("{:?}", [read_event(&text)]);
            let batch = format!("{{\"events\":[{text}]}}");
            prop_assert_eq!(format!("{:?}", read(batch.as_bytes()).unwrap()), alone);
        }

        #[test]
        fn no_text_makes_reading_panic(text in "[\\[\\]{}\":,0-9a-z\\\\ ]{0,200}") {
            drop(read(text.as_bytes()));
            drop(read_event(&text));
        }
    }
}
