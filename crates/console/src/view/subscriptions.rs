//! Subscriptions of all families, and what they and clients' webhooks have in common.

use super::events::{Asked, again, asked, criterion};
use super::ingest::{kept, or_none, scoped, whose};
use super::layout::page;
use super::parts::{self, Action, Field};
use super::webhooks::events_of;
use super::{Frame, number, overview, rows, text, time, times};
use maud::{Markup, html};
use serde_json::Value;

pub const HERE: &str = "/console/subscriptions";
const STATES: [(&str, &str); 4] =
    [("", "All"), ("ACTIVE", "Active"), ("PAUSED", "Paused"), ("DISABLED", "Disabled")];
const FAMILIES: [(&str, &str); 4] =
    [("", "All"), ("partner", "Partner"), ("platform", "Platform"), ("lex", "LEX")];
const DELIVERIES: [(&str, &str); 6] = [
    ("", "All"),
    ("PENDING", "Pending"),
    ("DELIVERED", "Delivered"),
    ("DEAD_LETTER", "Dead letter"),
    ("SKIPPED_DISABLED", "Skipped while disabled"),
    ("CANCELLED", "Cancelled"),
];

/// The parts of the area.
pub fn tabs(here: &str) -> Markup {
    parts::tabs("Parts of webhooks", &[("/console/webhooks", "Of a client"), (HERE, "Of all families")], here)
}

/// `None` as long as nobody has said whose.
pub fn list(
    frame: &Frame<'_>,
    query: &Asked,
    organizations: &[(String, String)],
    found: Option<&Value>,
) -> Markup {
    page(
        frame,
        "Webhooks of all families",
        &html! {
            h1 { "Webhooks of all families" }
            (tabs(HERE))
            form.filter method="get" action=(HERE) {
                (whose(frame, query, organizations))
                (parts::choice("family", "Family", &FAMILIES, asked(query, "family")))
                (parts::choice("status", "Status", &STATES, asked(query, "status")))
                (criterion(query, "url", "URL contains", "text"))
                button.plain { "Show" }
            }
            @if let Some(found) = found { (table(frame, query, found)) }
            @else { (parts::nothing("Choose an organisation to see its webhooks.")) }
        },
    )
}

fn table(frame: &Frame<'_>, query: &Asked, found: &Value) -> Markup {
    if rows(found).is_empty() {
        let is_filtered = ["family", "status", "url"].iter().any(|name| !asked(query, name).is_empty());
        return parts::nothing(if is_filtered {
            "No webhook of this organisation is like that."
        } else {
            "This organisation has no webhooks yet. Its clients make them here, partners and LEX members over their own APIs."
        });
    }
    let next = text(found, "/nextCursor");
    let next = (!next.is_empty()).then(|| again(HERE, query, "cursor", next));
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    th { "URL" } th { "Family" } th { "Status" } th { "Events" } th.number { "Deliveries" }
                    th.number { "Failed in a row" } th { "Last success" } (parts::sortable(HERE, query, "createdAt", "Made"))
                } }
                tbody {
                    @for one in rows(found) {
                        tr {
                            td.said { a href=(scoped(&format!("{HERE}/{}", text(one, "/id")), query)) { (or_none(text(one, "/url"))) } }
                            td { (family(one)) }
                            td { (parts::status(text(one, "/status"))) }
                            td.said { (events_of(one)) }
                            td.number { (times::count(number(one, "/deliveries"))) }
                            td.number { (times::count(number(one, "/consecutiveFailures"))) }
                            td { (times::time(time(one, "/lastSuccessAt"), frame.now)) }
                            td { (times::time(time(one, "/createdAt"), frame.now)) }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(again(HERE, query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
    }
}

fn family(one: &Value) -> &str {
    let family = text(one, "/family");
    FAMILIES.iter().find(|(word, _)| *word == family).map_or(family, |(_, name)| *name)
}

/// One subscription of the partner or the LEX family, and how it goes.
pub fn one(
    frame: &Frame<'_>,
    query: &Asked,
    one: &Value,
    deliveries: &Value,
    summary: Option<&Value>,
) -> Markup {
    let here = format!("{HERE}/{}", text(one, "/id"));
    let client = text(one, "/clientId");
    page(
        frame,
        "Webhook",
        &html! {
            p { a href=(scoped(HERE, query)) { "Webhooks of all families" } }
            h1 { (or_none(text(one, "/url"))) }
            p { (parts::status(text(one, "/status"))) " " (family(one)) }
            dl {
                dt { "Id" } dd { (parts::id(text(one, "/id"))) }
                dt { "Client" } dd { @if client.is_empty() { "none: it was asked for by a LEX message" } @else { a href={"/console/clients/" (client)} { (parts::id(client)) } } }
                @if !text(one, "/description").is_empty() { dt { "Description" } dd { (text(one, "/description")) } }
                dt { "Events" } dd { (events_of(one)) }
                @for (name, words) in filters(one) { dt { (name) } dd { (words) } }
                @if !text(one, "/deliveryFormat").is_empty() { dt { "Format" } dd { code { (text(one, "/deliveryFormat")) } } }
                dt { "At most" } dd { @if let Some(limit) = one["rateLimit"].as_i64() { (limit) " requests per second" } @else { "no limit of its own" } }
                dt { "Deliveries" } dd { (times::count(number(one, "/deliveries"))) " of all time, " (times::count(number(one, "/delivered"))) " delivered" }
                dt { "Last success" } dd { (times::time(time(one, "/lastSuccessAt"), frame.now)) }
                dt { "Last failure" } dd { (times::time(time(one, "/lastFailureAt"), frame.now))
                    @match number(one, "/consecutiveFailures") { 0 => {}, 1 => ", the last request failed", count => { ", " (times::count(count)) " requests failed in a row" } } }
                @if let Some(until) = time(one, "/previousSecretUntil") { dt { "Old secret" } dd { "used as well until " (times::time(Some(until), frame.now)) } }
                dt { "Made" } dd { (times::time(time(one, "/createdAt"), frame.now)) }
                dt { "Changed" } dd { (times::time(time(one, "/updatedAt"), frame.now)) }
            }
            @if frame.may("webhooks:write") { (actions(frame, query, &here, text(one, "/status"))) }
            (how_it_goes(frame, &here, query, summary, deliveries))
        },
    )
}

/// What a LEX message must have, in words.
fn filters(one: &Value) -> Vec<(&'static str, String)> {
    let names = [
        ("Product types", "productTypes"),
        ("Lead statuses", "leadStatuses"),
        ("Regions", "regions"),
        ("Senders", "senderIds"),
    ];
    let words = |name: &str| {
        let words = one["filters"][name].as_array()?;
        Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
    };
    names.iter().filter_map(|(label, name)| Some((*label, words(name)?))).collect()
}

fn actions(frame: &Frame<'_>, query: &Asked, here: &str, status: &str) -> Markup {
    let to = |action: &str| scoped(&format!("{here}/{action}"), query);
    let simple = |label, action: &str| {
        let (post_to, says) = (to(action), says(action));
        let action = Action { label, post_to: &post_to, says, fields: html! {}, does: label, harmful: false };
        parts::action(frame, &action)
    };
    html! {
        div.actions {
            @if status == "ACTIVE" { (simple("Send a test", "test")) (simple("Pause", "pause")) }
            @else { (simple("Resume", "resume")) }
            (recover(frame, &to("recover")))
        }
        p.hint { "Its owner changes, rotates and deletes it over the API of its family." }
    }
}

/// What an action will do.
pub fn says(action: &str) -> Markup {
    match action {
        "test" => {
            html! { p { "Sends a " code { "webhook.test" } " event to this URL alone, signed like any other." } }
        }
        "pause" => {
            html! { p { "Nothing is sent until the webhook is resumed. What happens meanwhile is kept and sent then." } }
        }
        _ => {
            html! { p { "Deliveries go out again, first those that were kept. What was skipped while the webhook was disabled stays so until it is recovered." } }
        }
    }
}

/// Bringing back what a subscription did not get.
pub fn recover(frame: &Frame<'_>, post_to: &str) -> Markup {
    parts::action(
        frame,
        &Action {
            label: "Recover",
            post_to,
            says: html! { p { "Sends the dead letters and the skipped deliveries of a stretch of time once more, each with the same " code { "webhook-id" } ", at most 100 a second." } },
            fields: html! {
                (parts::field(&Field { name: "since", label: "Events since (UTC)", kind: "datetime-local", value: "", hint: "at most 35 days back", required: true, complaint: None }))
                (parts::field(&Field { name: "until", label: "Up to (UTC)", kind: "datetime-local", value: "", hint: "", required: false, complaint: None }))
            },
            does: "Recover",
            harmful: false,
        },
    )
}

/// The charts and the deliveries of a subscription.
pub fn how_it_goes(
    frame: &Frame<'_>,
    here: &str,
    query: &Asked,
    summary: Option<&Value>,
    found: &Value,
) -> Markup {
    let chosen = asked(query, "status").to_ascii_uppercase();
    html! {
        h2 { "The last 24 hours" }
        @if let Some(summary) = summary { (overview::charts(summary)) }
        @else { (parts::nothing("This key lacks the scope webhooks:read.")) }
        h2 { "Its deliveries, newest event first" }
        form.filter method="get" action=(here) {
            (kept(query))
            (parts::choice("status", "Status of the delivery", &DELIVERIES, &chosen))
            button.plain { "Show" }
        }
        (deliveries(frame, here, query, found))
    }
}

fn deliveries(frame: &Frame<'_>, here: &str, query: &Asked, found: &Value) -> Markup {
    let next = text(found, "/nextCursor");
    let next = (!next.is_empty()).then(|| again(here, query, "cursor", next));
    if rows(found).is_empty() {
        let is_filtered = !asked(query, "status").is_empty();
        return html! {
            (parts::nothing(match (&next, is_filtered) {
                (Some(_), _) => "None of the deliveries that were looked through is like that. Older ones may be.",
                (None, true) => "No delivery of it is like that.",
                (None, false) => "Nothing has been sent to it yet.",
            }))
            (parts::more(next.as_deref()))
        };
    }
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "Event" } th { "Status" } th.number { "Tries" } th.number { "Answer" } th { "Why it failed last" } th { "Made" } } }
                tbody {
                    @for delivery in rows(found) {
                        tr {
                            td { a href={"/console/deliveries/" (text(delivery, "/id"))} { (text(delivery, "/eventType")) } }
                            td { (parts::status(text(delivery, "/status"))) }
                            td.number { (number(delivery, "/attemptCount")) }
                            td.number { @if delivery["responseCode"].is_null() { "–" } @else { (number(delivery, "/responseCode")) } }
                            td.said { (or_none(text(delivery, "/error"))) }
                            td { (times::time(time(delivery, "/createdAt"), frame.now)) }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(again(here, query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
    }
}
