//! Running the conformance cases of the standard through the real engine, away from everything that is stored, and
//! keeping the report.

use crate::domain::listing::{Kept, Wanted};
use crate::domain::rehearsal::rehearse;
use crate::state::State;
use crate::store::{organizations, reports};
use crate::usecases::find_receiver::find_receiver;
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::ids::OrganizationId;
use lex::conformance::{self, Outcome, Selected, Summary};
use lex::{Level, certificate};
use platform_pg::StoreError;
use serde_json::{Value, json};

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Run {
    pub organization_id: OrganizationId,
    /// Under which the organisation is certified.
    pub lex_id: String,
    pub level: Level,
    /// `None`: all of the level.
    pub cases: Option<Vec<String>>,
}

/// Runs the cases and keeps the report, which is answered.
pub async fn run_conformance(state: &State, run: &Run) -> Result<Value, StoreError> {
    let now = state.clock.now();
    let mut results = Vec::new();
    let mut shown = Vec::new();
    for selected in conformance::select(run.level, run.cases.as_deref()) {
        let began = state.clock.now();
        let result = match selected {
            Selected::Run(case) => rehearse(case, now),
            Selected::Skip(result) => result,
        };
        let duration = (state.clock.now() - began).num_milliseconds();
        shown.push(json!({
            "testCaseId": result.id, "status": result.status.as_str(), "durationMs": duration,
            "errors": result.errors,
        }));
        results.push(result);
    }
    let summary = Summary::of(run.level, &results);
    let mut connection = state.database.acquire().await?;
    let number = reports::next_number(&mut connection).await?;
    let session_id = format!("CONF-{}-{number:04}", now.format("%Y"));
    let mut report = json!({
        "sessionId": session_id,
        "organizationId": run.lex_id,
        "targetLevel": run.level.number(),
        "runAt": time(now),
        "result": summary.outcome.as_str(),
        "passCount": summary.pass_count,
        "failCount": summary.fail_count,
        "warnCount": summary.warn_count,
        "testResults": shown,
    });
    if summary.outcome == Outcome::Pass {
        let key = &state.rules.signing_key[..];
        report["certificationToken"] = certificate::issue(key, run.level.number(), &run.lex_id, now).into();
    }
    reports::insert(&mut connection, run.organization_id, &session_id, now, &report).await?;
    Ok(report)
}

/// A report of the caller's organisation.
pub async fn find_report(
    state: &State,
    organization_id: OrganizationId,
    session_id: &str,
) -> Result<Option<Value>, StoreError> {
    let mut connection = state.database.acquire().await?;
    reports::find(&mut connection, organization_id, session_id).await
}

/// Reports of an organisation, newest first, and whether there are more.
pub async fn list_reports(
    state: &State,
    organization_id: OrganizationId,
    wanted: &Wanted,
    limit: usize,
) -> Result<(Vec<Kept>, bool), StoreError> {
    let mut connection = state.database.acquire().await?;
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut reports = reports::list(&mut connection, organization_id, wanted, one_more).await?;
    let has_more = reports.len() > limit;
    reports.truncate(limit);
    Ok((reports, has_more))
}

/// Under which of its LEX ids an organisation is certified: the one that is named, or its first. `None` when it has
/// no such.
pub async fn certified_name(
    state: &State,
    organization_id: OrganizationId,
    named: Option<&str>,
) -> Result<Option<String>, StoreError> {
    if let Some(name) = named {
        let receiver = find_receiver(state, Some(name)).await?;
        let is_own = receiver.party().is_some_and(|party| party.organization_id == organization_id);
        return Ok(is_own.then(|| name.to_owned()));
    }
    let mut connection = state.database.acquire().await?;
    Ok(organizations::names(&mut connection, organization_id).await?.into_iter().next())
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
