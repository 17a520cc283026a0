//! Finding whom the events of a write mean, and making those that are new.

use crate::domain::actor::Actor;
use crate::domain::event::Rejection;
use crate::domain::roster::Roster;
use crate::state::State;
use crate::store::workers;
use crate::usecases::once::Application;
use chrono::{DateTime, Utc};
use contracts::ids::WorkerId;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::HashMap;

/// The workers of actors, in their order, and the roster that they are in.
#[derive(Debug)]
pub struct Found {
    pub workers: Vec<Result<WorkerId, Rejection>>,
    pub roster: Roster,
}

/// Looks everybody up in one statement. Only when somebody is new, or something new is learned of somebody, the
/// organisation's workers are locked and looked up again: then it is certain who exists and how much room the plan
/// has, until this transaction ends.
pub async fn find_workers(
    state: &State,
    connection: &mut PgConnection,
    application: &Application,
    actors: &[&Actor],
    now: DateTime<Utc>,
) -> Result<Found, StoreError> {
    let organization = application.principal.organization.id;
    let integration = application.integration();
    let found = look_up(state, connection, application, actors, now, None).await?;
    if found.roster.changes().is_empty() {
        return Ok(found);
    }
    let existing = workers::lock(connection, organization).await?;
    let room = application.facts.max_workers.map(|most| most - existing);
    let found = look_up(state, connection, application, actors, now, room).await?;
    let changes = found.roster.changes();
    if !changes.is_empty() {
        workers::apply(connection, organization, &integration, changes, &found.roster, now).await?;
    }
    Ok(found)
}

async fn look_up(
    state: &State,
    connection: &mut PgConnection,
    application: &Application,
    actors: &[&Actor],
    now: DateTime<Utc>,
    room: Option<i64>,
) -> Result<Found, StoreError> {
    let integration = application.integration();
    let mut roster = Roster::new(&integration, room);
    let organization = application.principal.organization.id;
    // A batch speaks of the same people again and again.
    let (mut places, mut distinct) = (HashMap::new(), Vec::new());
    let mut place_of = |actor| {
        *places.entry(actor).or_insert_with(|| {
            distinct.push(actor);
            distinct.len() - 1
        })
    };
    let actors: Vec<usize> = actors.iter().map(|actor| place_of(*actor)).collect();
    workers::enter_known(connection, organization, &integration, distinct.iter().copied(), &mut roster)
        .await?;
    let mut found: Vec<Option<WorkerId>> = vec![None; distinct.len()];
    let mut find = |place: usize| {
        if let Some(worker) = found[place] {
            return Ok(worker);
        }
        let worker = roster.find_or_make(distinct[place], || WorkerId::new(state.ids.at(now)))?;
        found[place] = Some(worker);
        Ok(worker)
    };
    let workers = actors.into_iter().map(&mut find).collect();
    Ok(Found { workers, roster })
}
