//! The broker's dead letters.

use super::events::{Asked, again, asked, criterion};
use super::layout::{page, sentence, streamed};
use super::parts::{self, Action, Field};
use super::{Frame, number, rows, text, time, times};
use crate::clients::api::Refusal;
use maud::{Markup, html};
use serde_json::Value;

pub const HERE: &str = "/console/dead-letters/broker";
const PARTS: [(&str, &str); 2] =
    [("/console/dead-letters", "Deliveries"), (HERE, "Messages that services could not process")];
const GROUPINGS: [(&str, &str); 3] =
    [("reason", "Reason"), ("type", "Event type"), ("organization", "Organisation")];

/// The two kinds of dead letters; only administrators have the second.
pub fn tabs(frame: &Frame<'_>, here: &str) -> Markup {
    if frame.who.admin {
        parts::tabs("Kinds of dead letters", &PARTS, here)
    } else {
        html! {}
    }
}

pub fn replay_address(queue: &str, replay: &str) -> String {
    super::address(&["dead-letters", "broker", queue, "replays", replay])
}

fn of_queue(queue: &str) -> String {
    super::address(&["dead-letters", "broker", queue])
}

pub fn queues(frame: &Frame<'_>, found: &Value) -> Markup {
    let has_some = rows(found).iter().any(|one| number(one, "/messages") > 0 || is_under_way(&one["replay"]));
    page(
        frame,
        "Dead letters of the broker",
        &html! {
            h1 { "Dead letters" }
            (tabs(frame, HERE))
            p { "Events that a service took from its queue and could not process. They wait here until somebody has mended the cause and sends them back." }
            @if !has_some { (parts::nothing("No queue has any: every service has processed what it was sent.")) }
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "Queue" } th.number { "Messages" } th { "Oldest" } th.number { "In the last hour" } th { "Mostly" } th { "Replay" } } }
                    tbody { @for one in rows(found) { (line(frame, one)) } }
                }
            }
        },
    )
}

fn line(frame: &Frame<'_>, one: &Value) -> Markup {
    let queue = text(one, "/queue");
    let replay = &one["replay"];
    html! {
        tr {
            td { a href=(of_queue(queue)) { (queue) } }
            td.number {
                @if one["messages"].is_null() { "–" } @else { (times::count(number(one, "/messages"))) }
            }
            td { (times::time(time(one, "/oldest"), frame.now)) }
            td.number { @if one["lastHour"].is_null() { "–" } @else { (times::count(number(one, "/lastHour"))) } }
            td.said {
                @if one["messages"].is_null() { "The broker does not have this queue: run " code { "leadwire topology apply" } "." }
                @else if one["interrupted"] == true { "A replay was interrupted: " code { "leadwire dlq replay --queue " (queue) " --resume" } " goes on with it." }
                @else if let Some(most) = one["mostFrequent"].as_str() { (most) }
                @else if is_under_way(replay) { "A replay is under way." }
                @else if one["inUse"] == true { "Somebody works on it." }
                @else if number(one, "/messages") > 0 { "Too many to look at here: look inside." }
            }
            td {
                @if !replay.is_null() {
                    a href=(replay_address(queue, text(replay, "/id"))) { (parts::status(text(replay, "/state"))) }
                    @if is_under_way(replay) { " " (so_far(replay)) }
                }
            }
        }
    }
}

/// What the page of a queue is made of, beside what lies in it.
pub struct QueuePage<'a> {
    pub queue: &'a str,
    pub asked: &'a Asked,
    pub organizations: &'a [(String, String)],
    pub replays: &'a Value,
    /// What a replay is known by when its form is sent twice.
    pub once: &'a str,
    /// What was wrong with a replay that was asked for.
    pub wrong: Option<&'a Refusal>,
}

/// A queue from inside; or why it cannot be looked into now.
pub fn queue(frame: &Frame<'_>, shown: &QueuePage<'_>, inside: Result<&Value, &str>) -> Markup {
    let QueuePage { queue, asked: query, organizations, replays, once, wrong } = shown;
    let here = of_queue(queue);
    let mut whose = vec![("", "All organisations")];
    whose.extend(organizations.iter().map(|(id, slug)| (id.as_str(), slug.as_str())));
    let by = if asked(query, "by").is_empty() { "reason" } else { asked(query, "by") };
    page(
        frame,
        &format!("Dead letters of {queue}"),
        &html! {
            p { a href=(HERE) { "All queues" } }
            h1 { "Dead letters of " (queue) }
            @if let Some(refusal) = wrong {
                div.reason role="alert" {
                    p { strong { "Nothing was sent back. " } (sentence(&refusal.message)) }
                    @if !refusal.fields.is_empty() {
                        ul { @for (path, complaint) in &refusal.fields { li { code { (path) } " " (complaint) } } }
                    }
                }
            }
            form.filter method="get" action=(here) {
                (parts::choice("organization", "Organisation", &whose, asked(query, "organization")))
                (parts::choice("by", "Group by", &GROUPINGS, by))
                (criterion(query, "reason", "Kind of failure, or words of the error", "text"))
                (criterion(query, "type", "Event type", "text"))
                (criterion(query, "id", "Id of a message or an event", "text"))
                (criterion(query, "since", "Died since (UTC)", "datetime-local"))
                (criterion(query, "until", "Before (UTC)", "datetime-local"))
                button.plain { "Show" }
            }
            @match inside {
                Err(why) => { div.reason { p { (sentence(why)) } } }
                Ok(found) if rows(found).is_empty() && number(found, "/pagination/total") == 0 => {
                    (parts::nothing("No message of this queue is like that."))
                }
                Ok(found) => {
                    (groups(frame, &here, query, by, found))
                    (send_back(frame, queue, query, once, found))
                    (messages(frame, queue, query, once, found))
                }
            }
            (past(frame, queue, replays))
        },
    )
}

fn groups(frame: &Frame<'_>, here: &str, query: &Asked, by: &str, found: &Value) -> Markup {
    let groups = found["groups"].as_array().map_or(&[][..], Vec::as_slice);
    html! {
        h2 { "By " (parts::label(&GROUPINGS, by).to_lowercase()) ": " (times::count(number(found, "/pagination/total"))) " messages" }
        @if found["complete"] == false {
            p.hint { "Of the first " (times::count(number(found, "/lookedAt"))) " messages of the queue; there are more behind them." }
        }
        div.scroll tabindex="0" {
            table {
                thead { tr { th { (parts::label(&GROUPINGS, by)) } th.number { "Messages" } th.number { "In the last hour" } th { "Oldest" } th { "Newest" } } }
                tbody {
                    @for group in groups {
                        @let key = text(group, "/key");
                        // Of a reason that says kind and error, the error tells more.
                        @let value = if by == "reason" { key.split_once(": ").map_or(key, |(_, error)| error) } else { key };
                        tr {
                            td.said { a href=(again(here, query, by, value)) { (key) } }
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

/// The names of the filter that a replay takes over.
const CHOSEN: [(&str, &str); 6] = [
    ("organization", "of the organisation"),
    ("reason", "that failed with"),
    ("type", "of the type"),
    ("id", "with the id"),
    ("since", "that died since"),
    ("until", "that died before"),
];

/// Sends everything back that the filter speaks of.
fn send_back(frame: &Frame<'_>, queue: &str, query: &Asked, once: &str, found: &Value) -> Markup {
    if queue == "events.unrouted" {
        return html! { p.hint { "These events were wanted by no queue, so there is none to send them back to." } };
    }
    let total = number(found, "/pagination/total");
    let chosen: Vec<_> = CHOSEN.iter().filter(|(name, _)| !asked(query, name).is_empty()).collect();
    parts::action(
        frame,
        &Action {
            label: "Send them back to work",
            post_to: &format!("{}/replays", of_queue(queue)),
            says: html! {
                p {
                    "Sends " strong { (if chosen.is_empty() { "all " } else { "the " }) (times::count(total)) " messages" }
                    @for (name, words) in &chosen { ", " (words) " " code { (asked(query, name)) } }
                    " back to " code { (queue) } ", each once, with its id and with all its attempts before it again. What dies again comes back here. It goes on whatever happens to this page, and can be cancelled."
                }
            },
            fields: html! {
                @for (name, _) in CHOSEN { input type="hidden" name=(name) value=(asked(query, name)); }
                input type="hidden" name="once" value=(once);
                (parts::field(&Field {
                    name: "rate", label: "Messages per second", kind: "number", value: "50",
                    hint: "0.1 to 10,000; empty: as fast as it goes", required: false, complaint: None,
                }))
            },
            does: "Send back",
            harmful: false,
        },
    )
}

fn messages(frame: &Frame<'_>, queue: &str, query: &Asked, once: &str, found: &Value) -> Markup {
    let here = of_queue(queue);
    let (number_of, pages) = (number(found, "/pagination/page"), number(found, "/pagination/totalPages"));
    let next = (number_of < pages).then(|| again(&here, query, "page", &(number_of + 1).to_string()));
    let can_go_back = queue != "events.unrouted";
    html! {
        h2 { "Each of them, in their order" }
        form method="post" action={(here) "/replays"} {
            (parts::token(frame))
            input type="hidden" name="once" value={(once) "-chosen"};
            input type="hidden" name="chosen" value="true";
            @for (name, _) in CHOSEN { input type="hidden" name=(name) value=(asked(query, name)); }
            div.scroll tabindex="0" {
                table {
                    thead { tr {
                        @if can_go_back { th { input type="checkbox" data-all="ids" aria-label="Choose all on this page"; } }
                        th { "Message" } th { "Type" } th { "Kind" } th { "Error" } th.number { "Tries" } th { "Died" }
                    } }
                    tbody {
                        @for one in rows(found) {
                            @let id = text(one, "/messageId");
                            @let events = one["events"].as_array().map_or(0, Vec::len);
                            tr {
                                @if can_go_back { td { @if !id.is_empty() { input type="checkbox" name="ids" value=(id) aria-label={"Choose " (id)}; } } }
                                td { @if id.is_empty() { "–" } @else { a href=(super::address(&["dead-letters", "broker", queue, "messages", id])) { code { (id) } } } }
                                td { (text(one, "/type")) @if events > 1 { " × " (events) } }
                                td { (text(one, "/reason")) }
                                td.said { (text(one, "/error")) }
                                td.number { (number(one, "/attempts")) }
                                td { (times::time(time(one, "/deadLetteredAt"), frame.now)) }
                            }
                        }
                    }
                }
            }
            @if can_go_back {
                details.action {
                    summary.button { "Send the chosen ones back to work" }
                    div.panel {
                        p { "Sends the messages that are ticked back to " code { (queue) } ", each once, with its id and with all its attempts before it again. What dies again comes back here." }
                        button { "Send them back" }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p {
            a href=(again(&here, query, "export", "csv")) { "This table as CSV" } " · "
            a href=(again(&format!("{here}/export"), query, "by", "")) { "The messages with their payloads (NDJSON)" }
            span.muted { ", which may have personal data" }
        }
    }
}

fn past(frame: &Frame<'_>, queue: &str, replays: &Value) -> Markup {
    html! {
        h2 { "Replays of this queue" }
        @if rows(replays).is_empty() { (parts::nothing("Nothing was sent back from here yet.")) }
        @else {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "State" } th { "Began" } th { "Which" } th.number { "Back at work" } th { "By" } } }
                    tbody {
                        @for one in rows(replays) {
                            tr {
                                td { a href=(replay_address(queue, text(one, "/id"))) { (parts::status(text(one, "/state"))) } }
                                td { (times::time(time(one, "/createdAt"), frame.now)) }
                                td.said { (which(one)) }
                                td.number { (so_far(one)) }
                                td.said { (text(one, "/requestedBy")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One message whole.
pub fn message(frame: &Frame<'_>, queue: &str, letter: &Value, once: &str) -> Markup {
    let id = text(letter, "/messageId");
    let events = letter["events"].as_array().map_or(&[][..], Vec::as_slice);
    page(
        frame,
        "Dead letter",
        &html! {
            p { a href=(of_queue(queue)) { "Dead letters of " (queue) } }
            h1 { (text(letter, "/type")) @if events.len() > 1 { " × " (events.len()) } }
            div.reason {
                p { strong { "Why it died: " } (known(letter, "/reason")) @if !text(letter, "/error").is_empty() { ": " span.said { (text(letter, "/error")) } } }
            }
            dl {
                dt { "Message" } dd { (parts::id(id)) }
                dt { "Died" } dd { (times::time(time(letter, "/deadLetteredAt"), frame.now)) " in " code { (known(letter, "/firstQueue")) } }
                dt { "Attempts" } dd { (number(letter, "/attempts")) }
                dt { "Published" } dd { (times::time(time(letter, "/publishedAt"), frame.now)) " by " (known(letter, "/publisher")) " as " code { (text(letter, "/routingKey")) } }
                dt { "Organisation" } dd { (parts::id(known(letter, "/organizationId"))) }
                dt { "Trace" } dd { (parts::id(known(letter, "/traceId"))) }
                @if !text(letter, "/replayedBy").is_empty() {
                    dt { "Sent back before by" } dd { (text(letter, "/replayedBy")) }
                }
            }
            h2 { @if events.len() == 1 { "Its event" } @else { "Its events" } }
            @if events.is_empty() { (parts::nothing("What it carries cannot be read as an event.")) }
            @else {
                @if events.len() > 1 { p.hint { "They died together and are sent back together." } }
                ul {
                    @for event in events {
                        @let event_id = text(event, "/id");
                        li { a href={"/console/events/" (event_id)} { code { (event_id) } } " " (text(event, "/type")) }
                    }
                }
            }
            @if !id.is_empty() && queue != "events.unrouted" {
                (parts::action(frame, &Action {
                    label: "Send it back to work",
                    post_to: &format!("{}/replays", of_queue(queue)),
                    says: html! { p { "Sends this one message back to " code { (queue) } ", with its id and with all its attempts before it again. If it dies again, it comes back here." } },
                    fields: html! {
                        input type="hidden" name="id" value=(id);
                        input type="hidden" name="once" value=(once);
                    },
                    does: "Send back",
                    harmful: false,
                }))
            }
            h2 { "Payload" }
            (parts::json(&letter["payload"]))
            h2 { "Headers" }
            (parts::json(&letter["headers"]))
        },
    )
}

fn known<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let known = text(value, pointer);
    if known.is_empty() { "–" } else { known }
}

pub fn is_under_way(replay: &Value) -> bool {
    matches!(text(replay, "/state"), "QUEUED" | "RUNNING" | "CANCELLING")
}

/// How many of how many.
fn so_far(replay: &Value) -> Markup {
    html! {
        (times::count(number(replay, "/moved")))
        @if !replay["total"].is_null() { " of " (times::count(number(replay, "/total"))) }
    }
}

/// Which messages it means, in words.
fn which(replay: &Value) -> Markup {
    let chosen: Vec<_> =
        CHOSEN.iter().filter_map(|(name, words)| Some((words, replay["filter"][*name].as_str()?))).collect();
    let by_hand = replay["filter"]["ids"].as_array().map_or(0, Vec::len);
    html! {
        @if by_hand > 0 { (times::count(i64::try_from(by_hand).unwrap_or(i64::MAX))) " chosen one by one" }
        @else if chosen.is_empty() { "All that were dead when it began" }
        @for (index, (words, value)) in chosen.iter().enumerate() {
            @if index > 0 { ", " }
            (words) " " code { (value) }
        }
    }
}

/// A replay with its progress.
pub fn replay(frame: &Frame<'_>, queue: &str, replay: &Value) -> Markup {
    let stream = super::address(&["live", "replays", queue, text(replay, "/id")]);
    let stream = is_under_way(replay).then_some(stream.as_str());
    let head = html! { p { a href=(of_queue(queue)) { "Dead letters of " (queue) } } };
    streamed(frame, "Replay", stream, &head, &replay_content(frame, queue, replay))
}

/// What of it is brought up to date.
pub fn replay_content(frame: &Frame<'_>, queue: &str, replay: &Value) -> Markup {
    let (state, total, moved) = (text(replay, "/state"), number(replay, "/total"), number(replay, "/moved"));
    let error = text(replay, "/error");
    let act = |action: &str| format!("{}/{action}", replay_address(queue, text(replay, "/id")));
    html! {
        h1 { "Replay of " (queue) }
        p { (parts::status(state)) " " (so_far(replay)) " messages are back at work." }
        @if replay["total"].is_null() {
            @if is_under_way(replay) { p.muted { "Which messages are meant is being counted." } }
        } @else {
            progress.wide max=(total.max(1)) value=(if total == 0 { 1 } else { moved }) aria-label="Messages that are back at work" {}
            p.muted { (times::count(number(replay, "/left"))) " left" @if let Some(rest) = rest(replay) { ", about " (rest) " at this rate" } "." }
        }
        @if !error.is_empty() { div.reason { p { strong { "What is in the way: " } span.said { (sentence(error)) } } } }
        dl {
            dt { "Which" } dd { (which(replay)) }
            dt { "Rate" } dd { @match replay["ratePerSecond"].as_f64() { Some(rate) => { (rate) " messages per second" } None => { "as fast as it goes" } } }
            dt { "Began" } dd { (times::time(time(replay, "/createdAt"), frame.now)) " by " (text(replay, "/requestedBy")) }
            dt { "Last news" } dd { (times::time(time(replay, "/updatedAt"), frame.now)) }
            @if !replay["endedAt"].is_null() { dt { "Ended" } dd { (times::time(time(replay, "/endedAt"), frame.now)) } }
        }
        @if matches!(state, "QUEUED" | "RUNNING") {
            (parts::action(frame, &Action {
                label: "Cancel",
                post_to: &act("cancel"),
                says: html! { p { "Stops the replay. What is back at work stays there, the rest stays dead; the replay can be resumed." } },
                fields: html! {},
                does: "Cancel the replay",
                harmful: true,
            }))
        }
        @if matches!(state, "CANCELLED" | "FAILED") {
            (parts::action(frame, &Action {
                label: "Resume",
                post_to: &act("resume"),
                says: html! { p { "Goes on with the messages that are left, with the same filter and rate. What has died since it began is not among them." } },
                fields: html! {},
                does: "Resume the replay",
                harmful: false,
            }))
        }
    }
}

/// How long the rest takes, as the rate has it.
fn rest(replay: &Value) -> Option<String> {
    let rate = replay["ratePerSecond"].as_f64().filter(|_| is_under_way(replay))?;
    let left = u32::try_from(number(replay, "/left")).ok().filter(|left| *left > 0)?;
    let seconds = std::time::Duration::try_from_secs_f64(f64::from(left) / rate).ok()?;
    Some(times::length(chrono::TimeDelta::from_std(seconds).ok()?))
}
