//! An organisation's subscriptions of all families: who gets what where, how it goes, and what can be done to each
//! whatever its family. A client's own webhooks have pages of their own, which can do more.

use super::events::address;
use super::page;
use super::see;
use super::stop::Stop;
use super::table::{export, listing};
use super::visit::{Posted, Visit};
use crate::clients::api::{Call, Method};
use crate::view::subscriptions as view;
use crate::view::{ingest, number, text, webhooks};
use actix_web::{HttpResponse, web};
use futures_util::try_join;
use serde_json::{Value, json};

const HERE: &str = "webhooks";

/// A page of subscriptions, newest first.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    let (query, organizations) = (&visit.query, visit.organizations().await?);
    let Some(organization) = visit.chosen() else {
        return Ok(page(view::list(&visit.frame(HERE), &query.0, &organizations, None)));
    };
    let mut asked = query.pairs(&["family", "status", "url", "sortBy", "sortOrder"]);
    let path = ["organizations", &organization, "subscriptions"];
    if query.text("export").is_some() {
        return export(&visit, listing("subscriptions", HEAD, path.to_vec(), asked, row)).await;
    }
    asked.extend(query.pairs(&["cursor"]));
    asked.push(("limit", "50"));
    let found = visit.get(&path, &asked).await?;
    Ok(page(view::list(&visit.frame(HERE), &query.0, &organizations, Some(&found))))
}

const HEAD: &[&str] = &[
    "id",
    "family",
    "client_id",
    "url",
    "status",
    "made_at",
    "last_success_at",
    "last_failure_at",
    "events",
    "failures_in_a_row",
    "deliveries",
    "delivered",
];

fn row(one: &Value) -> Vec<String> {
    let facts =
        ["/id", "/family", "/clientId", "/url", "/status", "/createdAt", "/lastSuccessAt", "/lastFailureAt"];
    let mut row = facts.map(|fact| text(one, fact).to_owned()).to_vec();
    row.push(webhooks::events_of(one));
    row.extend(
        ["/consecutiveFailures", "/deliveries", "/delivered"].map(|fact| number(one, fact).to_string()),
    );
    row
}

/// One subscription with its deliveries. A client's webhook has its own page.
pub async fn get(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let organization = visit.chosen().ok_or_else(Stop::missing)?;
    let path = ["organizations", &organization, "subscriptions", &id];
    let shown = visit.get(&path, &[]).await?;
    if text(&shown, "/family") == "platform" {
        return Ok(see(&address(&["webhooks", text(&shown, "/clientId"), &id])));
    }
    let listed = ["organizations", &organization, "deliveries"];
    if visit.query.text("export").is_some() {
        return file(&visit, listed.to_vec(), &id).await;
    }
    let (summary, of_it) =
        (["organizations", &organization, "deliveries", "summary"], [("subscription", id.as_str())]);
    let (deliveries, summary) =
        try_join!(deliveries(&visit, &listed, &id), visit.get_if_allowed(&summary, &of_it))?;
    Ok(page(view::one(&visit.frame(HERE), &visit.query.0, &shown, &deliveries, summary.as_ref())))
}

/// What is done to a subscription by a button.
pub async fn act(posted: Posted, path: web::Path<(String, String)>) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let (id, action) = path.into_inner();
    let organization = visit.chosen().ok_or_else(Stop::missing)?;
    let below = |rest| ["organizations", &organization, "subscriptions", &id, rest];
    match action.as_str() {
        "test" => {
            let delivery = visit.post(&below("test"), None).await?;
            return Ok(see(&address(&["deliveries", text(&delivery, "/id")])));
        }
        "pause" | "resume" => {
            let body = json!({"status": if action == "pause" { "PAUSED" } else { "ACTIVE" }});
            let path = ["organizations", &organization, "subscriptions", &id];
            let call = Call { method: Method::PATCH, path: &path, query: &[], body: Some(&body), once: None };
            visit.call(call).await?
        }
        "recover" => visit.post(&below("recover"), Some(&form.stretch())).await?,
        _ => return Err(Stop::missing()),
    };
    Ok(see(&ingest::scoped(&address(&["subscriptions", &id]), &visit.query.0)))
}

/// A page of the deliveries of one subscription, newest event first. `path` is that of the list of all.
pub async fn deliveries(visit: &Visit, path: &[&str], subscription: &str) -> Result<Value, Stop> {
    let mut asked = visit.query.pairs(&["status", "cursor"]);
    asked.extend([("subscription", subscription), ("limit", "50")]);
    visit.get(path, &asked).await
}

/// All of them as a file.
pub async fn file(visit: &Visit, path: Vec<&str>, subscription: &str) -> Result<HttpResponse, Stop> {
    let mut asked = visit.query.pairs(&["status"]);
    asked.push(("subscription", subscription));
    export(visit, listing("deliveries", DELIVERIES, path, asked, delivery)).await
}

const DELIVERIES: &[&str] = &[
    "id",
    "event_id",
    "type",
    "status",
    "reason",
    "error",
    "made_at",
    "due_at",
    "ended_at",
    "trace_id",
    "attempts",
    "response_code",
];

fn delivery(one: &Value) -> Vec<String> {
    let facts = [
        "/id",
        "/eventId",
        "/eventType",
        "/status",
        "/reason",
        "/error",
        "/createdAt",
        "/scheduledFor",
        "/endedAt",
        "/traceId",
    ];
    let mut row = facts.map(|fact| text(one, fact).to_owned()).to_vec();
    row.push(number(one, "/attemptCount").to_string());
    row.push(one["responseCode"].as_i64().map_or_else(String::new, |code| code.to_string()));
    row
}
