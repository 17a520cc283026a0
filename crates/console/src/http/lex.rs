//! Messages of the Lead Exchange Standard that the organisation sent and was sent, and its conformance runs.

use super::events::address;
use super::stop::Stop;
use super::table::{self, export, listing};
use super::visit::{Posted, Visit};
use super::webhooks::is_about_the_form;
use super::{page, page_again, see};
use crate::clients::api::Refusal;
use crate::view::lex as view;
use crate::view::{ingest, lex_conformance, number, rows, text};
use actix_web::{HttpResponse, web};
use futures_util::try_join;
use maud::Markup;
use serde_json::{Value, json};

const HERE: &str = "lex";

/// A page of messages, newest first.
pub async fn messages(visit: Visit) -> Result<HttpResponse, Stop> {
    let filters = ["direction", "type", "status", "acknowledgment", "partner", "leadId", "messageId"];
    list(&visit, view::MESSAGES, &filters, &[]).await
}

/// A page of those that the organisation sent and nobody got.
pub async fn dead(visit: Visit) -> Result<HttpResponse, Stop> {
    let filters = ["type", "partner", "leadId", "messageId"];
    list(&visit, view::DEAD, &filters, &[("direction", "sent"), ("status", "dlq")]).await
}

async fn list(
    visit: &Visit,
    here: &str,
    filters: &[&str],
    fixed: &[(&str, &str)],
) -> Result<HttpResponse, Stop> {
    let (query, organizations) = (&visit.query, visit.organizations().await?);
    let Some(organization) = visit.chosen() else {
        return Ok(page(view::list(&visit.frame(HERE), here, &query.0, &organizations, None)));
    };
    let (from, to) = (query.utc("from"), query.utc("to"));
    let mut asked = query.pairs(filters);
    asked.extend_from_slice(fixed);
    asked.extend(from.as_deref().map(|from| ("from", from)));
    asked.extend(to.as_deref().map(|to| ("to", to)));
    let path = ["organizations", &organization, "lex", "messages"];
    if query.text("export").is_some() {
        return export(visit, listing("lex-messages", MESSAGES, path.to_vec(), asked, message_row)).await;
    }
    asked.extend(query.pairs(&["cursor"]));
    asked.push(("limit", "50"));
    let found = visit.get(&path, &asked).await?;
    Ok(page(view::list(&visit.frame(HERE), here, &query.0, &organizations, Some(&found))))
}

/// One message, with the deliveries of its event to the organisation's own subscriptions.
pub async fn message(visit: Visit, message: web::Path<String>) -> Result<HttpResponse, Stop> {
    let organization = visit.chosen().ok_or_else(Stop::missing)?;
    let shown = visit.get(&["organizations", &organization, "lex", "messages", &message], &[]).await?;
    let id = format!("evt_{}", text(&shown, "/id").replace('-', ""));
    // Events are found by the moment inside their id, which is that in which the message came.
    let came = text(&shown, "/receivedAt");
    let of_the_moment = [("since", came), ("until", came), ("limit", "100")];
    let (event_path, deliveries_path) =
        (["organizations", &organization, "events", &id], ["organizations", &organization, "deliveries"]);
    let (event, found) = try_join!(
        visit.get_if_allowed(&event_path, &[]),
        visit.get_if_allowed(&deliveries_path, &of_the_moment),
    )?;
    let deliveries = found.as_ref().map(|found| {
        rows(found).iter().filter(|delivery| text(delivery, "/eventId") == id).collect::<Vec<_>>()
    });
    let of_event = view::OfEvent { event: event.as_ref(), deliveries: deliveries.as_deref() };
    Ok(page(view::one(&visit.frame(HERE), &visit.query.0, &shown, &of_event)))
}

/// A page of conformance runs, newest first.
pub async fn reports(visit: Visit) -> Result<HttpResponse, Stop> {
    if visit.query.text("export").is_none() {
        return Ok(page(runs(&visit, &[], None).await?));
    }
    let organization = visit.chosen().ok_or_else(Stop::missing)?;
    let (path, asked) = (reports_of(&organization).to_vec(), visit.query.pairs(&["level", "result"]));
    export(&visit, listing("lex-conformance", RUNS, path, asked, run_row)).await
}

const MESSAGES: &[&str] = &[
    "id",
    "direction",
    "message_id",
    "type",
    "sender",
    "receiver",
    "lead_id",
    "received_at",
    "status",
    "acknowledgment",
];
const RUNS: &[&str] =
    &["session", "organization", "run_at", "result", "certificate", "level", "passed", "failed", "warned"];

fn message_row(message: &Value) -> Vec<String> {
    let facts = [
        "/id",
        "/direction",
        "/messageId",
        "/messageType",
        "/senderId",
        "/receiverId",
        "/leadId",
        "/receivedAt",
        "/status",
        "/acknowledgmentStatus",
    ];
    facts.map(|fact| text(message, fact).to_owned()).to_vec()
}

fn run_row(run: &Value) -> Vec<String> {
    let said = ["/sessionId", "/organizationId", "/runAt", "/result", "/certificationToken"];
    let counted = ["/targetLevel", "/passCount", "/failCount", "/warnCount"];
    let mut row = said.map(|fact| text(run, fact).to_owned()).to_vec();
    row.extend(counted.map(|fact| number(run, fact).to_string()));
    row
}

fn reports_of(organization: &str) -> [&str; 4] {
    ["organizations", organization, "lex", "conformance-reports"]
}

fn asked_of(visit: &Visit) -> Vec<(&str, &str)> {
    let mut asked = visit.query.pairs(&["level", "result", "cursor"]);
    asked.push(("limit", "50"));
    asked
}

/// The page with the runs, and the form for another.
async fn runs(visit: &Visit, draft: &[(String, String)], refusal: Option<&Refusal>) -> Result<Markup, Stop> {
    let organizations = visit.organizations().await?;
    let found = match visit.chosen() {
        Some(organization) => Some(visit.get(&reports_of(&organization), &asked_of(visit)).await?),
        None => None,
    };
    let form = lex_conformance::Form { draft, refusal };
    let frame = visit.frame(HERE);
    Ok(lex_conformance::list(&frame, &visit.query.0, &organizations, found.as_ref(), &form))
}

/// Runs the cases of a level, and shows what came of it.
pub async fn run(posted: Posted) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let organization = visit.chosen().ok_or_else(Stop::missing)?;
    let mut body = json!({"targetLevel": form.number("targetLevel")});
    if let Some(name) = form.text("organizationId") {
        body["organizationId"] = json!(name);
    }
    match visit.post(&reports_of(&organization), Some(&body)).await {
        Ok(report) => {
            let there = address(&[HERE, "conformance", text(&report, "/sessionId")]);
            Ok(see(&ingest::scoped(&there, &visit.query.0)))
        }
        Err(Stop::Refused(refusal)) if is_about_the_form(&refusal) => {
            Ok(page_again(runs(visit, &form.0, Some(&refusal)).await?))
        }
        Err(stop) => Err(stop),
    }
}

/// One run with its cases.
pub async fn report(visit: Visit, session: web::Path<String>) -> Result<HttpResponse, Stop> {
    let organization = visit.chosen().ok_or_else(Stop::missing)?;
    let path = ["organizations", &organization, "lex", "conformance-reports", &session];
    let report = visit.get(&path, &[]).await?;
    if visit.query.text("export").is_some() {
        let row = |case: &Value| {
            let errors = case["errors"].as_array().map_or(&[][..], Vec::as_slice);
            let errors: Vec<_> = errors.iter().filter_map(Value::as_str).collect();
            let mut row = ["/testCaseId", "/status"].map(|fact| text(case, fact).to_owned()).to_vec();
            row.extend([number(case, "/durationMs").to_string(), errors.join("; ")]);
            row
        };
        let cases = report["testResults"].as_array().map_or(&[][..], Vec::as_slice);
        let head = ["case", "status", "duration_ms", "errors"];
        return Ok(table::csv("lex-conformance-cases", &head, cases.iter().map(row)));
    }
    Ok(page(lex_conformance::one(&visit.frame(HERE), &visit.query.0, &report)))
}
