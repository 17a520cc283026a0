//! Making a resource.

use super::write::{Answer, Begun, Once, Render, Write, WriteError, anew};
use crate::state::State;
use crate::store::Table;
use contracts::identity::Principal;

/// Stores a resource and answers 201 with it, or what was answered before.
pub async fn create<T: Table>(
    state: &State,
    caller: &Principal,
    once: Option<&Once>,
    fields: T,
    render: Render<T>,
) -> Result<Answer, WriteError> {
    anew(async || {
        let mut write = match Write::by(state, caller, once).await? {
            Begun::Fresh(write) => write,
            Begun::Replay(answer) => return Ok(answer),
        };
        let made = write.create(fields.clone()).await?;
        write.answer(201, &made, render).await
    })
    .await
}
