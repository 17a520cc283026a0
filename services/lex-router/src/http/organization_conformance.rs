//! Conformance runs of an organisation below `/api/v1/organizations/{id}/lex/conformance-reports`, on the platform
//! surface: the list, a report, and a run.

use super::conformance::{LONGEST, MOST_CASES};
use super::organization::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::domain::listing::Wanted;
use crate::state::State;
use crate::usecases::run_conformance::{Run, certified_name, find_report, list_reports, run_conformance};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use contracts::FaultCode;
use contracts::ids::OrganizationId;
use dialects::platform_api::query::{Query, cursor, missing, organization};
use dialects::platform_api::{LeadsRead, LeadsWrite};
use lex::Level;
use platform::document::{Violations, integer, list, text};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};

const RESULTS: [&str; 3] = ["PASS", "FAIL", "PARTIAL"];

/// 200 with a page of reports without their cases, newest first.
pub async fn reports(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let mut query = Query::parse(request.query_string());
    let level = query.parsed("level", "must be 1, 2 or 3", |text| {
        text.parse().ok().filter(|level| (1..=3).contains(level))
    });
    let mut wanted = Wanted { result: query.word("result", &RESULTS), level, after: None };
    let limit = usize::try_from(query.number("limit", DEFAULT_LIMIT, MAX_LIMIT)).unwrap_or_default();
    let list = format!("{organization} reports {wanted:?}").into_bytes();
    wanted.after = query.cursor(&list, read_place);
    query.finish()?;
    let (kept, has_more) = list_reports(&state, organization, &wanted, limit).await?;
    let next = kept.last().filter(|_| has_more);
    let next = next.map(|last| cursor(&write_place(last.run_at, &last.session_id), &list));
    let data: Vec<_> = kept.into_iter().map(|kept| kept.report).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "nextCursor": next})))
}

/// 200 with a report.
pub async fn report(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let report = find_report(&state, organization, &path.1).await?;
    Ok(HttpResponse::Ok().json(report.ok_or_else(|| missing("conformance report"))?))
}

/// 201 with the report of a run.
pub async fn run(
    caller: Caller<LeadsWrite>,
    state: web::Data<State>,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let wanted = read(&document).map_err(Fault::validation)?;
    let run = certified(&state, organization, wanted).await?;
    Ok(HttpResponse::Created().json(run_conformance(&state, &run).await?))
}

/// What a body asks for.
struct Asked {
    lex_id: Option<String>,
    level: Level,
    cases: Option<Vec<String>>,
}

fn read(document: &Value) -> Result<Asked, Vec<Violation>> {
    let violations = Violations::new();
    let asked = violations.root(document).and_then(|root| {
        let lex_id = root.nullable("organizationId", text(1..=LONGEST)).map(str::to_owned);
        let level = root.required("targetLevel", integer(1..=3));
        let cases = root.nullable("includeTestCases", list(0..=MOST_CASES, text(1..=LONGEST)));
        let cases: Option<Vec<String>> = cases.map(|cases| cases.into_iter().map(str::to_owned).collect());
        Some(Asked {
            lex_id,
            level: level.and_then(|level| Level::from_number(level.unsigned_abs()))?,
            cases,
        })
    });
    violations.finish(asked)
}

async fn certified(state: &State, organization_id: OrganizationId, asked: Asked) -> Result<Run, Fault> {
    match certified_name(state, organization_id, asked.lex_id.as_deref()).await? {
        Some(lex_id) => Ok(Run { organization_id, lex_id, level: asked.level, cases: asked.cases }),
        None if asked.lex_id.is_some() => {
            let what = "is not a LEX id of the organization";
            Err(Fault::validation(vec![Violation::new("organizationId", what)]))
        }
        None => Err(Fault::new(FaultCode::Conflict, "the organization has no LEX id to be certified under")),
    }
}

fn write_place(run_at: DateTime<Utc>, session_id: &str) -> Vec<u8> {
    [&run_at.timestamp_micros().to_be_bytes(), session_id.as_bytes()].concat()
}

fn read_place(place: &[u8]) -> Option<(DateTime<Utc>, String)> {
    let (micros, session_id) = place.split_first_chunk::<8>()?;
    let run_at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?;
    Some((run_at, String::from_utf8(session_id.to_vec()).ok()?))
}
