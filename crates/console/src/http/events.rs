//! Finding events, and what became of one: its deliveries and their requests.

use super::stop::Stop;
use super::visit::{Posted, Visit};
use super::{page, see, table};
use crate::view::{self, number, rows, text};
use actix_web::{HttpResponse, web};
use futures_util::future::try_join_all;
use serde_json::Value;

/// Deliveries of an event whose requests are shown with it.
const IN_FULL: usize = 10;

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
    let mut query = visit.query.pairs(&["type", "source", "cursor"]);
    let (from, to) = (visit.query.utc("from"), visit.query.utc("to"));
    query.extend(from.as_deref().map(|from| ("dateFrom", from)));
    query.extend(to.as_deref().map(|to| ("dateTo", to)));
    query.push(("limit", "50"));
    let found = visit.get(&visit.below(&own, &["events"]), &query).await?;
    if visit.query.text("export").is_some() {
        let row = |event: &Value| {
            let count = |state: &str| number(event, &format!("/deliveries/{state}")).to_string();
            let facts =
                ["/id", "/eventType", "/source", "/occurredAt"].map(|fact| text(event, fact).to_owned());
            let counts = ["pending", "delivered", "dead_letter", "skipped_disabled", "cancelled"].map(count);
            facts.into_iter().chain(counts).collect()
        };
        let head = [
            "id",
            "type",
            "source",
            "occurred_at",
            "pending",
            "delivered",
            "dead_letter",
            "skipped_disabled",
            "cancelled",
        ];
        return Ok(table::csv("events", &head, rows(&found).iter().map(row)));
    }
    Ok(page(view::events::list(&visit.frame("events"), &visit.query.0, &organizations, Some(&found))))
}

/// One event with its deliveries, and the requests of the first of them.
pub async fn get(visit: Visit, event: web::Path<String>) -> Result<HttpResponse, Stop> {
    let own = visit.own();
    let event = visit.get(&visit.below(&own, &["events", &event]), &[]).await?;
    let deliveries = event["deliveries"].as_array().map_or(&[][..], Vec::as_slice);
    let in_full = deliveries.iter().take(IN_FULL).map(async |delivery| {
        let path = visit.below(&own, &["deliveries", text(delivery, "/id")]);
        visit.get(&path, &[]).await
    });
    let in_full = try_join_all(in_full).await?;
    Ok(page(view::events::story(&visit.frame("events"), &event, &in_full)))
}

/// One delivery with its requests.
pub async fn delivery(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let own = visit.own();
    let delivery = visit.get(&visit.below(&own, &["deliveries", &id]), &[]).await?;
    Ok(page(view::events::delivery(&visit.frame("events"), &delivery)))
}

/// Makes a delivery due now.
pub async fn retry(posted: Posted, id: web::Path<String>) -> Result<HttpResponse, Stop> {
    let (visit, own) = (&posted.visit, posted.visit.own());
    visit.post(&visit.below(&own, &["deliveries", &id, "retry"]), None).await?;
    Ok(see(&address(&["deliveries", &id])))
}

/// A page of the console, each segment encoded.
pub fn address(segments: &[&str]) -> String {
    let Ok(mut url) = url::Url::parse("http://console/console") else { return "/console".to_owned() };
    if let Ok(mut path) = url.path_segments_mut() {
        path.extend(segments);
    }
    url.path().to_owned()
}
