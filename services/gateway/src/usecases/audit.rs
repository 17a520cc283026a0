//! What is done elsewhere and noted here, and reading what was noted.

use super::change::Origin;
use crate::domain::audit::{Entry, EntryFilter, named};
use crate::domain::client::Paging;
use crate::state::State;
use crate::store::audit_log;
use contracts::identity::Principal;
use contracts::ids::OrganizationId;
use contracts::internal::AuditEntry;
use platform_pg::{StoreError, begin_reading};

/// Notes what another service or an operator's program says was done.
pub async fn note(state: &State, said: AuditEntry, request_id: String) -> Result<(), StoreError> {
    let now = state.clock.now();
    let entry = Entry {
        id: state.ids.at(now),
        occurred_at: now,
        organization_id: said.organization_id,
        actor: said.actor,
        client_id: None,
        credential_id: None,
        action: said.action,
        target: said.target,
        origin: said.origin,
        request_id: Some(request_id),
        before: said.before,
        after: said.after,
    };
    let mut connection = state.database.acquire().await?;
    audit_log::insert(&mut connection, &entry).await
}

/// Notes a change that another service has made for a caller.
pub async fn note_passed_on(
    state: &State,
    caller: &Principal,
    organization_id: OrganizationId,
    origin: Origin,
    (action, target): (&str, String),
) -> Result<(), StoreError> {
    let entry =
        Entry { action: action.to_owned(), target, ..entry_of(state, caller, organization_id, origin) };
    let mut connection = state.database.acquire().await?;
    audit_log::insert(&mut connection, &entry).await
}

/// What is the same for everything that a caller does in one request.
pub fn entry_of(state: &State, caller: &Principal, organization_id: OrganizationId, origin: Origin) -> Entry {
    let now = state.clock.now();
    Entry {
        id: state.ids.at(now),
        occurred_at: now,
        organization_id: Some(organization_id),
        actor: named("client", caller.client_id),
        client_id: Some(caller.client_id),
        credential_id: Some(caller.credential.id),
        action: String::new(),
        target: String::new(),
        origin: Some(origin.address.to_string()),
        request_id: Some(origin.request_id),
        before: None,
        after: None,
    }
}

/// A page of the log, and how many entries there are. That the caller is an administrator has been checked.
pub async fn read_audit_log(
    state: &State,
    filter: &EntryFilter,
    paging: Paging,
) -> Result<(Vec<Entry>, i64), StoreError> {
    let mut transaction = begin_reading(&state.database).await?;
    audit_log::list(&mut transaction, filter, paging).await
}
