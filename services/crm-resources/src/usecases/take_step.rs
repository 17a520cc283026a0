//! One step of a run: its effect and its place in the run are one transaction. Only an http request lies outside; it
//! carries an id that is the same at every attempt.

use super::convert_lead::convert;
use super::write::{Write, WriteError};
use crate::domain::definition::{Step, delay};
use crate::domain::expression::{self, ExpressionError};
use crate::domain::run::{LONGEST_WAIT, MOST_ATTEMPTS, Outcome, Run, RunState};
use crate::domain::{customer, fields, lead};
use crate::state::State;
use crate::store::runs::{self, Settled};
use chrono::TimeDelta;
use contracts::crm::{Customer, Lead, ObjectId};
use platform::Violation;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Takes the next step of a run that is held under a token. The answer is the run with the step after that, if that
/// one is due now and the run is still held. `hold_on` is false when the process is about to end.
pub async fn take_step(
    state: &State,
    run: Run,
    token: Uuid,
    hold_on: bool,
) -> Result<Option<Run>, WriteError> {
    let Some(step) = run.step().cloned() else { return Ok(None) };
    // No transaction is held while others are waited for.
    let sent = match &step {
        Step::HttpRequest { url, body } => Some(state.requests.send(&run, url, body).await),
        _ => None,
    };
    let mut write = Write::of(state, run.organization, Some(run.cause())).await?;
    if !runs::hold(write.connection(), &run, token).await? {
        return Ok(None);
    }
    let outcome = match sent {
        Some(outcome) => outcome,
        None => match perform(&mut write, &run, &step).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let outcome = failed(error)?;
                // What was done of the step is undone.
                write = Write::of(state, run.organization, Some(run.cause())).await?;
                if !runs::hold(write.connection(), &run, token).await? {
                    return Ok(None);
                }
                outcome
            }
        },
    };
    let lease = hold_on.then_some(state.lease);
    let next = settle(&mut write, &run, &step, outcome, lease).await?;
    write.commit().await?;
    Ok(next)
}

/// Writes what came of a step. With a lease the run is held for the next one.
async fn settle(
    write: &mut Write<'_>,
    run: &Run,
    step: &Step,
    outcome: Outcome,
    lease: Option<TimeDelta>,
) -> Result<Option<Run>, WriteError> {
    let now = write.now();
    let attempt = run.attempts + 1;
    let waiting_since = match &outcome {
        Outcome::Later { error: Some(_), .. } => Some(run.waiting_since.unwrap_or(now)),
        Outcome::Later { error: None, .. } => run.waiting_since,
        _ => None,
    };
    let has_waited = waiting_since.is_some_and(|since| now - since >= LONGEST_WAIT);
    let outcome = match outcome {
        Outcome::Again(error) if attempt >= MOST_ATTEMPTS => Outcome::Dead(error),
        Outcome::Later { error: Some(error), .. } if has_waited => Outcome::Dead(error),
        outcome => outcome,
    };
    let last = usize::try_from(run.position + 1).is_ok_and(|next| next >= run.steps.len());
    let (state, word, error, next_at) = match &outcome {
        Outcome::Done if last => (RunState::Completed, "done", None, now),
        Outcome::Done => (RunState::Pending, "done", None, now),
        Outcome::DoneUntil(time) if last => (RunState::Completed, "done", None, *time),
        Outcome::DoneUntil(time) => (RunState::Pending, "done", None, *time),
        Outcome::Stopped => (RunState::Completed, "stopped", None, now),
        Outcome::Again(error) => (RunState::Pending, "failed", Some(error.as_str()), now + run.pause()),
        Outcome::Later { until, error } => (RunState::Pending, "waiting", error.as_deref(), *until),
        Outcome::Dead(error) => (RunState::DeadLetter, "dead_letter", Some(error.as_str()), now),
    };
    let held = lease.filter(|_| state == RunState::Pending && outcome == Outcome::Done);
    let moved = matches!(outcome, Outcome::Done | Outcome::DoneUntil(_));
    let attempts = match outcome {
        Outcome::Done | Outcome::DoneUntil(_) => 0,
        Outcome::Later { .. } => run.attempts,
        Outcome::Stopped | Outcome::Again(_) | Outcome::Dead(_) => attempt,
    };
    let mut entry = json!({
        "position": run.position, "step": step.name(), "attempt": attempt, "outcome": word, "at": now,
    });
    if let Some(error) = error {
        entry["error"] = error.into();
    }
    // However long it waits, the log says so once.
    let is_news = !matches!(outcome, Outcome::Later { .. }) || waiting_since != run.waiting_since;
    let settled = Settled {
        state,
        position: run.position + i32::from(moved),
        attempts,
        next_at,
        leased_until: held.map(|lease| now + lease),
        error,
        waiting_since,
        entry: is_news.then_some(entry),
        now,
    };
    runs::settle(write.connection(), run, &settled).await?;
    metrics::counter!("leadwire_automation_steps_total", "step" => step.name(), "outcome" => word)
        .increment(1);
    let next = || Run { position: settled.position, attempts: 0, waiting_since: None, ..run.clone() };
    Ok(held.map(|_| next()))
}

async fn perform(write: &mut Write<'_>, run: &Run, step: &Step) -> Result<Outcome, WriteError> {
    match step {
        Step::Condition { expression } => Ok(match expression::holds(expression, &run.data) {
            Ok(true) => Outcome::Done,
            Ok(false) => Outcome::Stopped,
            Err(error) => Outcome::Dead(format!("the condition {error}")),
        }),
        Step::UpdateLead(changes) => {
            let changes = filled(changes, run)?;
            edit_lead(write, run, |lead| fields::edit(&json!({"data": changes}), lead::read, lead)).await
        }
        Step::SetMetadata(members) => {
            let added = filled_texts(members, run)?;
            edit_lead(write, run, |lead| {
                let mut all = lead.metadata.clone();
                all.extend(added.clone());
                fields::edit(&json!({"data": {"metadata": all}}), lead::read, lead)
            })
            .await
        }
        Step::ConvertLead {} => {
            let lead = write.lock::<Lead>(subject(run)?).await?;
            convert(write, lead).await?;
            Ok(Outcome::Done)
        }
        Step::CreateCustomer(members) => {
            let mut new = Customer::default();
            let violations = fields::edit(&json!({"data": filled(members, run)?}), customer::read, &mut new);
            if !violations.is_empty() {
                return Err(WriteError::Invalid(violations));
            }
            write.create(new).await?;
            Ok(Outcome::Done)
        }
        Step::EmitEvent { kind, data } => {
            let data = filled(data, run)?;
            write.emit(&run.automation_id.to_string(), kind, data)?;
            Ok(Outcome::Done)
        }
        Step::Delay { time } => {
            Ok(Outcome::DoneUntil(write.now() + delay(time).unwrap_or_else(TimeDelta::zero)))
        }
        // It is sent before the transaction.
        Step::HttpRequest { .. } => Ok(Outcome::Done),
    }
}

async fn edit_lead(
    write: &mut Write<'_>,
    run: &Run,
    edit: impl Fn(&mut Lead) -> Vec<Violation>,
) -> Result<Outcome, WriteError> {
    let before = write.lock::<Lead>(subject(run)?).await?;
    let mut fields = before.record.fields.clone();
    let violations = edit(&mut fields);
    if !violations.is_empty() {
        return Err(WriteError::Invalid(violations));
    }
    write.update(before, fields).await?;
    Ok(Outcome::Done)
}

fn subject(run: &Run) -> Result<ObjectId, WriteError> {
    run.subject.parse().map_err(|_none| WriteError::NotFound)
}

fn filled(members: &Map<String, Value>, run: &Run) -> Result<Map<String, Value>, WriteError> {
    expression::fill_map(members, &run.data).map_err(|error| no_value(&error))
}

fn filled_texts(
    members: &BTreeMap<String, String>,
    run: &Run,
) -> Result<BTreeMap<String, String>, WriteError> {
    let fill = |text: &String| match expression::fill(&Value::String(text.clone()), &run.data) {
        Ok(Value::String(text)) => Ok(text),
        Ok(other) => Ok(other.to_string()),
        Err(error) => Err(no_value(&error)),
    };
    members.iter().map(|(name, text)| Ok((name.clone(), fill(text)?))).collect()
}

fn no_value(error: &ExpressionError) -> WriteError {
    WriteError::Invalid(vec![Violation::new("template", error.to_string())])
}

/// What becomes of a step that was not done. An error when the database is to blame: the run stays as it is and is
/// taken again.
fn failed(error: WriteError) -> Result<Outcome, WriteError> {
    match error {
        WriteError::NotFound => Ok(Outcome::Dead("the lead is gone".to_owned())),
        WriteError::Invalid(violations) => {
            let lines: Vec<_> = violations
                .iter()
                .map(|violation| format!("{} {}", violation.path, violation.message))
                .collect();
            Ok(Outcome::Dead(lines.join("; ")))
        }
        WriteError::Store(error) if error.is_unavailable() => Err(WriteError::Store(error)),
        other => {
            tracing::warn!(error = %other, "a step of an automation failed");
            Ok(Outcome::Again("an unexpected error occurred".to_owned()))
        }
    }
}
