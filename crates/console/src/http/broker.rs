//! The broker's dead letters: what lies in which queue and why, one of them whole, sending them back to work and
//! watching that. For administrators; the API says so.

use super::live::{Shown, stream};
use super::stop::Stop;
use super::table::{Listing, Onward, export as table};
use super::visit::{Form, Posted, Visit};
use super::webhooks::is_about_the_form;
use super::{page, page_again, see};
use crate::clients::api::{Call, Method, Refusal};
use crate::session::once;
use crate::view::broker as view;
use crate::view::{number, text};
use actix_web::{HttpResponse, web};
use futures_util::try_join;
use maud::Markup;
use serde_json::{Value, json};
use std::time::Duration;

const QUEUES: &str = "dead-letter-queues";
/// What messages are narrowed down by.
const WANTED: [&str; 6] = ["id", "type", "organization", "reason", "since", "until"];
const EVERY: Duration = Duration::from_secs(1);
const HEAD: &[&str] = &[
    "message_id",
    "type",
    "organization_id",
    "died_at",
    "published_at",
    "reason",
    "error",
    "trace_id",
    "attempts",
];

/// Every queue.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    let found = visit.get(&["admin", QUEUES], &[]).await?;
    Ok(page(view::queues(&visit.frame("dead-letters"), &found)))
}

/// What lies in a queue, and what was sent back from it.
pub async fn queue(visit: Visit, queue: web::Path<String>) -> Result<HttpResponse, Stop> {
    let wanted = wanted(&visit.query);
    let mut query = wanted.pairs(&WANTED);
    let path = ["admin", QUEUES, &queue, "messages"];
    if visit.query.text("export").is_some() {
        let (path, onward) = (path.to_vec(), Onward::Page);
        return table(&visit, Listing { name: &queue, head: HEAD, path, query, onward, row }).await;
    }
    query.extend(visit.query.pairs(&["by", "page"]));
    query.push(("limit", "50"));
    shown(&visit, &queue, &visit.query, visit.get(&path, &query).await, None).await.map(page)
}

/// Which messages are meant, as the API takes it.
fn wanted(form: &Form) -> Form {
    let value = |name| {
        if matches!(name, "since" | "until") { form.utc(name) } else { form.text(name).map(str::to_owned) }
    };
    Form(WANTED.iter().filter_map(|&name| Some((name.to_owned(), value(name)?))).collect())
}

/// The page of a queue, also while somebody works on it and nothing can be seen.
async fn shown(
    visit: &Visit,
    queue: &str,
    asked: &Form,
    inside: Result<Value, Stop>,
    wrong: Option<&Refusal>,
) -> Result<Markup, Stop> {
    let inside = match inside {
        Ok(inside) => Ok(inside),
        Err(Stop::Refused(refusal)) if refusal.status == 409 => Err(refusal.message),
        Err(stop) => return Err(stop),
    };
    let path = ["admin", QUEUES, queue, "replays"];
    let (organizations, replays) = try_join!(visit.organizations(), visit.get(&path, &[("limit", "5")]))?;
    let inside = inside.as_ref().map_err(String::as_str);
    let page = view::QueuePage {
        queue,
        asked: &asked.0,
        organizations: &organizations,
        replays: &replays,
        once: &once()?,
        wrong,
    };
    Ok(view::queue(&visit.frame("dead-letters"), &page, inside))
}

fn row(one: &Value) -> Vec<String> {
    let facts = [
        "/messageId",
        "/type",
        "/organizationId",
        "/deadLetteredAt",
        "/publishedAt",
        "/reason",
        "/error",
        "/traceId",
    ];
    let mut row: Vec<_> = facts.iter().map(|fact| text(one, fact).to_owned()).collect();
    row.push(number(one, "/attempts").to_string());
    row
}

/// One message with its payload.
pub async fn message(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Stop> {
    let (queue, message) = path.into_inner();
    let found = visit.get(&["admin", QUEUES, &queue, "messages", &message], &[]).await?;
    Ok(page(view::message(&visit.frame("dead-letters"), &queue, &found, &once()?)))
}

/// Messages with their payloads, as a file with a line of JSON for each.
pub async fn export(visit: Visit, queue: web::Path<String>) -> Result<HttpResponse, Stop> {
    let wanted = wanted(&visit.query);
    let lines = visit.download(&["admin", QUEUES, &queue, "export"], &wanted.pairs(&WANTED)).await?;
    let name = format!("attachment; filename=\"leadwire-{}.ndjson\"", queue.replace(['"', '\\'], ""));
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header(("content-disposition", name))
        .streaming(lines.bytes_stream()))
}

/// Begins a replay, and shows it.
pub async fn replay(posted: Posted, queue: web::Path<String>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    // Nothing else of the form comes into addresses.
    let wanted = wanted(form);
    let filter: serde_json::Map<_, _> =
        wanted.0.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut body = json!({"filter": filter});
    let (by_hand, chosen) = (form.text("chosen").is_some(), form.all("ids").collect::<Vec<_>>());
    if by_hand {
        body["filter"] = json!({"ids": chosen});
    }
    if let Some(rate) = form.number("rate") {
        body["ratePerSecond"] = rate;
    }
    let path = ["admin", QUEUES, &queue, "replays"];
    let call =
        Call { method: Method::POST, path: &path, query: &[], body: Some(&body), once: form.text("once") };
    // Who has chosen nothing does not mean everything.
    let begun = if by_hand && chosen.is_empty() { Err(nothing_chosen()) } else { visit.call(call).await };
    match begun {
        Ok(replay) => Ok(see(&view::replay_address(&queue, text(&replay, "/id")))),
        Err(Stop::Refused(refusal)) if is_about_the_form(&refusal) => {
            let mut query = wanted.pairs(&WANTED);
            query.push(("limit", "50"));
            let inside = visit.get(&["admin", QUEUES, &queue, "messages"], &query).await;
            shown(visit, &queue, &wanted, inside, Some(&refusal)).await.map(page_again)
        }
        Err(stop) => Err(stop),
    }
}

fn nothing_chosen() -> Stop {
    let message = "tick the messages that are meant".to_owned();
    Refusal { status: 422, message, fields: Vec::new(), retry_after: None }.into()
}

/// One replay and how far it is.
pub async fn progress(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Stop> {
    let (queue, replay) = path.into_inner();
    let found = visit.get(&["admin", QUEUES, &queue, "replays", &replay], &[]).await?;
    Ok(page(view::replay(&visit.frame("dead-letters"), &queue, &found)))
}

/// The same, again and again.
pub async fn live(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Stop> {
    let (queue, replay) = path.into_inner();
    stream(visit, EVERY, async move |visit| {
        let found = visit.get(&["admin", QUEUES, &queue, "replays", &replay], &[]).await?;
        let content = view::replay_content(&visit.frame("dead-letters"), &queue, &found);
        Ok(Shown { content, goes_on: view::is_under_way(&found) })
    })
    .await
}

/// Cancels or resumes one.
pub async fn act(posted: Posted, path: web::Path<(String, String, String)>) -> Result<HttpResponse, Stop> {
    let (queue, replay, action) = path.into_inner();
    if !matches!(action.as_str(), "cancel" | "resume") {
        return Err(Stop::missing());
    }
    posted.visit.post(&["admin", QUEUES, &queue, "replays", &replay, &action], None).await?;
    Ok(see(&view::replay_address(&queue, &replay)))
}
