//! Removing a person's data from the broker's dead letters.
//!
//! An event keeps its id, its envelope and its place among the dead letters; what it says of the person is stripped
//! by the rules by which stored events are. A message that is no event and has the person in it is deleted. Of a
//! message that carries several events the others stay as they are. What is still on its way (queued, or waiting for
//! a retry) is not looked at: it is processed or dies soon.

use super::broker::{lock, queues};
use crate::progress;
use anyhow::ensure;
use contracts::topology::WORK_QUEUES;
use platform::person::Person;
use platform_broker::dead_letters::{DeadLetter, DeadLetters, Walk, replay_queue};
use serde_json::Value;

/// Letters that are worked on at once.
const BATCH: usize = 100;

/// What became of dead letters that had the person in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    pub redacted: u64,
    pub removed: u64,
}

/// What is to be done with a letter.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    Redact(Vec<u8>),
    Remove,
}

/// Goes through every dead-letter queue. Safe to repeat.
///
/// # Errors
/// When a queue is in use, or the broker does not answer; what was done until then is done.
pub async fn erase(letters: &DeadLetters, organization: &str, person: &Person) -> anyhow::Result<Erased> {
    for queue in WORK_QUEUES {
        let half_done = letters.depth(&replay_queue(queue.name)).await?;
        ensure!(
            half_done.is_none_or(|depth| depth.messages == 0),
            "a replay of {} was interrupted: leadwire dlq replay --queue {} --resume, then erase again",
            queue.name,
            queue.name
        );
    }
    let mut erased = Erased::default();
    for queue in queues() {
        if letters.depth(&queue).await?.is_none() {
            continue;
        }
        let held = lock(letters, &queue).await?;
        let mut walk = letters.walk(&queue).await?;
        let bar = progress::bar(walk.left().into(), "looking for the person");
        let (mut redacted, mut removed) = (Vec::new(), Vec::new());
        loop {
            let next = walk.next().await?;
            bar.inc(1);
            let end = next.is_none();
            if let Some(letter) = next {
                match verdict(&letter, organization, person) {
                    Verdict::Keep => {}
                    Verdict::Redact(payload) => redacted.push((letter, payload)),
                    Verdict::Remove => removed.push(letter),
                }
            }
            if end || redacted.len() + removed.len() >= BATCH || walk.is_full() {
                settle(&mut walk, &mut redacted, &mut removed, &mut erased).await?;
            }
            if end {
                break;
            }
        }
        walk.finish().await?;
        bar.finish_and_clear();
        held.release().await?;
    }
    Ok(erased)
}

async fn settle(
    walk: &mut Walk,
    redacted: &mut Vec<(DeadLetter, Vec<u8>)>,
    removed: &mut Vec<DeadLetter>,
    erased: &mut Erased,
) -> anyhow::Result<()> {
    erased.redacted += u64::try_from(redacted.len())?;
    erased.removed += u64::try_from(removed.len())?;
    walk.remove(removed).await?;
    removed.clear();
    if !redacted.is_empty() {
        walk.replace(std::mem::take(redacted)).await?;
    }
    Ok(())
}

fn verdict(letter: &DeadLetter, organization: &str, person: &Person) -> Verdict {
    if letter.text("tenant-id").is_some_and(|tenant| tenant != organization) {
        return Verdict::Keep;
    }
    of_payload(&letter.payload(), organization, person)
}

fn of_payload(payload: &[u8], organization: &str, person: &Person) -> Verdict {
    let Ok(mut document) = serde_json::from_slice::<Value>(payload) else {
        let text = Value::String(String::from_utf8_lossy(payload).into_owned());
        return if person.is_in(&text) { Verdict::Remove } else { Verdict::Keep };
    };
    let left = match &mut document {
        Value::Array(events) => {
            let mut left = Left::Same;
            events.retain_mut(|event| {
                let of_event = strip(event, organization, person);
                if of_event != Left::Same {
                    left = Left::Less;
                }
                of_event != Left::Nothing
            });
            if left == Left::Less && events.is_empty() { Left::Nothing } else { left }
        }
        event => strip(event, organization, person),
    };
    match left {
        Left::Same => Verdict::Keep,
        Left::Less => Verdict::Redact(document.to_string().into_bytes()),
        Left::Nothing => Verdict::Remove,
    }
}

/// What is left of an event, or of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Same,
    Less,
    Nothing,
}

fn strip(event: &mut Value, organization: &str, person: &Person) -> Left {
    if event["tenantid"].as_str().is_some_and(|tenant| tenant != organization) {
        return Left::Same;
    }
    let mut left = Left::Same;
    let data = event.get("data").filter(|_| event["tenantid"].is_string());
    if let Some(data) = data.and_then(|data| person.redacted_event(data)) {
        event["data"] = data;
        left = Left::Less;
    }
    // No event after all, or one with the person in its envelope.
    if person.is_in(event) { Left::Nothing } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict_of(document: &Value) -> Verdict {
        let person = Person::new(Some("Grace@example.com"), Some("+15122321234"));
        of_payload(document.to_string().as_bytes(), "acme", &person)
    }

    #[test]
    fn of_an_event_the_envelope_stays_and_the_person_goes() {
        let event = |tenant: &str| json!({"id": "e-1", "tenantid": tenant, "data": {"id": "l-1", "email": "grace@example.com"}});
        let Verdict::Redact(left) = verdict_of(&event("acme")) else { panic!("not redacted") };
        let left: Value = serde_json::from_slice(&left).unwrap();
        assert_eq!(
            left,
            json!({"id": "e-1", "tenantid": "acme", "data": {"id": "l-1", "email": "[erased]"}})
        );
        assert_eq!(verdict_of(&event("other")), Verdict::Keep);
        assert_eq!(verdict_of(&left), Verdict::Keep);
    }

    #[test]
    fn of_a_batch_only_the_events_of_the_person_change() {
        let event = |email: &str| json!({"tenantid": "acme", "data": {"email": email}});
        let batch = json!([event("grace@example.com"), event("ada@example.com")]);
        let Verdict::Redact(left) = verdict_of(&batch) else { panic!("not redacted") };
        let left: Value = serde_json::from_slice(&left).unwrap();
        assert_eq!(left, json!([event("[erased]"), event("ada@example.com")]));
    }

    #[test]
    fn what_has_to_go_altogether_takes_nothing_else_of_its_batch_along() {
        let of = |subject: &str| json!({"tenantid": "acme", "subject": subject, "data": {"id": "l-1"}});
        let (named, other) = (of("grace@example.com"), of("leads/l-1"));
        let Verdict::Redact(left) = verdict_of(&json!([named, other])) else { panic!("not redacted") };
        assert_eq!(serde_json::from_slice::<Value>(&left).unwrap(), json!([other]));
        assert_eq!(verdict_of(&json!([named, named])), Verdict::Remove);
        assert_eq!(verdict_of(&json!([])), Verdict::Keep);
    }

    #[test]
    fn what_is_no_event_and_has_the_person_in_it_is_deleted() {
        assert_eq!(verdict_of(&json!({"to": "grace@example.com"})), Verdict::Remove);
        assert_eq!(verdict_of(&json!({"to": "ada@example.com"})), Verdict::Keep);
        let person = Person::new(None, Some("+15122321234"));
        assert_eq!(of_payload(b"{\"phone\": \"+1 512 232 1234", "acme", &person), Verdict::Remove);
        assert_eq!(of_payload(&[0xff, 0xfe], "acme", &person), Verdict::Keep);
    }
}
