//! Forgetting a person: in stored events, and in what receivers have answered.

use crate::domain::person::Person;
use crate::state::State;
use crate::store::erasure::{self, StoredEvent};
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use serde_json::Value;
use uuid::Uuid;

/// Goes through all events of an organisation, page by page, and says how many records were stripped. The events
/// come last of each page, because they tell whose answers to strip: what breaks off is finished by a repetition.
pub async fn erase_person(
    state: &State,
    organization: OrganizationId,
    person: &Person,
) -> Result<u64, StoreError> {
    let mut records = 0;
    let mut after = EventId::new(Uuid::nil());
    loop {
        let mut connection = state.database.acquire().await?;
        let page = erasure::events_after(&mut connection, organization, after).await?;
        let Some(last) = page.last() else { return Ok(records) };
        after = last.id;
        let redacted: Vec<StoredEvent> = page.iter().filter_map(|event| redacted(event, person)).collect();
        let (events, of_person) = (ids(&page), ids(&redacted));
        let answered = erasure::answered(&mut connection, organization, &events, &of_person, person).await?;
        for key in answered {
            records += erasure::strip_delivery(&mut connection, organization, key).await?;
        }
        records +=
            erasure::strip_attempts(&mut connection, organization, &events, &of_person, person).await?;
        for event in &redacted {
            records += erasure::replace_payload(&mut connection, organization, event).await?;
        }
    }
}

/// What is left of an event, when it speaks of the person.
fn redacted(event: &StoredEvent, person: &Person) -> Option<StoredEvent> {
    let data: Value = serde_json::from_slice(&event.payload).ok()?;
    if !person.is_in(&data) {
        return None;
    }
    let left = if data.pointer("/message/lex").is_some() {
        redacted_message(data, person)
    } else {
        person.redacted(&data)
    };
    Some(StoredEvent { id: event.id, payload: left.to_string().into_bytes() })
}

/// Of a routed LEX message: what it is routed by stays, so that it can still be delivered.
fn redacted_message(mut data: Value, person: &Person) -> Value {
    let Some(message) = data.pointer_mut("/message/lex").and_then(Value::as_object_mut) else { return data };
    for (name, part) in message.iter_mut() {
        if name != "header" || person.is_in(part) {
            *part = person.redacted(part);
        }
    }
    if let Some(notice) = data.get_mut("notice") {
        *notice = person.redacted(notice);
    }
    data
}

fn ids(events: &[StoredEvent]) -> Vec<Uuid> {
    events.iter().map(|event| event.id.as_uuid()).collect()
}
