//! `/v1/conformance/**`: running the standard's cases, and the reports.

use super::caller::{RunsConformance, sender};
use crate::state::State;
use crate::usecases::run_conformance::{Run, find_report, run_conformance};
use actix_web::{HttpResponse, web};
use contracts::FaultCode;
use contracts::identity::Principal;
use lex::Level;
use platform::document::{Violations, email, integer, list, text};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::Value;

/// The longest id of an organisation or a case.
pub const LONGEST: usize = 255;
/// The longest address that mail can be sent to (RFC 5321 §4.5.3.1.3, without the brackets).
const LONGEST_EMAIL: usize = 254;
/// More cases than there are need not be named.
pub const MOST_CASES: usize = 100;

/// 200 with the report; 403 for another organisation.
pub async fn run(
    caller: Caller<RunsConformance>,
    state: web::Data<State>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let run = read(&caller.principal, &document).map_err(Fault::validation)?;
    if !sender(&caller.principal).is(&run.lex_id) {
        return Err(Fault::new(
            FaultCode::Forbidden,
            "organizationId is not an id of the caller's organization",
        )
        .into());
    }
    Ok(HttpResponse::Ok().json(run_conformance(&state, &run).await?))
}

/// 200 with an earlier report of the caller's organisation.
pub async fn report(
    caller: Caller<RunsConformance>,
    state: web::Data<State>,
    session_id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    match find_report(&state, caller.principal.organization.id, &session_id).await? {
        Some(report) => Ok(HttpResponse::Ok().json(report)),
        None => Err(Fault::new(FaultCode::NotFound, "no report found with the given ID").into()),
    }
}

fn read(caller: &Principal, document: &Value) -> Result<Run, Vec<Violation>> {
    let violations = Violations::new();
    let run = violations.root(document).and_then(|root| {
        let lex_id = root.required("organizationId", text(1..=LONGEST)).map(str::to_owned);
        let level = root.required("targetLevel", integer(1..=3));
        root.nullable("contactEmail", email(LONGEST_EMAIL));
        let cases = root.nullable("includeTestCases", list(0..=MOST_CASES, text(1..=LONGEST)));
        let cases: Option<Vec<String>> = cases.map(|cases| cases.into_iter().map(str::to_owned).collect());
        Some(Run {
            organization_id: caller.organization.id,
            lex_id: lex_id?,
            level: level.and_then(|level| Level::from_number(level.unsigned_abs()))?,
            cases,
        })
    });
    violations.finish(run)
}
