//! Finding events, and what became of one: its deliveries and their requests.

use super::live::{Shown, stream};
use super::stop::Stop;
use super::table::{Listing, Onward, export};
use super::visit::{Posted, Visit};
use super::{page, see};
pub use crate::view::address;
use crate::view::{self, number, text};
use actix_web::{HttpResponse, web};
use futures_util::future::try_join_all;
use serde_json::Value;
use std::time::Duration;

/// Deliveries of an event whose requests are shown with it.
const IN_FULL: usize = 10;
const EVENT_EVERY: Duration = Duration::from_secs(5);
const DELIVERY_EVERY: Duration = Duration::from_secs(1);

/// A page of an organisation's events, newest first; an id leads to its event.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    if let Some(id) = visit.query.text("id") {
        return Ok(see(&address(&["events", id])));
    }
    let (own, organizations) = (visit.own(), visit.organizations().await?);
    let asked = visit.query.text("organization");
    if visit.session.who.admin && asked.is_none() {
        return Ok(page(view::events::list(&visit.frame("events"), &visit.query.0, &organizations, None)));
    }
    let mut query = visit.query.pairs(&["type", "source", "subject", "cursor"]);
    let (from, to) = (visit.query.utc("from"), visit.query.utc("to"));
    query.extend(from.as_deref().map(|from| ("dateFrom", from)));
    query.extend(to.as_deref().map(|to| ("dateTo", to)));
    if visit.query.text("export").is_some() {
        let listing = Listing {
            name: "events",
            head: HEAD,
            path: visit.below(&own, &["events"]),
            query: query.into_iter().filter(|(name, _)| *name != "cursor").collect(),
            onward: Onward::Cursor("/pagination/nextCursor"),
            row,
        };
        return export(&visit, listing).await;
    }
    query.push(("limit", "50"));
    let found = visit.get(&visit.below(&own, &["events"]), &query).await?;
    Ok(page(view::events::list(&visit.frame("events"), &visit.query.0, &organizations, Some(&found))))
}

const HEAD: &[&str] = &[
    "id",
    "type",
    "source",
    "subject",
    "occurred_at",
    "pending",
    "delivered",
    "dead_letter",
    "skipped_disabled",
    "cancelled",
];

fn row(event: &Value) -> Vec<String> {
    let count = |state: &str| number(event, &format!("/deliveries/{state}")).to_string();
    let facts =
        ["/id", "/eventType", "/source", "/subject", "/occurredAt"].map(|fact| text(event, fact).to_owned());
    let counts = ["pending", "delivered", "dead_letter", "skipped_disabled", "cancelled"].map(count);
    facts.into_iter().chain(counts).collect()
}

/// One event with its deliveries, and the requests of the first of them.
pub async fn get(visit: Visit, event: web::Path<String>) -> Result<HttpResponse, Stop> {
    let (event, in_full) = story(&visit, &event).await?;
    Ok(page(view::events::story(&visit.frame("events"), &event, &in_full)))
}

/// The same, as long as something of it is pending.
pub async fn live_event(visit: Visit, event: web::Path<String>) -> Result<HttpResponse, Stop> {
    stream(visit, EVENT_EVERY, async move |visit| {
        let (event, in_full) = story(visit, &event).await?;
        let content = view::events::story_content(&visit.frame("events"), &event, &in_full);
        Ok(Shown { content, goes_on: view::events::is_pending(&event) })
    })
    .await
}

async fn story(visit: &Visit, event: &str) -> Result<(Value, Vec<Value>), Stop> {
    let own = visit.own();
    let event = visit.get(&visit.below(&own, &["events", event]), &[]).await?;
    let deliveries = event["deliveries"].as_array().map_or(&[][..], Vec::as_slice);
    let in_full = deliveries.iter().take(IN_FULL).map(async |delivery| {
        let path = visit.below(&own, &["deliveries", text(delivery, "/id")]);
        visit.get(&path, &[]).await
    });
    let in_full = try_join_all(in_full).await?;
    Ok((event, in_full))
}

/// One delivery with its requests.
pub async fn delivery(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let delivery = found(&visit, &id).await?;
    Ok(page(view::events::delivery(&visit.frame("events"), &delivery)))
}

/// The same, as long as it is pending.
pub async fn live_delivery(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    stream(visit, DELIVERY_EVERY, async move |visit| {
        let delivery = found(visit, &id).await?;
        let content = view::events::delivery_content(&visit.frame("events"), &delivery);
        Ok(Shown { content, goes_on: text(&delivery, "/status") == "PENDING" })
    })
    .await
}

async fn found(visit: &Visit, id: &str) -> Result<Value, Stop> {
    let own = visit.own();
    visit.get(&visit.below(&own, &["deliveries", id]), &[]).await
}

/// Makes a delivery due now.
pub async fn retry(posted: Posted, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let (visit, own) = (&posted.visit, posted.visit.own());
    visit.post(&visit.below(&own, &["deliveries", &id, "retry"]), None).await?;
    Ok(see(&address(&["deliveries", &id])))
}
