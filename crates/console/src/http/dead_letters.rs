//! Deliveries that were given up: by what they have in common, each of them, and sending them again.

use super::stop::Stop;
use super::table::{Listing, Onward, export};
use super::visit::{Posted, Visit};
use super::{page, see};
use crate::view::dead_letters as view;
use crate::view::{number, text};
use actix_web::HttpResponse;
use futures_util::try_join;
use serde_json::{Value, json};

/// What a list is narrowed down by.
const FILTERS: [&str; 3] = ["type", "reason", "subscription"];

/// Groups and a page of dead letters.
pub async fn list(visit: Visit) -> Result<HttpResponse, Stop> {
    let (own, organizations) = (visit.own(), visit.organizations().await?);
    let query = &visit.query;
    let (since, until) = (query.utc("since"), query.utc("until"));
    let mut filter = query.pairs(&FILTERS);
    filter.extend(since.as_deref().map(|since| ("since", since)));
    filter.extend(until.as_deref().map(|until| ("until", until)));
    filter.push(("status", "dead_letter"));
    if query.text("export").is_some() {
        let path = visit.below(&own, &["deliveries"]);
        let onward = Onward::Cursor("/nextCursor");
        return export(
            &visit,
            Listing { name: "dead-letters", head: HEAD, path, query: filter, onward, row },
        )
        .await;
    }
    let by = query.text("by").unwrap_or("reason");
    let (mut stats, mut listed) = (filter.clone(), filter);
    stats.push(("by", by));
    listed.extend(query.pairs(&["cursor"]));
    listed.push(("limit", "50"));
    let (stats_path, listed_path) =
        (visit.below(&own, &["deliveries", "stats"]), visit.below(&own, &["deliveries"]));
    let (groups, found) = try_join!(visit.get(&stats_path, &stats), visit.get(&listed_path, &listed))?;
    Ok(page(view::page(&visit.frame("dead-letters"), &visit.query.0, &organizations, by, &groups, &found)))
}

const HEAD: &[&str] =
    &["id", "type", "url", "reason", "error", "made_at", "ended_at", "trace_id", "attempts"];

fn row(one: &Value) -> Vec<String> {
    let facts = ["/id", "/eventType", "/url", "/reason", "/error", "/createdAt", "/endedAt", "/traceId"];
    let mut row: Vec<_> = facts.iter().map(|fact| text(one, fact).to_owned()).collect();
    row.push(number(one, "/attemptCount").to_string());
    row
}

/// Makes the chosen deliveries due now, and says what became of each.
pub async fn retry(posted: Posted) -> Result<HttpResponse, Stop> {
    /// One after the other, so that a click is not a hundred requests at once.
    const AT_MOST: usize = 100;
    let Posted { visit, form } = &posted;
    let own = visit.own();
    let mut outcomes = Vec::new();
    for id in form.all("id").take(AT_MOST) {
        let outcome = match visit.post(&visit.below(&own, &["deliveries", id, "retry"]), None).await {
            Ok(_) => None,
            Err(Stop::Refused(refusal)) => Some(refusal.message),
            Err(stop) => return Err(stop),
        };
        outcomes.push((id.to_owned(), outcome));
    }
    Ok(page(view::retried(&visit.frame("dead-letters"), &outcomes)))
}

/// Sends the dead letters of one subscription again, at its pace.
pub async fn recover(posted: Posted) -> Result<HttpResponse, Stop> {
    let Posted { visit, form } = &posted;
    let own = visit.own();
    let subscription = form.text("subscription").ok_or_else(Stop::missing)?;
    let mut body = json!({"since": form.utc("since"), "status": "dead_letter"});
    for name in ["type", "reason"] {
        if let Some(value) = form.text(name) {
            body[name] = json!(value);
        }
    }
    let path = visit.below(&own, &["subscriptions", subscription, "recover"]);
    visit.post(&path, Some(&body)).await?;
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("subscription", subscription)
        .finish();
    Ok(see(&format!("/console/dead-letters?{query}")))
}
