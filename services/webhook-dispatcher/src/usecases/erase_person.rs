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
    let left = person.redacted_event(&data)?;
    Some(StoredEvent { id: event.id, payload: left.to_string().into_bytes() })
}

fn ids(events: &[StoredEvent]) -> Vec<Uuid> {
    events.iter().map(|event| event.id.as_uuid()).collect()
}
