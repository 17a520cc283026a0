//! Workers, their cards and their timelines.

use super::events::{Asked, again, asked, criterion};
use super::layout::page;
use super::{Frame, number, parts, rows, text, time, times};
use maud::{Markup, html};
use serde_json::Value;

const HERE: &str = "/console/ingest";
const CATEGORIES: [(&str, &str); 8] = [
    ("", "All"),
    ("communication", "Communication"),
    ("project_management", "Project management"),
    ("code", "Code"),
    ("calendar", "Calendar"),
    ("design", "Design"),
    ("ai_tools", "AI tools"),
    ("other", "Other"),
];

/// What the page with the workers shows.
pub struct Workers<'v> {
    pub found: &'v Value,
    /// Where the key may see them.
    pub usage: Option<&'v Value>,
    pub plan: Option<&'v Value>,
}

/// An address within the area, for the organisation that is looked at.
pub fn scoped(path: &str, query: &Asked) -> String {
    let organization = asked(query, "organization");
    if organization.is_empty() { path.to_owned() } else { again(path, &[], "organization", organization) }
}

/// For administrators: whose things are shown, as a field of a filter.
pub fn whose(frame: &Frame<'_>, query: &Asked, organizations: &[(String, String)]) -> Markup {
    let mut words = vec![("", "Choose one")];
    words.extend(organizations.iter().map(|(id, slug)| (id.as_str(), slug.as_str())));
    html! {
        @if frame.who.admin { (parts::choice("organization", "Organisation", &words, asked(query, "organization"))) }
    }
}

/// The organisation that a form of a filter keeps.
pub fn kept(query: &Asked) -> Markup {
    let organization = asked(query, "organization");
    html! { @if !organization.is_empty() { input type="hidden" name="organization" value=(organization); } }
}

/// `None` as long as nobody has said whose workers.
pub fn workers(
    frame: &Frame<'_>,
    query: &Asked,
    organizations: &[(String, String)],
    shown: Option<&Workers<'_>>,
) -> Markup {
    page(
        frame,
        "Ingest",
        &html! {
            h1 { "Workers" }
            form.filter method="get" action=(HERE) {
                (whose(frame, query, organizations))
                (criterion(query, "search", "Part of a name, address or id", "text"))
                (criterion(query, "app", "Made by the application", "text"))
                button.plain { "Show" }
            }
            @if let Some(shown) = shown {
                (usage(shown))
                (table(frame, query, shown.found))
            } @else { (parts::nothing("Choose an organisation to see its workers.")) }
        },
    )
}

/// How much of the plan is used.
fn usage(shown: &Workers<'_>) -> Markup {
    let Some(usage) = shown.usage else { return html! {} };
    let months = usage["months"].as_array().map_or(&[][..], Vec::as_slice);
    let (events, workers) =
        (months.first().map_or(0, |month| number(month, "/events")), number(usage, "/workers"));
    let quota = shown.plan.and_then(|plan| plan.pointer("/plan/monthlyEventQuota")?.as_i64());
    let most = shown.plan.and_then(|plan| plan.pointer("/plan/maxWorkers")?.as_i64());
    let of_events =
        quota.map(|quota| html! { (share(events, quota)) " of " (times::count(quota)) ", the plan's" });
    let of_workers =
        most.map(|most| html! { (share(workers, most)) " of " (times::count(most)) ", the plan's" });
    html! {
        div.figures {
            (parts::figure("Events this month", &times::count(events), "events", &of_events.unwrap_or_default()))
            (parts::figure("Workers", &times::count(workers), "workers", &of_workers.unwrap_or_default()))
        }
        details {
            summary { "The last twelve months" }
            div.scroll tabindex="0" role="region" aria-label="Events by month" {
                table {
                    thead { tr { th { "Month (UTC)" } th.number { "Events and snapshots" } } }
                    tbody { @for month in months {
                        tr { td { (text(month, "/month")) } td.number { (times::count(number(month, "/events"))) } }
                    } }
                }
            }
        }
    }
}

fn share(part: i64, whole: i64) -> String {
    if whole == 0 {
        return "100 %".to_owned();
    }
    let tenths = i128::from(part) * 1_000 / i128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn table(frame: &Frame<'_>, query: &Asked, found: &Value) -> Markup {
    if rows(found).is_empty() {
        let is_filtered = ["search", "app", "cursor"].iter().any(|name| !asked(query, name).is_empty());
        return parts::nothing(if is_filtered {
            "No worker is like that."
        } else {
            "There is no worker yet. The first event that names one with an address or an id of the application makes them."
        });
    }
    let next = text(found, "/nextCursor");
    let next = (!next.is_empty()).then(|| again(HERE, query, "cursor", next));
    html! {
        h2 { "Each of them, newest first" }
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "Worker" } th { "Name" } th { "Address" } th { "Id of the application" } th { "Made by" } th { "Since" } } }
                tbody {
                    @for worker in rows(found) {
                        tr {
                            td { a href=(scoped(&format!("{HERE}/workers/{}", text(worker, "/id")), query)) { code { (text(worker, "/id")) } } }
                            td.said { (or_none(text(worker, "/displayName"))) }
                            td.said { (or_none(text(worker, "/email"))) }
                            td.said { (or_none(text(worker, "/externalId"))) }
                            td { (text(worker, "/source")) }
                            td { (times::time(time(worker, "/createdAt"), frame.now)) }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(again(HERE, query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
    }
}

/// One worker.
pub fn worker(frame: &Frame<'_>, query: &Asked, worker: &Value, timeline: &Value, cards: &Value) -> Markup {
    let identities = worker["identities"].as_array().map_or(&[][..], Vec::as_slice);
    let title = ["/displayName", "/email", "/externalId", "/id"]
        .iter()
        .map(|fact| text(worker, fact))
        .find(|fact| !fact.is_empty());
    page(
        frame,
        "Worker",
        &html! {
            p { a href=(scoped(HERE, query)) { "Workers" } }
            h1 { (title.unwrap_or_default()) }
            dl {
                dt { "Id" } dd { (parts::id(text(worker, "/id"))) }
                dt { "Name" } dd { (or_none(text(worker, "/displayName"))) }
                dt { "Address" } dd { (or_none(text(worker, "/email"))) }
                dt { "Id of the application" } dd { (or_none(text(worker, "/externalId"))) }
                dt { "Made by" } dd { (text(worker, "/source")) ", " (times::time(time(worker, "/createdAt"), frame.now)) }
                dt { "Found by" } dd {
                    @if identities.is_empty() { "its id alone" }
                    @for name in identities { div { (text(name, "/value")) span.muted { " (" (text(name, "/namespace")) ")" } } }
                }
            }
            h2 { "Cards" }
            @if rows(cards).is_empty() { (parts::nothing("No application has sent a snapshot of this worker yet.")) }
            div.figures { @for card in rows(cards) { (shown_card(frame, card)) } }
            h2 { "Timeline" }
            form.filter method="get" action={(HERE) "/workers/" (text(worker, "/id"))} {
                (kept(query))
                (criterion(query, "type", "Type", "text"))
                (parts::choice("category", "Category", &CATEGORIES, asked(query, "category")))
                (criterion(query, "app", "Application", "text"))
                (criterion(query, "from", "From (UTC)", "datetime-local"))
                (criterion(query, "to", "To (UTC)", "datetime-local"))
                button.plain { "Filter" }
            }
            (shown_timeline(frame, query, text(worker, "/id"), timeline))
        },
    )
}

/// The latest snapshot of a type.
fn shown_card(frame: &Frame<'_>, card: &Value) -> Markup {
    html! {
        section.card {
            h3 { (text(card, "/snapshotType")) }
            p.muted { "custom:" (text(card, "/app")) ", " (times::time(time(card, "/timestamp"), frame.now)) }
            dl {
                @for (name, metric) in card["metrics"].as_object().into_iter().flatten() {
                    @let label = text(metric, "/label");
                    dt { (if label.is_empty() { name } else { label }) }
                    dd { (value_of(metric)) }
                }
            }
        }
    }
}

/// A metric is a number, a text, or one of them with its unit.
fn value_of(metric: &Value) -> Markup {
    let value = if metric.is_object() { &metric["value"] } else { metric };
    html! {
        @match value {
            Value::Null => "–",
            Value::String(text) => (text),
            other => (other.to_string()),
        }
        @match text(metric, "/unit") {
            "" | "count" => {},
            "percentage" => " %",
            unit => { " " (unit) }
        }
    }
}

fn shown_timeline(frame: &Frame<'_>, query: &Asked, worker: &str, timeline: &Value) -> Markup {
    if rows(timeline).is_empty() {
        let names = ["type", "category", "app", "from", "to", "cursor"];
        let is_filtered = names.iter().any(|name| !asked(query, name).is_empty());
        return parts::nothing(if is_filtered {
            "No event is like that."
        } else {
            "Nothing has happened yet."
        });
    }
    let here = format!("{HERE}/workers/{worker}");
    let next = text(timeline, "/nextCursor");
    let next = (!next.is_empty()).then(|| again(&here, query, "cursor", next));
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "Occurred" } th { "Type" } th { "Category" } th { "From" } th.number { "Took" } th { "Metadata" } } }
                tbody {
                    @for event in rows(timeline) {
                        tr {
                            td { (times::time(time(event, "/timestamp"), frame.now)) }
                            td { (text(event, "/eventType")) }
                            td { (text(event, "/category").replace('_', " ")) }
                            td { (text(event, "/source")) }
                            td.number { @if event["duration"].is_null() { "–" } @else { (times::count(number(event, "/duration"))) " s" } }
                            td { @if event["metadata"].is_null() { "–" } @else { details { summary { "Show" } (parts::json(&event["metadata"])) } } }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(again(&here, query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
    }
}

/// What is shown in place of a text that is not there.
pub fn or_none(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_one_digit_behind_the_point_and_no_plan_is_used_up() {
        assert_eq!([share(0, 1_000_000), share(1, 8), share(0, 0)], ["0.0 %", "12.5 %", "100 %"]);
        assert_eq!(share(i64::MAX, i64::MAX), "100.0 %");
    }
}
