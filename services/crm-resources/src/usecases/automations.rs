//! Authoring automations and looking after their runs.

use super::write::{Write, WriteError, anew};
use crate::domain::change::Versioned;
use crate::domain::definition::{Definition, Step};
use crate::domain::run::{RunReport, RunState, WholeRun};
use crate::state::State;
use crate::store::reading::{self, For};
use crate::store::runs::{self, NewRun};
use crate::store::{Table, automations};
use contracts::crm::{Automation, Customer, Lead, ObjectId, Product};
use contracts::ids::{EventId, OrganizationId};
use platform::Violation;
use platform_pg::{StoreError, begin_reading};
use serde_json::Value;
use uuid::Uuid;

/// An automation that was written, and whether it is new.
#[derive(Clone, Debug)]
pub struct Applied {
    pub automation: Versioned<Automation>,
    pub created: bool,
}

/// Makes an automation, or gives the one of this name its new form. Runs that are on their way keep their steps.
pub async fn apply(
    state: &State,
    organization: OrganizationId,
    definition: &Definition,
) -> Result<Applied, WriteError> {
    let violations = state.requests.refusals(definition);
    if !violations.is_empty() {
        return Err(WriteError::Invalid(violations));
    }
    anew(async || apply_now(state, organization, definition).await).await
}

async fn apply_now(
    state: &State,
    organization: OrganizationId,
    definition: &Definition,
) -> Result<Applied, WriteError> {
    let (steps, fields) = (serde_json::to_value(&definition.steps)?, definition.fields());
    let mut write = Write::of(state, organization, None).await?;
    let known = automations::find_by_name(write.connection(), organization, &definition.name).await?;
    let (automation, created) = match known {
        None => (write.create(fields).await?, true),
        Some((id, stored)) => {
            let before = write.lock::<Automation>(id).await?;
            if stored == steps {
                (write.update(before, fields).await?, false)
            } else {
                (write.replace(before, fields).await?, false)
            }
        }
    };
    let trigger = definition.trigger.as_str();
    automations::author(write.connection(), organization, automation.record.id, trigger, &steps).await?;
    write.commit().await?;
    Ok(Applied { automation, created })
}

/// What applying a definition would find: the automation of this name with its steps.
pub async fn find_by_name(
    state: &State,
    organization: OrganizationId,
    name: &str,
) -> Result<Option<(Versioned<Automation>, Value)>, StoreError> {
    let mut moment = begin_reading(&state.database).await?;
    let Some(id) = automations::id_of_name(&mut moment, organization, name).await? else { return Ok(None) };
    let found = reading::find::<Automation>(&mut moment, organization, id, For::Reading).await?;
    let steps = automations::steps(&mut moment, organization, id).await?;
    Ok(found.zip(steps))
}

/// Switches an automation on or off. Runs that are on their way go on.
pub async fn switch(
    state: &State,
    organization: OrganizationId,
    id: ObjectId,
    active: bool,
) -> Result<Versioned<Automation>, WriteError> {
    anew(async || {
        let mut write = Write::of(state, organization, None).await?;
        let before = write.lock::<Automation>(id).await?;
        let fields = Automation { active, ..before.record.fields.clone() };
        let after = write.update(before, fields).await?;
        write.commit().await?;
        Ok(after)
    })
    .await
}

/// The steps of an automation.
pub async fn steps(
    state: &State,
    organization: OrganizationId,
    id: ObjectId,
) -> Result<Option<Value>, StoreError> {
    let mut connection = state.database.acquire().await?;
    automations::steps(&mut connection, organization, id).await
}

/// The runs of an automation, all or those in a state, newest first, and how many there are; `None` when there is no such automation.
pub async fn list_runs(
    state: &State,
    organization: OrganizationId,
    id: ObjectId,
    wanted: Option<RunState>,
    page: i64,
    limit: i64,
) -> Result<Option<(Vec<RunReport>, i64)>, StoreError> {
    let mut transaction = begin_reading(&state.database).await?;
    if automations::steps(&mut transaction, organization, id).await?.is_none() {
        return Ok(None);
    }
    let offset = (page - 1).saturating_mul(limit);
    runs::list(&mut transaction, organization, id, wanted, limit, offset).await.map(Some)
}

/// A run of an automation, with the steps and the data that it began with.
pub async fn find_run(
    state: &State,
    organization: OrganizationId,
    automation: ObjectId,
    run: Uuid,
) -> Result<Option<WholeRun>, StoreError> {
    let mut moment = begin_reading(&state.database).await?;
    runs::find(&mut moment, organization, automation, run).await
}

/// Runs an automation by hand, as if its trigger had been pulled for a resource just now.
pub async fn run_by_hand(
    state: &State,
    organization: OrganizationId,
    id: ObjectId,
    subject: &str,
) -> Result<Uuid, WriteError> {
    let now = state.clock.now();
    let mut transaction = state.database.begin().await?;
    let found = reading::find::<Automation>(&mut transaction, organization, id, For::Reading).await?;
    let automation = found.ok_or(WriteError::NotFound)?.record.fields;
    let steps = automations::steps(&mut transaction, organization, id).await?.ok_or(WriteError::NotFound)?;
    let data = match automation.trigger_type.split('_').next() {
        Some("lead") => data_of::<Lead>(&mut transaction, organization, subject).await?,
        Some("customer") => data_of::<Customer>(&mut transaction, organization, subject).await?,
        _ => data_of::<Product>(&mut transaction, organization, subject).await?,
    };
    let new = NewRun {
        id: state.ids.at(now),
        organization,
        automation_id: id,
        event_id: EventId::new(state.ids.at(now)),
        event_type: "manual",
        subject,
        depth: 1,
        data: &data,
        steps: &steps,
        error: None,
        now,
    };
    runs::insert(&mut transaction, &new).await?;
    transaction.commit().await?;
    state.wake.notify_one();
    Ok(new.id)
}

async fn data_of<T: Table>(
    connection: &mut sqlx::PgConnection,
    organization: OrganizationId,
    subject: &str,
) -> Result<Value, WriteError> {
    let missing = || WriteError::Invalid(vec![Violation::new("subject", "is not there")]);
    let id: ObjectId = subject.parse().map_err(|_none| missing())?;
    let found = reading::find::<T>(connection, organization, id, For::Reading).await?;
    Ok(serde_json::to_value(&found.ok_or_else(missing)?.record)?)
}

/// Lets a dead letter go on. False when there is none of this id.
pub async fn replay_run(
    state: &State,
    organization: OrganizationId,
    automation: ObjectId,
    run: Uuid,
) -> Result<bool, StoreError> {
    let revived = runs::revive(&state.database, organization, automation, run, state.clock.now()).await?;
    if revived {
        state.wake.notify_one();
    }
    Ok(revived)
}

/// Whether an automation sends requests that its receiver must be able to verify.
pub fn sends_requests(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::HttpRequest { .. }))
}
