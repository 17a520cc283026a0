//! Table `automation_runs`.

use crate::domain::definition::{Step, Trigger};
use crate::domain::run::{Run, RunReport, RunState, WholeRun};
use chrono::{DateTime, Utc};
use contracts::crm::ObjectId;
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// An automation that an event sets off.
#[derive(Clone, Debug)]
pub struct Triggered {
    pub automation_id: ObjectId,
    pub steps: Value,
}

/// The active automations of an organisation with a trigger.
///
/// # Errors
/// When the database is unavailable.
pub async fn triggered(
    connection: &mut PgConnection,
    organization: OrganizationId,
    trigger: Trigger,
) -> Result<Vec<Triggered>, StoreError> {
    let rows = sqlx::query!(
        "select id, steps from automations where organization_id = $1 and trigger_type = $2 and active order by id",
        organization.as_uuid(),
        trigger.as_str()
    )
    .fetch_all(connection)
    .await?;
    let triggered = rows
        .into_iter()
        .filter_map(|row| Some(Triggered { automation_id: row.id.parse().ok()?, steps: row.steps }));
    Ok(triggered.collect())
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    pub id: Uuid,
    pub organization: OrganizationId,
    pub automation_id: ObjectId,
    pub event_id: EventId,
    pub event_type: &'a str,
    pub subject: &'a str,
    pub depth: i32,
    pub data: &'a Value,
    pub steps: &'a Value,
    /// Why it is not to be run at all.
    pub error: Option<&'a str>,
    pub now: DateTime<Utc>,
}

/// Inserts a run, unless the automation has one for this event.
///
/// # Errors
/// When the database is unavailable.
pub async fn insert(connection: &mut PgConnection, new: &NewRun<'_>) -> Result<bool, StoreError> {
    let state = if new.error.is_some() { RunState::DeadLetter } else { RunState::Pending };
    let inserted = sqlx::query!(
        "insert into automation_runs (organization_id, id, automation_id, event_id, event_type, subject, depth, data,
             steps, state, position, attempts, next_at, error, log, created_at, finished_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $11::timestamptz, $12, '[]', $11::timestamptz,
             case when $12::text is null then null else $11::timestamptz end)
         on conflict (organization_id, automation_id, event_id) do nothing",
        new.organization.as_uuid(),
        new.id,
        new.automation_id.to_string(),
        new.event_id.as_uuid(),
        new.event_type,
        new.subject,
        new.depth,
        new.data,
        new.steps,
        state.as_str(),
        new.now,
        new.error
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

struct RunRow {
    organization_id: Uuid,
    id: Uuid,
    automation_id: String,
    event_id: Uuid,
    event_type: String,
    subject: String,
    depth: i32,
    data: Value,
    steps: Value,
    position: i32,
    attempts: i32,
    waiting_since: Option<DateTime<Utc>>,
}

impl RunRow {
    /// Steps were checked before they were stored. A run whose steps a newer version wrote is left to that version.
    fn into_run(self) -> Option<Run> {
        let steps: Vec<Step> = serde_json::from_value(self.steps).ok()?;
        Some(Run {
            organization: OrganizationId::new(self.organization_id),
            id: self.id,
            automation_id: self.automation_id.parse().ok()?,
            event_id: EventId::new(self.event_id),
            event_type: self.event_type,
            subject: self.subject,
            depth: self.depth,
            data: self.data,
            steps,
            position: self.position,
            attempts: self.attempts,
            waiting_since: self.waiting_since,
        })
    }
}

/// Takes runs that are due and that nobody is at, under a token, until a time.
///
/// # Errors
/// When the database is unavailable.
pub async fn take(
    pool: &PgPool,
    token: Uuid,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    most: i64,
) -> Result<Vec<Run>, StoreError> {
    let rows = sqlx::query_as!(
        RunRow,
        "update automation_runs as run set lease = $1, leased_until = $3
         from (
             select organization_id, id from automation_runs
             where state = 'pending' and next_at <= $2 and (leased_until is null or leased_until <= $2)
             order by next_at limit $4 for update skip locked
         ) as due
         where run.organization_id = due.organization_id and run.id = due.id
         returning run.organization_id, run.id, automation_id, event_id, event_type, subject, depth, data, steps,
             position, attempts, waiting_since",
        token,
        now,
        until,
        most
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().filter_map(RunRow::into_run).collect())
}

/// Locks a run for its next step. False when it is no longer this token's, or not at this step.
///
/// # Errors
/// When the database is unavailable.
pub async fn hold(connection: &mut PgConnection, run: &Run, token: Uuid) -> Result<bool, StoreError> {
    let held = sqlx::query_scalar!(
        "select id from automation_runs
         where organization_id = $1 and id = $2 and lease = $3 and position = $4 and state = 'pending' for update",
        run.organization.as_uuid(),
        run.id,
        token,
        run.position
    )
    .fetch_optional(connection)
    .await?;
    Ok(held.is_some())
}

/// Where a run is after a step.
#[derive(Clone, Debug)]
pub struct Settled<'a> {
    pub state: RunState,
    pub position: i32,
    pub attempts: i32,
    pub next_at: DateTime<Utc>,
    /// `None`: others may take it when it is due.
    pub leased_until: Option<DateTime<Utc>>,
    pub error: Option<&'a str>,
    pub waiting_since: Option<DateTime<Utc>>,
    /// What is added to the log.
    pub entry: Option<Value>,
    pub now: DateTime<Utc>,
}

/// Writes what came of a step, in the transaction of its effect.
///
/// # Errors
/// When the database is unavailable.
pub async fn settle(
    connection: &mut PgConnection,
    run: &Run,
    settled: &Settled<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update automation_runs set state = $3, position = $4, attempts = $5, next_at = $6, leased_until = $7,
             lease = case when $7::timestamptz is null then null else lease end, error = $8, log = log || $9,
             finished_at = case when $3 = 'pending' then null else $10::timestamptz end, waiting_since = $11
         where organization_id = $1 and id = $2",
        run.organization.as_uuid(),
        run.id,
        settled.state.as_str(),
        settled.position,
        settled.attempts,
        settled.next_at,
        settled.leased_until,
        settled.error,
        settled.entry.iter().cloned().collect::<Value>(),
        settled.now,
        settled.waiting_since
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The runs of an automation, all or those in a state, newest first, and how many there are.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    organization: OrganizationId,
    automation: ObjectId,
    state: Option<RunState>,
    limit: i64,
    offset: i64,
) -> Result<(Vec<RunReport>, i64), StoreError> {
    let state = state.map(RunState::as_str);
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from automation_runs
           where organization_id = $1 and automation_id = $2 and ($3::text is null or state = $3)"#,
        organization.as_uuid(),
        automation.to_string(),
        state
    )
    .fetch_one(&mut *connection)
    .await?;
    let runs = sqlx::query_as!(
        RunReport,
        r#"select id, event_id, event_type, subject, state, position,
               jsonb_array_length(steps)::bigint as "steps_count!", attempts, depth, error, waiting_since, log, created_at,
               next_at, finished_at
           from automation_runs
           where organization_id = $1 and automation_id = $2 and ($3::text is null or state = $3)
           order by created_at desc, id desc limit $4 offset $5"#,
        organization.as_uuid(),
        automation.to_string(),
        state,
        limit,
        offset
    )
    .fetch_all(connection)
    .await?;
    Ok((runs, total))
}

/// A run of an automation.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    organization: OrganizationId,
    automation: ObjectId,
    run: Uuid,
) -> Result<Option<WholeRun>, StoreError> {
    let row = sqlx::query!(
        r#"select id, event_id, event_type, subject, state, position,
               jsonb_array_length(steps)::bigint as "steps_count!", attempts, depth, error, waiting_since, log, created_at,
               next_at, finished_at, steps, data
           from automation_runs where organization_id = $1 and automation_id = $2 and id = $3"#,
        organization.as_uuid(),
        automation.to_string(),
        run
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| WholeRun {
        report: RunReport {
            id: row.id,
            event_id: row.event_id,
            event_type: row.event_type,
            subject: row.subject,
            state: row.state,
            position: row.position,
            steps_count: row.steps_count,
            attempts: row.attempts,
            depth: row.depth,
            error: row.error,
            waiting_since: row.waiting_since,
            log: row.log,
            created_at: row.created_at,
            next_at: row.next_at,
            finished_at: row.finished_at,
        },
        steps: row.steps,
        data: row.data,
    }))
}

/// Lets a dead letter of an automation go on at the step where it died. False when there is none of this id.
///
/// # Errors
/// When the database is unavailable.
pub async fn revive(
    pool: &PgPool,
    organization: OrganizationId,
    automation: ObjectId,
    run: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let revived = sqlx::query!(
        "update automation_runs set state = 'pending', attempts = 0, next_at = $4, error = null, finished_at = null,
             waiting_since = null, lease = null, leased_until = null
         where organization_id = $1 and automation_id = $2 and id = $3 and state = 'dead_letter'",
        organization.as_uuid(),
        automation.to_string(),
        run,
        now
    )
    .execute(pool)
    .await?;
    Ok(revived.rows_affected() == 1)
}

/// Deletes runs that were finished before a time, up to `most` of them.
///
/// # Errors
/// When the database is unavailable.
pub async fn purge(pool: &PgPool, before: DateTime<Utc>, most: i64) -> Result<u64, StoreError> {
    let purged = sqlx::query!(
        "delete from automation_runs where (organization_id, id) in (
             select organization_id, id from automation_runs where finished_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(pool)
    .await?;
    Ok(purged.rows_affected())
}
