//! Events, and what became of one.

use super::layout::{page, streamed};
use super::parts::{self, Action, Field};
use super::{Frame, number, rows, text, time, times};
use maud::{Markup, html};
use serde_json::Value;

/// What a page was asked with.
pub type Asked = [(String, String)];

/// The value of one of the things asked.
pub fn asked<'q>(query: &'q Asked, name: &str) -> &'q str {
    query.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
}

/// The same page, asked with something else beside.
pub fn again(path: &str, query: &Asked, name: &str, value: &str) -> String {
    let kept = query.iter().filter(|(given, _)| given != name && given != "cursor" && given != "page");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept.filter(|(_, value)| !value.is_empty()))
        .append_pair(name, value)
        .finish();
    format!("{path}?{query}")
}

/// For administrators: whose things are shown.
pub fn of_organization(
    frame: &Frame<'_>,
    path: &str,
    organizations: &[(String, String)],
    chosen: &str,
) -> Markup {
    html! {
        @if frame.who.admin {
            form.filter method="get" action=(path) {
                (choose(organizations, chosen, "All organisations"))
                button.plain { "Show" }
            }
        }
    }
}

fn choose(organizations: &[(String, String)], chosen: &str, none: &str) -> Markup {
    let mut words = vec![("", none)];
    words.extend(organizations.iter().map(|(id, slug)| (id.as_str(), slug.as_str())));
    parts::choice("organization", "Organisation", &words, chosen)
}

/// A field of a filter.
pub fn criterion(query: &Asked, name: &str, label: &str, kind: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) type=(kind) value=(asked(query, name));
        }
    }
}

/// `None` as long as nobody has said whose events.
pub fn list(
    frame: &Frame<'_>,
    query: &Asked,
    organizations: &[(String, String)],
    found: Option<&Value>,
) -> Markup {
    page(
        frame,
        "Events",
        &html! {
            h1 { "Events" }
            form.filter method="get" action="/console/events" {
                (parts::field(&Field {
                    name: "id", label: "Id of an event or a delivery", kind: "text", value: "",
                    hint: "evt_…, msg_… or a UUID", required: true, complaint: None,
                }))
                button { "Find" }
            }
            form.filter method="get" action="/console/events" {
                @if frame.who.admin { (choose(organizations, asked(query, "organization"), "Choose one")) }
                (criterion(query, "type", "Type", "text"))
                (criterion(query, "source", "Source", "text"))
                (criterion(query, "subject", "Speaks of (id of a lead, a record …)", "text"))
                (criterion(query, "from", "From (UTC)", "datetime-local"))
                (criterion(query, "to", "To (UTC)", "datetime-local"))
                button.plain { "Filter" }
            }
            @if let Some(found) = found { (table(frame, query, found)) }
            @else { (parts::nothing("Choose an organisation, or find one event by its id.")) }
        },
    )
}

fn table(frame: &Frame<'_>, query: &Asked, found: &Value) -> Markup {
    if rows(found).is_empty() {
        return parts::nothing("No event is like that.");
    }
    let next = text(found, "/pagination/nextCursor");
    let next = (!next.is_empty()).then(|| again("/console/events", query, "cursor", next));
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    th { "Event" } th { "Type" } th { "Source" } th { "Speaks of" } th { "Occurred" }
                    th.number { "Pending" } th.number { "Delivered" } th.number { "Dead" } th.number { "Skipped" }
                } }
                tbody {
                    @for event in rows(found) {
                        tr {
                            td { a href={"/console/events/" (text(event, "/id"))} { code { (text(event, "/id")) } } }
                            td { (text(event, "/eventType")) }
                            td { (text(event, "/source")) }
                            @let subject = text(event, "/subject");
                            td { @if !subject.is_empty() {
                                a href=(again("/console/events", query, "subject", subject)) { code { (subject) } }
                            } @else { "–" } }
                            td { (times::time(time(event, "/occurredAt"), frame.now)) }
                            @for state in ["pending", "delivered", "dead_letter", "skipped_disabled"] {
                                td.number { (times::count(number(event, &format!("/deliveries/{state}")))) }
                            }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(again("/console/events", query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
    }
}

/// Whether something of an event is still to be delivered.
pub fn is_pending(event: &Value) -> bool {
    let mut deliveries = event["deliveries"].as_array().into_iter().flatten();
    deliveries.any(|delivery| text(delivery, "/status") == "PENDING")
}

/// One event from its beginning to its end.
pub fn story(frame: &Frame<'_>, event: &Value, in_full: &[Value]) -> Markup {
    let stream = is_pending(event).then(|| format!("/console/live/events/{}", text(event, "/id")));
    let head = html! { p { a href="/console/events" { "Events" } } };
    streamed(frame, "Event", stream.as_deref(), &head, &story_content(frame, event, in_full))
}

/// What of it is brought up to date.
pub fn story_content(frame: &Frame<'_>, event: &Value, in_full: &[Value]) -> Markup {
    let deliveries = event["deliveries"].as_array().map_or(&[][..], Vec::as_slice);
    html! {
            h1 { (text(event, "/eventType")) }
            dl {
                dt { "Id" } dd { (parts::id(text(event, "/id"))) }
                dt { "Organisation" } dd { (parts::id(text(event, "/organizationId"))) }
                dt { "Source" } dd { (text(event, "/source")) }
                @let subject = text(event, "/subject");
                dt { "Speaks of" } dd { @if subject.is_empty() { "–" } @else {
                    (parts::id(subject)) " " a href=(about(event, subject)) { "All events that speak of it" }
                } }
                dt { "Request" } dd { @let request = text(event, "/requestId");
                    @if request.is_empty() { "–" } @else { (parts::id(request)) span.muted { " its " code { "X-Request-Id" } } } }
                dt { "Trace" } dd { (or_none(text(event, "/traceId"))) }
            }
            h2 { "Its way" }
            ol.way {
                li { "Occurred and was accepted: " (times::time(time(event, "/occurredAt"), frame.now)) }
                li { "Left the outbox and was fanned out: " (times::time(time(event, "/receivedAt"), frame.now)) }
                li { "Matched " (deliveries.len()) " " (if deliveries.len() == 1 { "subscription" } else { "subscriptions" })
                    @if event["waitsForSubscription"] == true { ", and waits for one of its receiver" } }
                @if let Some(expires) = time(event, "/expiresAt") { li { "Expires: " (times::time(Some(expires), frame.now)) } }
                @if let Some(settled) = time(event, "/settledAt") { li { "Its last delivery ended: " (times::time(Some(settled), frame.now)) } }
            }
            h2 { "Deliveries" }
            @if deliveries.is_empty() { (parts::nothing("No subscription wanted this event.")) }
            @for delivery in in_full { (in_short(frame, delivery)) }
            @if deliveries.len() > in_full.len() {
                ul {
                    @for delivery in &deliveries[in_full.len()..] {
                        li {
                            a href={"/console/deliveries/" (text(delivery, "/id"))} { code { (text(delivery, "/id")) } } " "
                            (parts::status(text(delivery, "/status"))) " " (text(delivery, "/url"))
                        }
                    }
                }
            }
    }
}

/// Where an organisation's events are that speak of the same.
fn about(event: &Value, subject: &str) -> String {
    let organization = text(event, "/organizationId");
    again("/console/events", &[("organization".to_owned(), organization.to_owned())], "subject", subject)
}

/// A delivery with its requests, as a part of its event.
fn in_short(frame: &Frame<'_>, delivery: &Value) -> Markup {
    html! {
        section.card {
            h3 { a href={"/console/deliveries/" (text(delivery, "/id"))} { (or_none(text(delivery, "/url"))) } " "
                (parts::status(text(delivery, "/status"))) }
            (attempts(frame, delivery))
        }
    }
}

/// The requests of a delivery.
fn attempts(frame: &Frame<'_>, delivery: &Value) -> Markup {
    let attempts = delivery["attempts"].as_array().map_or(&[][..], Vec::as_slice);
    if attempts.is_empty() {
        return parts::nothing("Nothing has been sent yet.");
    }
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th.number { "Try" } th { "Started" } th.number { "Took" } th.number { "Status" } th { "What came back" } th { "What was sent" } } }
                tbody {
                    @for attempt in attempts {
                        @let replay = number(attempt, "/replay");
                        tr {
                            td.number { (number(attempt, "/attempt"))
                                @if replay > 0 { span.muted { ", replay " (replay) } } }
                            td { (times::time(time(attempt, "/startedAt"), frame.now)) }
                            td.number { (times::count(number(attempt, "/durationMs"))) " ms" }
                            td.number { @if attempt["responseCode"].is_null() { "–" } @else { (number(attempt, "/responseCode")) } }
                            td.said { (if text(attempt, "/error").is_empty() { "accepted" } else { text(attempt, "/error") }) }
                            td { (headers(attempt)) }
                        }
                    }
                }
            }
        }
    }
}

/// The headers of a request.
fn headers(attempt: &Value) -> Markup {
    let headers = attempt["requestHeaders"].as_array().map_or(&[][..], Vec::as_slice);
    if headers.is_empty() {
        return html! { "–" };
    }
    html! {
        details {
            summary { "Headers" }
            dl {
                @for header in headers {
                    dt { code { (text(header, "/name")) } }
                    dd { @match header["value"].as_str() {
                        Some(value) => code { (value) },
                        None => span.muted { "made anew for each request, not kept" },
                    } }
                }
            }
        }
    }
}

/// One delivery, and sending it again.
pub fn delivery(frame: &Frame<'_>, delivery: &Value) -> Markup {
    let is_pending = text(delivery, "/status") == "PENDING";
    let stream = is_pending.then(|| format!("/console/live/deliveries/{}", text(delivery, "/id")));
    let head = html! { p { a href={"/console/events/" (text(delivery, "/eventId"))} { "Its event" } } };
    streamed(frame, "Delivery", stream.as_deref(), &head, &delivery_content(frame, delivery))
}

/// What of it is brought up to date.
pub fn delivery_content(frame: &Frame<'_>, delivery: &Value) -> Markup {
    let (id, status) = (text(delivery, "/id"), text(delivery, "/status"));
    let error = text(delivery, "/error");
    html! {
            h1 { "Delivery of " (text(delivery, "/eventType")) }
            p { (parts::status(status)) " to " code { (or_none(text(delivery, "/url"))) } }
            @if !error.is_empty() {
                div.reason { p { strong { "Why it failed last: " } span.said { (error) } } }
            }
            dl {
                dt { "Id" } dd { (parts::id(id)) span.muted { " the " code { "webhook-id" } " that the receiver sees" } }
                dt { "Organisation" } dd { (parts::id(text(delivery, "/organizationId"))) }
                dt { "Subscription" } dd { a href=(subscription(delivery)) { code { (text(delivery, "/subscriptionId")) } } " "
                    @if !text(delivery, "/subscriptionStatus").is_empty() { (parts::status(text(delivery, "/subscriptionStatus"))) }
                    " " (text(delivery, "/family")) }
                dt { "Given up because" } dd { (or_none(text(delivery, "/reason"))) }
                dt { "Tries" } dd { (number(delivery, "/attemptCount"))
                    @match number(delivery, "/replays") { 0 => {}, 1 => ", after it was sent again once", times => { ", after it was sent again " (times) " times" } } }
                @if status == "PENDING" { dt { "Next try" } dd { (times::time(time(delivery, "/scheduledFor"), frame.now)) } }
                dt { "Made" } dd { (times::time(time(delivery, "/createdAt"), frame.now)) }
                dt { "Ended" } dd { (times::time(time(delivery, "/endedAt"), frame.now)) }
                dt { "Trace" } dd { (or_none(text(delivery, "/traceId"))) }
            }
            @if status != "CANCELLED" && frame.may("webhooks:write") {
                (parts::action(frame, &Action {
                    label: "Send again",
                    post_to: &format!("/console/deliveries/{id}/retry"),
                    says: html! { p { "Makes this delivery due now, with a full set of tries. The receiver gets the same event with the same " code { "webhook-id" } "; it may have had it before." } },
                    fields: html! {},
                    does: "Send it now",
                    harmful: false,
                }))
            }
            h2 { "Requests" }
            (attempts(frame, delivery))
    }
}

fn subscription(delivery: &Value) -> String {
    let path = format!("/console/subscriptions/{}", text(delivery, "/subscriptionId"));
    again(&path, &[], "organization", text(delivery, "/organizationId"))
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}
