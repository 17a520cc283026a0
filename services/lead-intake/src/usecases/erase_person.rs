//! Forgetting a person: in leads, and in events that have not left yet.

use super::change_status::{ChangeStatusError, apply_outcomes};
use crate::state::State;
use crate::store::erasure;
use contracts::ids::{LeadId, OrganizationId};
use uuid::Uuid;

/// What a person is known by. Either will do.
#[derive(Clone, Debug)]
pub struct Person {
    /// In lower case.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
}

/// Strips an organisation's records of a person, part by part, and says how many. Each part is a transaction of
/// its own: what breaks off is finished by a repetition.
pub async fn erase_person(
    state: &State,
    organization_id: OrganizationId,
    person: &Person,
) -> Result<u64, ChangeStatusError> {
    let mut records = 0;
    let mut after = Some(LeadId::new(Uuid::nil()));
    while let Some(place) = after {
        let mut transaction = state.database.begin().await?;
        let looked = erasure::find(&mut transaction, organization_id, person, place).await?;
        let mut entries = Vec::new();
        if !looked.hits.is_empty() {
            let waiting = erasure::keep_from_hubspot(&mut transaction, organization_id, &looked.hits).await?;
            records += erasure::strip_leads(&mut transaction, organization_id, &looked.hits).await?;
            records += erasure::strip_events(&mut transaction, organization_id, &looked.hits).await?;
            entries = apply_outcomes(state, &mut transaction, &waiting).await?;
        }
        transaction.commit().await?;
        state.relay.hand_over(entries);
        after = looked.next;
    }
    Ok(records)
}
