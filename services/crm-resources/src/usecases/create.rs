//! Making a resource.

use super::write::{ATTEMPTS, Answer, Begun, Once, Render, Write, WriteError};
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
    let mut attempt = 1;
    loop {
        match create_now(state, caller, once, fields.clone(), render).await {
            Err(error) if error.is_race() && attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

async fn create_now<T: Table>(
    state: &State,
    caller: &Principal,
    once: Option<&Once>,
    fields: T,
    render: Render<T>,
) -> Result<Answer, WriteError> {
    let mut write = match Write::by(state, caller, once).await? {
        Begun::Fresh(write) => write,
        Begun::Replay(answer) => return Ok(answer),
    };
    let made = write.create(fields).await?;
    write.answer(201, &made, render).await
}
