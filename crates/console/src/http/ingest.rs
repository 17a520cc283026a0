//! The workers of an organisation: who they are, how they stand, what happened to them; and the usage of the plan.

use super::page;
use super::stop::Stop;
use super::table::{export, listing};
use super::visit::Visit;
use crate::view::ingest as view;
use crate::view::text;
use actix_web::{HttpResponse, web};
use futures_util::try_join;
use serde_json::Value;

const HERE: &str = "ingest";

/// A page of workers, newest first, and what was used of the plan.
pub async fn workers(visit: Visit) -> Result<HttpResponse, Stop> {
    let organizations = visit.organizations().await?;
    let Some(organization) = visit.chosen() else {
        return Ok(page(view::workers(&visit.frame(HERE), &visit.query.0, &organizations, None)));
    };
    let path = ["organizations", &organization, "ingest", "workers"];
    let mut query = visit.query.pairs(&["search", "app"]);
    if visit.query.text("export").is_some() {
        return export(&visit, listing("workers", WORKERS, path.to_vec(), query, worker_row)).await;
    }
    query.extend(visit.query.pairs(&["cursor"]));
    query.push(("limit", "50"));
    let found = visit.get(&path, &query).await?;
    let (usage_path, plan_path) =
        (["organizations", &organization, "ingest", "usage"], ["organizations", &organization]);
    let (usage, plan) =
        try_join!(visit.get_if_allowed(&usage_path, &[]), visit.get_if_allowed(&plan_path, &[]))?;
    let shown = view::Workers { found: &found, usage: usage.as_ref(), plan: plan.as_ref() };
    Ok(page(view::workers(&visit.frame(HERE), &visit.query.0, &organizations, Some(&shown))))
}

/// One worker with their cards and a page of their timeline.
pub async fn worker(visit: Visit, worker: web::Path<String>) -> Result<HttpResponse, Stop> {
    let organization = visit.chosen().ok_or_else(Stop::missing)?;
    let query = &visit.query;
    let (from, to) = (query.utc("from"), query.utc("to"));
    let mut asked = query.pairs(&["app", "type", "category"]);
    asked.extend(from.as_deref().map(|from| ("from", from)));
    asked.extend(to.as_deref().map(|to| ("to", to)));
    let one = ["organizations", &organization, "ingest", "workers", worker.as_str()];
    let below = |rest| [&one[..], &[rest]].concat();
    let (timeline_path, cards_path) = (below("timeline"), below("cards"));
    if query.text("export").is_some() {
        return export(&visit, listing("timeline", TIMELINE, timeline_path, asked, event_row)).await;
    }
    asked.extend(query.pairs(&["cursor"]));
    asked.push(("limit", "50"));
    let (shown, timeline, cards) = try_join!(
        visit.get(&one, &[]),
        visit.get(&timeline_path, &asked),
        visit.get(&cards_path, &[("limit", "100")]),
    )?;
    Ok(page(view::worker(&visit.frame(HERE), &visit.query.0, &shown, &timeline, &cards)))
}

const WORKERS: &[&str] = &["id", "display_name", "external_id", "email", "source", "created_at"];
const TIMELINE: &[&str] =
    &["id", "occurred_at", "type", "category", "source", "duration_seconds", "metadata"];

fn worker_row(worker: &Value) -> Vec<String> {
    let facts = ["/id", "/displayName", "/externalId", "/email", "/source", "/createdAt"];
    facts.map(|fact| text(worker, fact).to_owned()).to_vec()
}

fn event_row(event: &Value) -> Vec<String> {
    let facts = ["/id", "/timestamp", "/eventType", "/category", "/source"];
    let mut row = facts.map(|fact| text(event, fact).to_owned()).to_vec();
    let of = |name: &str| if event[name].is_null() { String::new() } else { event[name].to_string() };
    row.extend(["duration", "metadata"].map(of));
    row
}
