//! Messages of the Lead Exchange Standard, and what became of one.

use super::events::{Asked, again, asked, criterion};
use super::ingest::{or_none, scoped, whose};
use super::layout::{live, page, sentence};
use super::parts::{self, Action};
use super::{Frame, number, rows, text, time, times};
use maud::{Markup, html};
use serde_json::Value;

pub const MESSAGES: &str = "/console/lex";
pub const DEAD: &str = "/console/lex/dead";
pub const CONFORMANCE: &str = "/console/lex/conformance";

const TYPES: [(&str, &str); 6] = [
    ("", "All"),
    ("LEAD", "Lead"),
    ("LEAD_CLOSURE", "Lead closure"),
    ("ASSET", "Asset"),
    ("ACKNOWLEDGMENT", "Acknowledgment"),
    ("SUBSCRIPTION", "Subscription"),
];
const DIRECTIONS: [(&str, &str); 3] = [("", "Both"), ("SENT", "Sent"), ("RECEIVED", "Received")];
const STATUSES: [(&str, &str); 6] = [
    ("", "All"),
    ("RECEIVED", "Received"),
    ("PROCESSED", "Processed"),
    ("DELIVERED", "Delivered"),
    ("REJECTED", "Rejected"),
    ("DLQ", "Dead (DLQ)"),
];
const ACKNOWLEDGMENTS: [(&str, &str); 5] = [
    ("", "All"),
    ("RECEIVED", "Received"),
    ("PROCESSED", "Processed"),
    ("REJECTED", "Rejected"),
    ("ERROR", "Error"),
];

/// The parts of the area.
pub fn tabs(query: &Asked, here: &str) -> Markup {
    let names = [(MESSAGES, "Messages"), (DEAD, "Dead messages"), (CONFORMANCE, "Conformance")];
    let links = names.map(|(path, name)| (scoped(path, query), name));
    let links: Vec<_> = links.iter().map(|(link, name)| (link.as_str(), *name)).collect();
    parts::tabs("Parts of LEX", &links, &scoped(here, query))
}

/// Messages, or the dead ones. `None` as long as nobody has said whose.
pub fn list(
    frame: &Frame<'_>,
    here: &str,
    query: &Asked,
    organizations: &[(String, String)],
    found: Option<&Value>,
) -> Markup {
    let is_of_dead = here == DEAD;
    let title = if is_of_dead { "Dead messages" } else { "Messages" };
    page(
        frame,
        title,
        &html! {
            h1 { (title) }
            (tabs(query, here))
            @if is_of_dead {
                p { "What was sent and nobody got: no subscription of the receiver took it, or its time was over. A message says why. "
                    "Its receiver can have a delivery sent again; its sender can send another message in its place." }
            }
            form.filter method="get" action=(here) {
                (whose(frame, query, organizations))
                @if !is_of_dead { (parts::choice("direction", "Direction", &DIRECTIONS, asked(query, "direction"))) }
                (parts::choice("type", "Type", &TYPES, asked(query, "type")))
                @if !is_of_dead {
                    (parts::choice("status", "Status", &STATUSES, asked(query, "status")))
                    (parts::choice("acknowledgment", "Acknowledged", &ACKNOWLEDGMENTS, asked(query, "acknowledgment")))
                }
                (criterion(query, "partner", "Partner's LEX id", "text"))
                (criterion(query, "leadId", "Lead", "text"))
                (criterion(query, "messageId", "Message id", "text"))
                (criterion(query, "from", "From (UTC)", "datetime-local"))
                (criterion(query, "to", "To (UTC)", "datetime-local"))
                button.plain { "Show" }
            }
            @if let Some(found) = found { (table(frame, here, query, found)) }
            @else { (parts::nothing("Choose an organisation to see its messages.")) }
        },
    )
}

fn table(frame: &Frame<'_>, here: &str, query: &Asked, found: &Value) -> Markup {
    let next = text(found, "/nextCursor");
    let next = (!next.is_empty()).then(|| again(here, query, "cursor", next));
    let is_filtered = query.iter().any(|(name, value)| name != "organization" && !value.is_empty());
    html! {
        @if rows(found).is_empty() {
            (parts::nothing(match (&next, is_filtered, here) {
                (Some(_), ..) => "None of the 2,000 messages that were looked at is like that. Older ones may be.",
                (None, true, _) => "No message is like that.",
                (None, false, DEAD) => "No message is dead: everything that was sent reached somebody, or still may.",
                (None, false, _) => "No message was sent or came in yet. Partners send them to POST /v1/messages.",
            }))
        } @else {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "Message" } th { "Type" } th { "From" } th { "To" } th { "Lead" } th { "Status" } th { "Acknowledged" } th { "Came" } } }
                    tbody {
                        @for message in rows(found) {
                            tr {
                                td.said { a href=(scoped(&format!("{MESSAGES}/messages/{}", text(message, "/id")), query)) { code { (text(message, "/messageId")) } } " "
                                    span.muted { (text(message, "/direction").to_ascii_lowercase()) } }
                                td { (worded(text(message, "/messageType"))) }
                                td { (or_none(text(message, "/senderId"))) }
                                td { (or_none(text(message, "/receiverId"))) }
                                td.said { (or_none(text(message, "/leadId"))) }
                                td { (parts::status(text(message, "/status"))) }
                                td { (acknowledged(text(message, "/acknowledgmentStatus"))) }
                                td { (times::time(time(message, "/receivedAt"), frame.now)) }
                            }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        @if !rows(found).is_empty() { p { a href=(again(here, query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } } }
    }
}

fn worded(kind: &str) -> String {
    if kind.is_empty() { "–".to_owned() } else { kind.to_ascii_lowercase().replace('_', " ") }
}

/// A type as a heading has it.
fn named(kind: &str) -> &str {
    let known = TYPES.iter().find(|(word, _)| *word == kind && !kind.is_empty());
    known.map_or("Message", |(_, name)| *name)
}

fn acknowledged(status: &str) -> Markup {
    if status.is_empty() {
        html! { span.muted { "–" } }
    } else {
        parts::status(status)
    }
}

/// The event of a message, as far as the key may see it.
pub struct OfEvent<'v> {
    /// Of a message that was sent.
    pub event: Option<&'v Value>,
    /// To subscriptions of the organisation itself.
    pub deliveries: Option<&'v [&'v Value]>,
}

/// One message from its beginning to its end.
pub fn one(frame: &Frame<'_>, query: &Asked, message: &Value, of_event: &OfEvent<'_>) -> Markup {
    let deliveries = of_event.deliveries.unwrap_or_default();
    let goes_on = deliveries.iter().any(|delivery| text(delivery, "/status") == "PENDING");
    let errors = message.pointer("/acknowledgment/errors").and_then(Value::as_array);
    let errors = errors.map_or(&[][..], Vec::as_slice);
    let warnings = message["warnings"].as_array().map_or(&[][..], Vec::as_slice);
    live(
        frame,
        "Message",
        goes_on.then_some(5),
        &html! {
            p { a href=(scoped(MESSAGES, query)) { "Messages" } }
            h1 { (named(text(message, "/messageType"))) " " (text(message, "/messageId")) }
            p { (parts::status(text(message, "/status")))
                (if text(message, "/direction") == "SENT" { " sent by this organisation" } else { " came to this organisation" })
                @if message["isSuperseded"] == true { span.muted { ", refused; another message has its id now" } } }
            @if !errors.is_empty() { div.reason { p { strong { "Why it ended so" } } (issues(errors)) } }
            dl {
                dt { "From" } dd { (or_none(text(message, "/senderId"))) }
                dt { "To" } dd { (or_none(text(message, "/receiverId")))
                    @if message["awaitsReceiver"] == true { span.muted { " nobody has this LEX id yet: the message waits for whoever takes it" } } }
                dt { "Id" } dd { (parts::id(text(message, "/id"))) span.muted { " that of its event as well" } }
                @if let Some(duplicate) = message["deduplication"].as_object() {
                    dt { "Comparison" } dd { (duplicate.get("status").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase())
                        @if let Some(of) = duplicate.get("duplicateOfLeadId").and_then(Value::as_str) { ": the same customer as in " code { (of) } } }
                }
            }
            (way(frame, message, of_event.event))
            @if !warnings.is_empty() { h2 { "Warnings" } (issues(warnings)) }
            @if let Some(deliveries) = of_event.deliveries {
                (shown_deliveries(frame, query, text(message, "/direction"), deliveries))
            }
            @if message["lead"].is_object() { (lead(frame, query, &message["lead"])) }
            h2 { "Word for word" }
            details { summary { "Show the message" } (parts::json(&message["message"])) }
        },
    )
}

/// What happened to it, one after the other.
fn way(frame: &Frame<'_>, message: &Value, event: Option<&Value>) -> Markup {
    let on_expiry = match text(message, "/onExpiry") {
        "DISCARD" => "then it is dropped",
        "RETURN" => "then it is handed back",
        _ => "then it is dead",
    };
    html! {
        h2 { "Its way" }
        ol.way {
            li { "Came in: " (times::time(time(message, "/receivedAt"), frame.now))
                @if !message["processingTimeMs"].is_null() { ", checked in " (times::count(number(message, "/processingTimeMs"))) " ms" } }
            @if let Some(event) = event {
                li { "Announced: " (times::time(time(event, "/receivedAt"), frame.now))
                    @if event["waitsForSubscription"] == true { ", and held for a subscription of its receiver" } }
            }
            @if let Some(expires) = time(message, "/expiresAt") {
                @if matches!(text(message, "/status"), "RECEIVED" | "PROCESSED") {
                    li { "May be delivered until " (times::time(Some(expires), frame.now)) ", " (on_expiry) }
                } @else { li { "Was to be delivered until " (times::time(Some(expires), frame.now)) } }
            }
            @if let Some(said) = message["acknowledgment"].as_object().map(|_| &message["acknowledgment"]) {
                li { "Acknowledged: " (parts::status(text(said, "/status"))) " " (times::time(time(said, "/processedAt"), frame.now)) }
            } @else { li { "Messages of its type are never acknowledged." } }
        }
    }
}

/// What the rules, or whoever was to get it, said.
fn issues(issues: &[Value]) -> Markup {
    html! {
        ul {
            @for issue in issues {
                li.said { code { (text(issue, "/code")) } " " (sentence(text(issue, "/message")))
                    @if !text(issue, "/field").is_empty() { span.muted { " At " code { (text(issue, "/field")) } "." } }
                    @if !text(issue, "/suggestion").is_empty() { " " (sentence(text(issue, "/suggestion"))) } }
            }
        }
    }
}

/// Deliveries to the organisation's own subscriptions: a receiver's are the receiver's to see.
fn shown_deliveries(frame: &Frame<'_>, query: &Asked, direction: &str, deliveries: &[&Value]) -> Markup {
    html! {
        h2 { "Deliveries to your subscriptions" }
        @if deliveries.is_empty() {
            (parts::nothing(if direction == "SENT" {
                "None of yours. How its receiver's ended, the status and the acknowledgment say."
            } else {
                "None of your subscriptions has had it."
            }))
        }
        @for delivery in deliveries {
            @let (id, status) = (text(delivery, "/id"), text(delivery, "/status"));
            section.card {
                h3 { a href={"/console/deliveries/" (id)} { (or_none(text(delivery, "/url"))) } " " (parts::status(status)) }
                p { @match number(delivery, "/attemptCount") { 1 => "1 try", tries => { (times::count(tries)) " tries" } }
                    @if !text(delivery, "/error").is_empty() { ". Last: " span.said { (text(delivery, "/error")) } } }
                @if status == "DEAD_LETTER" && frame.may("webhooks:write") {
                    (parts::action(frame, &Action {
                        label: "Send again",
                        post_to: &scoped(&format!("/console/deliveries/{id}/retry"), query),
                        says: html! { p { "Makes this delivery due now, with a full set of tries and the same " code { "webhook-id" } ". The status of the message goes on saying how its first deliveries ended." } },
                        fields: html! {},
                        does: "Send it now",
                        harmful: false,
                    }))
                }
            }
        }
    }
}

fn lead(frame: &Frame<'_>, query: &Asked, lead: &Value) -> Markup {
    let id = text(lead, "/leadId");
    let whose_is = [("organization".to_owned(), asked(query, "organization").to_owned())];
    html! {
        h2 { "Its lead" }
        dl {
            dt { "Lead" } dd { a href=(again(MESSAGES, &whose_is, "leadId", id)) { (id) } }
            dt { "Status" } dd { (worded(text(lead, "/status"))) }
            dt { "Opened by" } dd { (text(lead, "/openedBy")) ", " (times::time(time(lead, "/openedAt"), frame.now)) }
            dt { "Receiver" } dd { (text(lead, "/receiverId")) }
            @if !text(lead, "/closureStatus").is_empty() {
                dt { "Closed" } dd { (worded(text(lead, "/closureStatus"))) ", " (times::time(time(lead, "/closedAt"), frame.now)) }
            }
        }
    }
}
