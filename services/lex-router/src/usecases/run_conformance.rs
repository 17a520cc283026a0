//! Running the conformance cases of the standard through the real engine, away from everything that is stored, and
//! keeping the report.

use crate::domain::rehearsal::rehearse;
use crate::state::State;
use crate::store::reports;
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

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
