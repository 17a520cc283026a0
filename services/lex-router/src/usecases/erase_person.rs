//! Forgetting a person: in messages, in leads, and in events that have not left yet.

use crate::domain::person::{Person, stripped};
use crate::state::State;
use crate::store::erasure;
use contracts::ids::OrganizationId;
use lex::Message;
use platform_pg::StoreError;
use std::collections::HashSet;
use uuid::Uuid;

/// Strips what an organisation sent about a person, part by part, and says how many records it were. Each part is a
/// transaction of its own: what breaks off is finished by a repetition.
pub async fn erase_person(
    state: &State,
    organization: OrganizationId,
    person: &Person,
) -> Result<u64, StoreError> {
    let leads = leads_of(state, organization, person).await?;
    if leads.is_empty() {
        return Ok(0);
    }
    let wanted: Vec<String> = leads.iter().cloned().collect();
    let mut records = strip_messages(state, organization, &wanted).await?;
    let mut transaction = state.database.begin().await?;
    records += erasure::strip_leads(&mut transaction, organization, &wanted).await?;
    records += erasure::strip_events(&mut transaction, organization, stripped, &leads).await?;
    transaction.commit().await?;
    Ok(records)
}

/// The leads whose customer the person is.
async fn leads_of(
    state: &State,
    organization: OrganizationId,
    person: &Person,
) -> Result<HashSet<String>, StoreError> {
    let mut connection = state.database.acquire().await?;
    let (mut leads, mut after) = (HashSet::new(), Uuid::nil());
    loop {
        let page = erasure::page(&mut connection, organization, after, None).await?;
        let Some(last) = page.last() else { return Ok(leads) };
        after = last.id;
        leads.extend(page.into_iter().filter_map(|looked| {
            let message = Message::from_json(looked.document.as_bytes()).ok()?;
            looked.lead_id.filter(|_| person.is_customer_of(&message))
        }));
    }
}

async fn strip_messages(
    state: &State,
    organization: OrganizationId,
    leads: &[String],
) -> Result<u64, StoreError> {
    let (mut records, mut after) = (0, Uuid::nil());
    loop {
        let mut transaction = state.database.begin().await?;
        let page = erasure::page(&mut transaction, organization, after, Some(leads)).await?;
        let Some(last) = page.last() else { return Ok(records) };
        after = last.id;
        for looked in &page {
            let message = Message::from_json(looked.document.as_bytes()).ok();
            let bare = message.as_ref().and_then(stripped).map(|bare| bare.to_json());
            if let Some(bare) = bare.and_then(|bare| String::from_utf8(bare).ok()) {
                erasure::replace(&mut transaction, organization, looked.id, &bare).await?;
                records += 1;
            }
        }
        transaction.commit().await?;
    }
}
