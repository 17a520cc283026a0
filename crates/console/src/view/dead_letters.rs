//! Deliveries that were given up.

use super::events::{Asked, again, asked, criterion};
use super::layout::{self, sentence};
use super::parts::{self, Action, Field};
use super::{Frame, number, rows, text, time, times};
use maud::{Markup, html};
use serde_json::Value;

const HERE: &str = "/console/dead-letters";
const GROUPINGS: [(&str, &str); 6] = [
    ("reason", "Reason"),
    ("error", "Error"),
    ("type", "Event type"),
    ("endpoint", "Host"),
    ("subscription", "Subscription"),
    ("hour", "Hour"),
];

pub fn page(
    frame: &Frame<'_>,
    query: &Asked,
    organizations: &[(String, String)],
    by: &str,
    groups: &Value,
    found: &Value,
) -> Markup {
    let reasons = [
        ("", "All"),
        ("exhausted", "All tries failed"),
        ("rejected", "Refused for good"),
        ("expired", "Too late"),
    ];
    let mut whose = vec![("", "All organisations")];
    whose.extend(organizations.iter().map(|(id, slug)| (id.as_str(), slug.as_str())));
    layout::page(
        frame,
        "Dead letters",
        &html! {
            h1 { "Dead letters" }
            (super::broker::tabs(frame, HERE))
            form.filter method="get" action=(HERE) {
                @if frame.who.admin { (parts::choice("organization", "Organisation", &whose, asked(query, "organization"))) }
                (parts::choice("by", "Group by", &GROUPINGS, by))
                (parts::choice("reason", "Reason", &reasons, asked(query, "reason")))
                (criterion(query, "type", "Event type", "text"))
                (criterion(query, "subscription", "Subscription", "text"))
                (criterion(query, "since", "Events since (UTC)", "datetime-local"))
                (criterion(query, "until", "Up to (UTC)", "datetime-local"))
                button.plain { "Show" }
            }
            @if rows(found).is_empty() && !text(found, "/nextCursor").is_empty() {
                (parts::nothing("None of the deliveries that were looked through is like that. Older ones may be."))
                (parts::more(Some(&again(HERE, query, "cursor", text(found, "/nextCursor")))))
            }
            @else if rows(found).is_empty() {
                @let is_filtered = ["type", "reason", "subscription", "since", "until"].iter().any(|name| !asked(query, name).is_empty());
                (parts::nothing(if is_filtered { "No delivery was given up that is like that." } else { "No delivery was given up: everything arrived, or still may." }))
            }
            @else {
                (grouped(frame, query, by, groups))
                (recover(frame, query))
                (listed(frame, query, found))
            }
        },
    )
}

/// Groups, each leading to its members where the list can be narrowed down to them.
fn grouped(frame: &Frame<'_>, query: &Asked, by: &str, groups: &Value) -> Markup {
    html! {
        h2 { "By " (parts::label(&GROUPINGS, by).to_lowercase()) ": " (times::count(number(groups, "/total"))) " in all" }
        div.scroll tabindex="0" {
            table {
                thead { tr { th { (parts::label(&GROUPINGS, by)) } th.number { "Dead letters" } th.number { "In the last hour" } th { "Oldest" } th { "Newest" } } }
                tbody {
                    @for group in rows(groups) {
                        @let key = text(group, "/key");
                        tr {
                            td.said {
                                @if matches!(by, "reason" | "type" | "subscription") { a href=(again(HERE, query, by, key)) { (key) } }
                                @else { (key) }
                            }
                            td.number { (times::count(number(group, "/count"))) }
                            td.number { (times::count(number(group, "/lastHour"))) }
                            td { (times::time(time(group, "/oldest"), frame.now)) }
                            td { (times::time(time(group, "/newest"), frame.now)) }
                        }
                    }
                }
            }
        }
    }
}

/// All of one subscription at once.
fn recover(frame: &Frame<'_>, query: &Asked) -> Markup {
    let subscription = asked(query, "subscription");
    if subscription.is_empty() {
        return html! { p.hint { "To send many again at a steady pace, group by subscription and choose one." } };
    }
    if !frame.may("webhooks:write") {
        return html! {};
    }
    parts::action(
        frame,
        &Action {
            label: "Recover this subscription",
            post_to: &posting(query, "recover"),
            says: html! { p { "Sends the dead letters of this subscription again that the filter speaks of, at its own pace or 100 a second, each with the same " code { "webhook-id" } ". It goes on whatever happens to this page." } },
            fields: html! {
                input type="hidden" name="subscription" value=(subscription);
                input type="hidden" name="type" value=(asked(query, "type"));
                input type="hidden" name="reason" value=(asked(query, "reason"));
                (parts::field(&Field { name: "since", label: "Events since (UTC)", kind: "datetime-local", value: asked(query, "since"), hint: "at most 35 days back", required: true, complaint: None }))
            },
            does: "Recover",
            harmful: false,
        },
    )
}

/// Where a form goes, for the organisation that is looked at.
fn posting(query: &Asked, action: &str) -> String {
    let organization = asked(query, "organization");
    let path = format!("{HERE}/{action}");
    if organization.is_empty() { path } else { again(&path, &[], "organization", organization) }
}

fn listed(frame: &Frame<'_>, query: &Asked, found: &Value) -> Markup {
    let next = text(found, "/nextCursor");
    let next = (!next.is_empty()).then(|| again(HERE, query, "cursor", next));
    html! {
        h2 { "Each of them, newest event first" }
        form method="post" action=(posting(query, "retry")) {
            (parts::token(frame))
            div.scroll tabindex="0" {
                table {
                    thead { tr {
                        th { input type="checkbox" data-all="id" aria-label="Choose all on this page"; }
                        th { "Event" } th { "To" } th { "Reason" } th { "What came back last" } th.number { "Tries" } th { "Given up" }
                    } }
                    tbody {
                        @for one in rows(found) {
                            @let id = text(one, "/id");
                            tr {
                                td { input type="checkbox" name="id" value=(id) aria-label={"Choose " (id)}; }
                                td { a href={"/console/deliveries/" (id)} { (text(one, "/eventType")) } }
                                td.said { (text(one, "/url")) }
                                td { (text(one, "/reason")) }
                                td.said { (text(one, "/error")) }
                                td.number { (number(one, "/attemptCount")) }
                                td { (times::time(time(one, "/endedAt"), frame.now)) }
                            }
                        }
                    }
                }
            }
            @if frame.may("webhooks:write") {
                details.action {
                    summary.button { "Send the chosen ones again" }
                    div.panel {
                        p { "Makes each chosen delivery due now, with a full set of tries and the same " code { "webhook-id" } "." }
                        button { "Send them now" }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(again(HERE, query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
    }
}

/// What became of each.
pub fn retried(frame: &Frame<'_>, outcomes: &[(String, Option<String>)]) -> Markup {
    let due = outcomes.iter().filter(|(_, refused)| refused.is_none()).count();
    layout::page(
        frame,
        "Sent again",
        &html! {
            h1 { (due) " of " (outcomes.len()) " due now" }
            @if outcomes.is_empty() { (parts::nothing("None was chosen.")) }
            ul.outcomes {
                @for (id, refused) in outcomes {
                    li {
                        a href={"/console/deliveries/" (id)} { code { (id) } } " "
                        @if let Some(refused) = refused { span.complaint { (sentence(refused)) } } @else { "is due now." }
                    }
                }
            }
            p { a href=(HERE) { "To the dead letters" } }
        },
    )
}
