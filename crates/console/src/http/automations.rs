//! Automations of an organisation: the list, one with its file and its runs, one run; checking, applying, switching,
//! running and replaying.

use super::crm::{known, whose};
use super::stop::Stop;
use super::table::{Listing, Onward, export};
use super::visit::{Form, Posted, Visit};
use super::webhooks::is_about_the_form;
use super::{page, page_again, see};
use crate::clients::api::{Call, Method};
use crate::view::automations::{self as view, Draft};
use crate::view::crm::line;
use crate::view::{editor, text};
use actix_web::{HttpResponse, web};
use futures_util::try_join;
use platform::secrets::{base64url, digest};
use serde_json::{Value, json};

const HERE: &str = "crm";

/// What files have of an automation.
const FIELDS: [&str; 8] =
    ["id", "name", "description", "active", "triggerType", "stepsCount", "createdAt", "updatedAt"];
/// What files have of a run.
const FIELDS_OF_RUNS: [&str; 12] = [
    "id",
    "state",
    "eventType",
    "subject",
    "position",
    "stepsCount",
    "attempts",
    "error",
    "waitingSince",
    "createdAt",
    "nextAt",
    "finishedAt",
];

/// The automation and the run of an address.
type Path = web::Path<(String, String)>;

/// A page of automations.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    let (whose, own, organizations) = (whose(&visit), visit.own(), visit.organizations().await?);
    let frame = visit.frame(HERE);
    if whose.is_unknown() {
        return Ok(page(view::list(&frame, &whose, &visit.query.0, &organizations, None)));
    }
    let (mut query, path) =
        (visit.query.pairs(&["status", "search", "sort"]), visit.below(&own, &["automations"]));
    if visit.query.text("export").is_some() {
        let row = |one: &Value| line(one, &FIELDS);
        let onward = Onward::Page;
        return export(&visit, Listing { name: "automations", head: &FIELDS, path, query, onward, row })
            .await;
    }
    query.extend(visit.query.pairs(&["page"]));
    query.push(("limit", "50"));
    let found = visit.get(&path, &query).await?;
    Ok(page(view::list(&frame, &whose, &visit.query.0, &organizations, Some(&found))))
}

/// The editor with an example.
pub async fn form(visit: Visit) -> Result<HttpResponse, Stop> {
    let draft = Draft { file: editor::EXAMPLE, from: None };
    Ok(page(editor::page(&visit.frame(HERE), &known(&visit)?, &draft, &[])))
}

/// One automation with a page of its runs.
pub async fn get(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let (whose, own) = (known(&visit)?, visit.own());
    let mut query = visit.query.pairs(&["state"]);
    let (here, path) =
        (visit.below(&own, &["automations", &id]), visit.below(&own, &["automations", &id, "runs"]));
    if visit.query.text("export").is_some() {
        let row = |one: &Value| line(one, &FIELDS_OF_RUNS);
        let (name, head, onward) = ("automation-runs", &FIELDS_OF_RUNS, Onward::Page);
        return export(&visit, Listing { name, head, path, query, onward, row }).await;
    }
    query.extend(visit.query.pairs(&["page"]));
    query.push(("limit", "25"));
    let (shown, runs) = try_join!(visit.get(&here, &[]), visit.get(&path, &query))?;
    Ok(page(view::one(&visit.frame(HERE), &whose, &visit.query.0, &shown, &runs, None)))
}

/// The editor with the file of an automation.
pub async fn edit(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let (whose, own) = (known(&visit)?, visit.own());
    let shown = visit.get(&visit.below(&own, &["automations", &id]), &[]).await?;
    let draft = Draft { file: text(&shown, "/file"), from: Some(&id) };
    Ok(page(editor::page(&visit.frame(HERE), &whose, &draft, &[])))
}

/// Says what is wrong with a file where it stands, or what applying it would do.
pub async fn check(posted: Posted) -> Result<HttpResponse, Stop> {
    let visit = &posted.visit;
    let (whose, draft) = (known(visit)?, draft(&posted.form));
    let verdict = verdict(visit, draft.file).await?;
    if verdict["valid"] != true || posted.form.text("again").is_some() {
        return again(visit, &draft, &verdict);
    }
    let seen = version(&verdict);
    Ok(page(editor::confirm(&visit.frame(HERE), &whose, &draft, &verdict, &seen, false)))
}

/// Applies a file that was seen to be sound, unless what it changes is no longer what was seen.
pub async fn apply(posted: Posted) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let (whose, own, draft) = (known(visit)?, visit.own(), draft(form));
    let verdict = verdict(visit, draft.file).await?;
    if verdict["valid"] != true {
        return again(visit, &draft, &verdict);
    }
    let now = version(&verdict);
    if form.text("seen") != Some(&now) {
        return Ok(page_again(editor::confirm(&visit.frame(HERE), &whose, &draft, &verdict, &now, true)));
    }
    let path = visit.below(&own, &["automations"]);
    let body = Some(&verdict["definition"]);
    let applied = visit.call(Call { method: Method::PUT, path: &path, query: &[], body, once: None }).await?;
    if text(&applied, "/signingSecret").is_empty() {
        return Ok(see(&whose.to(&format!("/automations/{}", text(&applied, "/id")))));
    }
    Ok(page(editor::made(&visit.frame(HERE), &whose, &applied)))
}

/// Switches an automation on or off.
pub async fn switch(posted: Posted, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let (whose, own) = (known(visit)?, visit.own());
    let body = json!({"active": form.text("active") == Some("true")});
    let path = visit.below(&own, &["automations", &id]);
    let body = Some(&body);
    visit.call(Call { method: Method::PATCH, path: &path, query: &[], body, once: None }).await?;
    Ok(see(&whose.to(&format!("/automations/{}", *id))))
}

/// Starts a run by hand.
pub async fn run(posted: Posted, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let (whose, own) = (known(visit)?, visit.own());
    let body = json!({"subject": form.text("subject").unwrap_or_default()});
    let path = visit.below(&own, &["automations", &id, "runs"]);
    match visit.post(&path, Some(&body)).await {
        Ok(started) => Ok(see(&whose.to(&format!("/automations/{}/runs/{}", *id, text(&started, "/id"))))),
        Err(Stop::Refused(refusal)) if is_about_the_form(&refusal) => {
            let (here, below) = (visit.below(&own, &["automations", &id]), path);
            let (shown, runs) = try_join!(visit.get(&here, &[]), visit.get(&below, &[("limit", "25")]))?;
            let frame = visit.frame(HERE);
            let refused = Some((form.text("subject").unwrap_or_default(), &refusal));
            Ok(page_again(view::one(&frame, &whose, &visit.query.0, &shown, &runs, refused)))
        }
        Err(stop) => Err(stop),
    }
}

/// One run, step by step.
pub async fn shown_run(visit: Visit, path: Path) -> Result<HttpResponse, Stop> {
    let (whose, own) = (known(&visit)?, visit.own());
    let (here, below) = (
        visit.below(&own, &["automations", &path.0]),
        visit.below(&own, &["automations", &path.0, "runs", &path.1]),
    );
    let (automation, run) = try_join!(visit.get(&here, &[]), visit.get(&below, &[]))?;
    Ok(page(view::run(&visit.frame(HERE), &whose, &automation, &run)))
}

/// Lets a run that died go on.
pub async fn replay(posted: Posted, path: Path) -> Result<HttpResponse, Stop> {
    let visit = &posted.visit;
    let (whose, own) = (known(visit)?, visit.own());
    visit.post(&visit.below(&own, &["automations", &path.0, "runs", &path.1, "replay"]), None).await?;
    Ok(see(&whose.to(&format!("/automations/{}/runs/{}", path.0, path.1))))
}

fn again(visit: &Visit, draft: &Draft<'_>, verdict: &Value) -> Result<HttpResponse, Stop> {
    let problems = verdict["problems"].as_array().map_or(&[][..], Vec::as_slice);
    let shown = editor::page(&visit.frame(HERE), &known(visit)?, draft, problems);
    Ok(if problems.is_empty() { page(shown) } else { page_again(shown) })
}

async fn verdict(visit: &Visit, file: &str) -> Result<Value, Stop> {
    let own = visit.own();
    visit.post(&visit.below(&own, &["automations", "validate"]), Some(&json!({"file": file}))).await
}

/// What a form has of a file. Space at its beginning belongs to it.
fn draft(form: &Form) -> Draft<'_> {
    let file = form.0.iter().find(|(name, _)| name == "file").map_or("", |(_, value)| value.as_str());
    Draft { file, from: form.text("from") }
}

/// Changes with what applying would find.
fn version(verdict: &Value) -> String {
    base64url(&digest(verdict["current"].to_string().as_bytes()))
}
