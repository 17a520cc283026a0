//! The audit log.

use super::events::{Asked, again, asked, criterion};
use super::{Frame, layout, number, parts, rows, text, time, times};
use maud::{Markup, html};
use serde_json::Value;

const HERE: &str = "/console/audit-log";

pub fn page(frame: &Frame<'_>, query: &Asked, organizations: &[(String, String)], found: &Value) -> Markup {
    let (at, pages) = (number(found, "/pagination/page"), number(found, "/pagination/totalPages"));
    let next = (at < pages).then(|| again(HERE, query, "page", &(at + 1).to_string()));
    let mut whose = vec![("", "All organisations")];
    whose.extend(organizations.iter().map(|(id, slug)| (id.as_str(), slug.as_str())));
    layout::page(
        frame,
        "Audit log",
        &html! {
            h1 { "Audit log" }
            form.filter method="get" action=(HERE) {
                (parts::choice("organization", "Organisation", &whose, asked(query, "organization")))
                (criterion(query, "actor", "Who", "text"))
                (criterion(query, "action", "What, such as client.created", "text"))
                (criterion(query, "from", "From (UTC)", "datetime-local"))
                (criterion(query, "to", "To (UTC)", "datetime-local"))
                button.plain { "Show" }
            }
            @if rows(found).is_empty() { (parts::nothing("No entry is like that.")) }
            @else {
                div.scroll tabindex="0" {
                    table {
                        thead { tr { th { "When" } th { "What" } th { "To what" } th { "Who" } th { "From" } th { "What changed" } } }
                        tbody {
                            @for entry in rows(found) {
                                tr {
                                    td { (times::time(time(entry, "/occurredAt"), frame.now)) }
                                    td { (text(entry, "/action")) }
                                    td.said { code { (text(entry, "/target")) } }
                                    td.said { code { (text(entry, "/actor")) } }
                                    td { (text(entry, "/origin")) }
                                    td { (changed(entry)) }
                                }
                            }
                        }
                    }
                }
                (parts::more(next.as_deref()))
                p { a href=(again(HERE, query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
            }
        },
    )
}

fn changed(entry: &Value) -> Markup {
    if entry["before"].is_null() && entry["after"].is_null() {
        return html! { span.muted { "–" } };
    }
    html! {
        details {
            summary { "Before and after" }
            @if !entry["before"].is_null() { p.muted { "before" } (parts::json(&entry["before"])) }
            @if !entry["after"].is_null() { p.muted { "after" } (parts::json(&entry["after"])) }
        }
    }
}
