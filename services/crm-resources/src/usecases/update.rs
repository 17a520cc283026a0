//! Changing a resource.

use super::write::{Answer, Begun, Once, Render, Write, WriteError, anew};
use crate::domain::precondition::Precondition;
use crate::state::State;
use crate::store::Table;
use contracts::crm::ObjectId;
use contracts::identity::Principal;
use platform::Violation;

/// A change that a caller asks for.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub id: ObjectId,
    pub once: Option<&'a Once>,
    pub precondition: &'a Precondition,
}

/// Applies `edit` to the resource as it is and answers 200 with it, or what was answered before.
pub async fn update<T: Table>(
    state: &State,
    caller: &Principal,
    change: Change<'_>,
    edit: impl Fn(&mut T) -> Vec<Violation>,
    render: Render<T>,
) -> Result<Answer, WriteError> {
    anew(async || update_now(state, caller, change, &edit, render).await).await
}

async fn update_now<T: Table>(
    state: &State,
    caller: &Principal,
    change: Change<'_>,
    edit: &impl Fn(&mut T) -> Vec<Violation>,
    render: Render<T>,
) -> Result<Answer, WriteError> {
    let mut write = match Write::by(state, caller, change.once).await? {
        Begun::Fresh(write) => write,
        Begun::Replay(answer) => return Ok(answer),
    };
    let before = write.lock::<T>(change.id).await?;
    if !change.precondition.holds(before.version) {
        return Err(WriteError::PreconditionFailed);
    }
    let mut fields = before.record.fields.clone();
    let violations = edit(&mut fields);
    if !violations.is_empty() {
        return Err(WriteError::Invalid(violations));
    }
    let after = write.update(before, fields).await?;
    write.answer(200, &after, render).await
}
