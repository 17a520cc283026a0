//! A client's webhooks.

use super::events::{Asked, again, asked};
use super::layout::{page, sentence};
use super::parts::{self, Action, Field};
use super::{Frame, number, rows, subscriptions, text, time, times};
use crate::clients::api::Refusal;
use maud::{Markup, html};
use serde_json::Value;

/// What stands in the form.
#[derive(Clone, Debug, Default)]
pub struct Draft(Vec<(String, String)>);

const RETRIES: [(&str, &str, &str); 4] = [
    ("maxRetries", "Retries", "0 to 10"),
    ("retryDelay", "First pause, in seconds", "1 to 3,600 s"),
    ("backoffMultiplier", "Each further pause is so many times as long", "1 to 10"),
    ("timeout", "Time for an answer, in seconds", "1 to 30 s"),
];

impl Draft {
    /// What a new webhook has unless one says otherwise.
    pub fn new() -> Self {
        let usual =
            [("maxRetries", "3"), ("retryDelay", "60"), ("backoffMultiplier", "2"), ("timeout", "30")];
        Self(usual.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    }

    pub fn of_form(form: &[(String, String)]) -> Self {
        Self(form.to_vec())
    }

    pub fn of_webhook(webhook: &Value) -> Self {
        let events = webhook["events"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let events: Vec<_> = events.collect();
        let mut draft = vec![("url", text(webhook, "/url").to_owned()), ("events", events.join("\n"))];
        if let Some(limit) = webhook["rateLimit"].as_i64() {
            draft.push(("rateLimit", limit.to_string()));
        }
        for (name, ..) in RETRIES {
            draft.push((name, webhook["retryConfig"][name].to_string()));
        }
        Self(draft.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Whose webhooks there are to choose from.
fn choose(clients: &[(String, String)], chosen: &str) -> Markup {
    let words: Vec<_> = clients.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    parts::choice("client", "Client", &words, chosen)
}

const HERE: &str = "/console/webhooks";

pub fn list(
    frame: &Frame<'_>,
    client: &str,
    clients: &[(String, String)],
    query: &Asked,
    found: &Value,
) -> Markup {
    let (at, pages) = (number(found, "/pagination/page"), number(found, "/pagination/totalPages"));
    let next = (at < pages).then(|| again(HERE, query, "page", &(at + 1).to_string()));
    let states = [("", "All"), ("ACTIVE", "Active"), ("PAUSED", "Paused"), ("DISABLED", "Disabled")];
    page(
        frame,
        "Webhooks",
        &html! {
            h1 { "Webhooks" }
            (subscriptions::tabs(HERE))
            form.filter method="get" action="/console/webhooks" {
                (choose(clients, client))
                (parts::choice("status", "Status", &states, asked(query, "status")))
                button.plain { "Show" }
            }
            @if frame.may("webhooks:write") {
                p { a.button href={"/console/webhooks/new?client=" (client)} { "New webhook" } }
            }
            @if rows(found).is_empty() { (parts::nothing(if asked(query, "status").is_empty() { "This client has no webhook yet." } else { "No webhook of this client is like that." })) }
            @else {
                div.scroll tabindex="0" {
                    table {
                        thead { tr { th { "URL" } th { "Status" } th { "Events" } th.number { "Deliveries" } (parts::sortable(HERE, query, "createdAt", "Made")) } }
                        tbody {
                            @for webhook in rows(found) {
                                tr {
                                    td.said { a href={"/console/webhooks/" (client) "/" (text(webhook, "/id"))} { (text(webhook, "/url")) } }
                                    td { (parts::status(text(webhook, "/status"))) }
                                    td { (events_of(webhook)) }
                                    td.number { (times::count(number(webhook, "/_count/deliveries"))) }
                                    td { (times::time(time(webhook, "/createdAt"), frame.now)) }
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

/// The types that a webhook gets.
pub fn events_of(webhook: &Value) -> String {
    let events = webhook["events"].as_array().into_iter().flatten().filter_map(Value::as_str);
    events.collect::<Vec<_>>().join(", ")
}

/// A new webhook's form.
pub fn form(
    frame: &Frame<'_>,
    client: &str,
    clients: &[(String, String)],
    types: &[String],
    draft: &Draft,
    refusal: Option<&Refusal>,
) -> Markup {
    page(
        frame,
        "New webhook",
        &html! {
            p { a href={"/console/webhooks?client=" (client)} { "Webhooks" } }
            h1 { "New webhook" }
            (refused(refusal))
            form.wide method="post" action="/console/webhooks/new" {
                (parts::token(frame))
                (choose(clients, client))
                (fields(types, draft, refusal))
                p.hint { "From now on every event of these types is sent to the URL as a signed POST. What has happened before is not." }
                button { "Create the webhook" }
            }
        },
    )
}

pub fn edit(
    frame: &Frame<'_>,
    (client, webhook): (&str, &str),
    types: &[String],
    draft: &Draft,
    refusal: Option<&Refusal>,
) -> Markup {
    let path = format!("/console/webhooks/{client}/{webhook}");
    page(
        frame,
        "Change the webhook",
        &html! {
            p { a href=(path) { "The webhook" } }
            h1 { "Change the webhook" }
            (refused(refusal))
            form.wide method="post" action={(path) "/edit"} {
                (parts::token(frame))
                (fields(types, draft, refusal))
                p.hint { "The change holds for every try from now on, also of deliveries that are pending." }
                button { "Save the change" }
            }
        },
    )
}

fn refused(refusal: Option<&Refusal>) -> Markup {
    html! { @if let Some(refusal) = refusal { p.complaint role="alert" { (sentence(&refusal.message)) } } }
}

/// What is said of a field, or of a part of it.
pub fn complaint<'r>(refusal: Option<&'r Refusal>, path: &str) -> Option<&'r str> {
    let is_about = |given: &str| {
        given == path || given.strip_prefix(path).is_some_and(|rest| rest.starts_with(['[', '.']))
    };
    let said = refusal?.fields.iter().find(|(given, _)| is_about(given))?;
    Some(&said.1)
}

fn fields(types: &[String], draft: &Draft, refusal: Option<&Refusal>) -> Markup {
    let retries = |name: &str| complaint(refusal, &format!("retryConfig.{name}"));
    html! {
        (parts::field(&Field {
            name: "url", label: "URL", kind: "url", value: asked(&draft.0, "url"),
            hint: "https, at most 2,048 characters; it is called with POST", required: true,
            complaint: complaint(refusal, "url"),
        }))
        (parts::field(&Field {
            name: "events", label: "Event types", kind: "lines", value: asked(&draft.0, "events"),
            hint: "one on each line: a type such as lead.created, a family such as lead.*, or * for all", required: true,
            complaint: complaint(refusal, "events"),
        }))
        details { summary { "The types that there are" } p.types { @for one in types { code { (one) } " " } } }
        (parts::field(&Field {
            name: "rateLimit", label: "At most so many requests per second", kind: "number",
            value: asked(&draft.0, "rateLimit"), hint: "1 to 1,000; as many as there are when left empty", required: false,
            complaint: complaint(refusal, "rateLimit"),
        }))
        fieldset {
            legend { "When a delivery fails" }
            @if let Some(said) = complaint(refusal, "retryConfig").filter(|_| RETRIES.iter().all(|(name, ..)| retries(name).is_none())) {
                p.complaint { (sentence(said)) }
            }
            div.columns {
                @for (name, label, hint) in RETRIES {
                    (parts::field(&Field {
                        name, label, kind: "number", value: asked(&draft.0, name), hint, required: false, complaint: retries(name),
                    }))
                }
            }
        }
    }
}

/// A webhook that was just made, with its secret.
pub fn made(frame: &Frame<'_>, webhook: &Value) -> Markup {
    with_secret(frame, "The webhook is made", "The secret that its deliveries are signed with:", webhook)
}

/// The same after its secret was changed.
pub fn rotated(frame: &Frame<'_>, webhook: &Value) -> Markup {
    with_secret(frame, "The secret is changed", "The new secret:", webhook)
}

fn with_secret(frame: &Frame<'_>, title: &str, label: &str, webhook: &Value) -> Markup {
    page(
        frame,
        title,
        &html! {
            h1 { (title) }
            (parts::secret(label, text(webhook, "/secret")))
            @if let Some(until) = time(webhook, "/previousSecretUntil") {
                p { "Until " (times::time(Some(until), frame.now)) " deliveries carry the signature of the old one as well." }
            }
            p { a.button href={"/console/webhooks/" (text(webhook, "/clientId")) "/" (text(webhook, "/id"))} { "To the webhook" } }
        },
    )
}

/// How a webhook goes.
pub struct Seen<'v> {
    /// A page of its deliveries.
    pub deliveries: &'v Value,
    /// The newest of all of them, with its body.
    pub newest: &'v Value,
    pub summary: Option<&'v Value>,
}

/// A webhook, what can be done with it, and how its deliveries went.
pub fn one(frame: &Frame<'_>, query: &Asked, webhook: &Value, seen: &Seen<'_>) -> Markup {
    let (client, id) = (text(webhook, "/clientId"), text(webhook, "/id"));
    let here = format!("{HERE}/{client}/{id}");
    let retry = &webhook["retryConfig"];
    page(
        frame,
        "Webhook",
        &html! {
            p { a href={"/console/webhooks?client=" (client)} { "Webhooks" } }
            h1 { (text(webhook, "/url")) }
            p { (parts::status(text(webhook, "/status"))) }
            dl {
                dt { "Id" } dd { (parts::id(id)) }
                dt { "Events" } dd { (events_of(webhook)) }
                dt { "Secret" } dd { code { (text(webhook, "/secret")) } }
                dt { "At most" } dd { @if let Some(limit) = webhook["rateLimit"].as_i64() { (limit) " requests per second" } @else { "no limit of its own" } }
                dt { "Retries" } dd { @if retry["maxRetries"] == 0 { "none; " } @else { (retry["maxRetries"]) ", the first after " (retry["retryDelay"]) " s, then × " (retry["backoffMultiplier"]) "; " }
                    (retry["timeout"]) " s for an answer" }
                dt { "Made" } dd { (times::time(time(webhook, "/createdAt"), frame.now)) }
            }
            @if frame.may("webhooks:write") { (actions(frame, client, id, text(webhook, "/status"))) }
            (subscriptions::how_it_goes(frame, &here, query, seen.summary, seen.deliveries))
            @if let Some(newest) = rows(seen.newest).first() {
                details { summary { "The body of the newest" } (parts::json(&newest["payload"])) }
            }
        },
    )
}

fn actions(frame: &Frame<'_>, client: &str, id: &str, status: &str) -> Markup {
    let to = |action: &str| format!("/console/webhooks/{client}/{id}/{action}");
    let overlaps = [("86400", "one day"), ("3600", "one hour"), ("0", "not at all: the old one ends now")];
    let simple = |label, action: &str, says: Markup, harmful| {
        parts::action(
            frame,
            &Action { label, post_to: &to(action), says, fields: html! {}, does: label, harmful },
        )
    };
    html! {
        div.actions {
            (simple("Send a test", "test", subscriptions::says("test"), false))
            a.button.plain href=(to("edit")) { "Change" }
            @if status == "ACTIVE" {
                (simple("Pause", "pause", subscriptions::says("pause"), false))
            } @else {
                (simple("Resume", "resume", subscriptions::says("resume"), false))
            }
            (parts::action(frame, &Action {
                label: "Change the secret", post_to: &to("rotate"),
                says: html! { p { "Makes a new secret and shows it once. Receivers that know the old one alone still accept deliveries for as long as both are used." } },
                fields: parts::choice("overlap", "The old one is used beside", &overlaps, "86400"),
                does: "Change the secret", harmful: false,
            }))
            (subscriptions::recover(frame, &to("recover")))
            (simple("Delete", "delete", html! { p { "Deletes the webhook for good. What is pending is cancelled, and what it did not get stays undelivered." } }, true))
        }
    }
}
