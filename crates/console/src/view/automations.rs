//! Automations and their runs.

use super::crm::{Whose, chooser, sortable, tabs};
use super::events::{Asked, asked, criterion};
use super::layout::{live, page, sentence};
use super::parts::{self, Action, Field};
use super::webhooks::complaint;
use super::{Frame, number, rows, text, time, times};
use crate::clients::api::Refusal;
use maud::{Markup, html};
use serde_json::Value;

/// A file in the editor.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub file: &'a str,
    /// The automation that it was opened from.
    pub from: Option<&'a str>,
}

/// `None` as long as nobody has said whose.
pub fn list(
    frame: &Frame<'_>,
    whose: &Whose,
    query: &Asked,
    organizations: &[(String, String)],
    found: Option<&Value>,
) -> Markup {
    page(
        frame,
        "Automations",
        &html! {
            h1 { "CRM" }
            (tabs(whose, "/automations"))
            form.filter method="get" action="/console/crm/automations" {
                (chooser(whose, organizations))
                (criterion(query, "search", "Name or description", "search"))
                (parts::choice("status", "Status", &[("", "All"), ("active", "Active"), ("inactive", "Inactive")], asked(query, "status")))
                input type="hidden" name="sort" value=(asked(query, "sort"));
                button.plain { "Show" }
            }
            @if let Some(found) = found {
                @if frame.who.admin { p { a.button href=(whose.to("/automations/new")) { "New automation" } } }
                @if rows(found).is_empty() { (nothing(frame, query)) } @else { (table(frame, whose, query, found)) }
            } @else { (parts::nothing("Choose an organisation.")) }
        },
    )
}

fn nothing(frame: &Frame<'_>, query: &Asked) -> Markup {
    parts::nothing(match () {
        () if ["search", "status", "page"].iter().any(|name| !asked(query, name).is_empty()) => {
            "No automation is like that."
        }
        () if frame.who.admin => "There is no automation yet.",
        () => "There is no automation yet. The operators of this platform write them.",
    })
}

fn table(frame: &Frame<'_>, whose: &Whose, query: &Asked, found: &Value) -> Markup {
    let sort = match asked(query, "sort") {
        "" => "-created_at",
        sort => sort,
    };
    let kept = |name| (name, asked(query, name));
    let filter = [kept("search"), kept("status")];
    let with = |more: &[(&str, &str)]| whose.with("/automations", &[&filter[..], more].concat());
    let by = |sort: &str| with(&[("sort", sort)]);
    let next = next_page(found).map(|page| with(&[("sort", sort), ("page", &page)]));
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    (sortable("name", "Name", sort, by))
                    th { "Status" } th { "Trigger" } th.number { "Steps" }
                    (sortable("created_at", "Made", sort, by))
                    (sortable("updated_at", "Changed", sort, by))
                } }
                tbody {
                    @for automation in rows(found) {
                        tr {
                            td { a href=(whose.to(&format!("/automations/{}", text(automation, "/id")))) { (text(automation, "/name")) } }
                            td { (standing(automation)) }
                            td { code { (text(automation, "/triggerType")) } }
                            td.number { (number(automation, "/stepsCount")) }
                            td { (times::time(time(automation, "/createdAt"), frame.now)) }
                            td { (times::time(time(automation, "/updatedAt"), frame.now)) }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(with(&[("sort", sort), ("export", "csv")])) { "All of them as CSV" } }
    }
}

fn next_page(found: &Value) -> Option<String> {
    let (at, pages) = (number(found, "/pagination/page"), number(found, "/pagination/totalPages"));
    (at < pages).then(|| (at + 1).to_string())
}

fn standing(automation: &Value) -> Markup {
    parts::status(if automation["active"] == true { "ACTIVE" } else { "INACTIVE" })
}

/// The word of a step.
pub fn step_name(step: &Value) -> &str {
    step.as_object().and_then(|members| members.keys().next()).map_or("", String::as_str)
}

/// What a step says, a line for each of its members.
pub fn said_by(step: &Value) -> Markup {
    let members = step[step_name(step)].as_object();
    let line = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {}", serde_json::to_string_pretty(other).unwrap_or_default()),
    };
    let lines: Vec<_> = members.into_iter().flatten().map(line).collect();
    html! { @if !lines.is_empty() { pre tabindex="0" { (lines.join("\n")) } } }
}

/// One automation. `refused` is the record that somebody wanted to run it for, and why that was refused.
pub fn one(
    frame: &Frame<'_>,
    whose: &Whose,
    query: &Asked,
    automation: &Value,
    runs: &Value,
    refused: Option<(&str, &Refusal)>,
) -> Markup {
    let here = format!("/automations/{}", text(automation, "/id"));
    let goes_on = rows(runs).iter().any(|run| text(run, "/state") == "pending");
    let steps = automation["steps"].as_array().map_or(&[][..], Vec::as_slice);
    live(
        frame,
        text(automation, "/name"),
        goes_on.then_some(5),
        &html! {
            p { a href=(whose.to("/automations")) { "Automations" } }
            h1 { (text(automation, "/name")) " " (standing(automation)) }
            @if !text(automation, "/description").is_empty() { p { (text(automation, "/description")) } }
            dl {
                dt { "Id" } dd { (parts::id(text(automation, "/id"))) }
                dt { "Trigger" } dd { code { (text(automation, "/triggerType")) } }
                dt { "Made" } dd { (times::time(time(automation, "/createdAt"), frame.now)) }
                dt { "Changed" } dd { (times::time(time(automation, "/updatedAt"), frame.now)) }
            }
            @if frame.who.admin { (actions(frame, whose, &here, automation, refused)) }
            h2 { "Steps" }
            ol.steps { @for step in steps { li { code.tag { (step_name(step)) } (said_by(step)) } } }
            details { summary { "As a file" } pre tabindex="0" { (text(automation, "/file")) } }
            h2 { "Runs" }
            (runs_of(frame, whose, &here, query, runs))
        },
    )
}

fn actions(
    frame: &Frame<'_>,
    whose: &Whose,
    here: &str,
    automation: &Value,
    refused: Option<(&str, &Refusal)>,
) -> Markup {
    let is_active = automation["active"] == true;
    let noun = text(automation, "/triggerType").split('_').next().unwrap_or_default();
    let (label, says) = if is_active {
        ("Switch off", "It starts no more runs. Those on their way go on to their end.")
    } else {
        ("Switch on", "From now on its trigger starts runs again. What happened meanwhile starts none.")
    };
    let subject = parts::field(&Field {
        name: "subject",
        label: &format!("Id of the {noun}"),
        kind: "text",
        value: refused.map_or("", |(subject, _)| subject),
        hint: "24 characters, as in its address here",
        required: true,
        complaint: refused
            .map(|(_, refusal)| complaint(Some(refusal), "subject").unwrap_or(&refusal.message)),
    });
    html! {
        div.actions {
            a.button href=(whose.to(&format!("{here}/edit"))) { "Edit" }
            (parts::action(frame, &Action {
                label,
                post_to: &whose.to(&format!("{here}/switch")),
                says: html! { p { (says) } },
                fields: html! { input type="hidden" name="active" value=(if is_active { "false" } else { "true" }); },
                does: label,
                harmful: is_active,
            }))
            (parts::action(frame, &Action {
                label: "Run it by hand",
                post_to: &whose.to(&format!("{here}/runs")),
                says: html! { p { "Takes its steps once for a " (noun) ", as if its trigger had been pulled just now, also when it is switched off. What the steps do cannot be undone here." } },
                fields: subject,
                does: "Run it now",
                harmful: false,
            }))
        }
        @if let Some((_, refusal)) = refused {
            p.complaint role="alert" {
                "It was not run: "
                @match complaint(Some(refusal), "subject") {
                    Some(why) => { "the id of the " (noun) " " (why) "." },
                    None => (sentence(&refusal.message)),
                }
            }
        }
    }
}

fn runs_of(frame: &Frame<'_>, whose: &Whose, here: &str, query: &Asked, runs: &Value) -> Markup {
    const STATES: [(&str, &str); 4] =
        [("", "All"), ("pending", "Pending"), ("completed", "Completed"), ("dead_letter", "Dead letter")];
    let state = asked(query, "state");
    let with = |more: &[(&str, &str)]| whose.with(here, &[&[("state", state)][..], more].concat());
    let next = next_page(runs).map(|page| with(&[("page", &page)]));
    html! {
        form.filter method="get" action={"/console/crm" (here)} {
            @if let Some(organization) = &whose.organization { input type="hidden" name="organization" value=(organization); }
            (parts::choice("state", "State", &STATES, state))
            button.plain { "Show" }
        }
        @if rows(runs).is_empty() {
            (parts::nothing(if state.is_empty() { "It has not run in the last 30 days." } else { "No run is in this state." }))
        } @else {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "Run" } th { "State" } th { "Began" } th { "Event" } th { "Record" } th.number { "Step" } th.number { "Attempts" } th { "What went wrong last" } } }
                    tbody {
                        @for run in rows(runs) {
                            tr {
                                td { a href=(whose.to(&format!("{here}/runs/{}", text(run, "/id")))) { code { (text(run, "/id")) } } }
                                td { (state_of(run)) }
                                td { (times::time(time(run, "/createdAt"), frame.now)) }
                                td { (text(run, "/eventType")) }
                                td { code { (text(run, "/subject")) } }
                                td.number { (at(run)) }
                                td.number { (number(run, "/attempts")) }
                                td.said { (text(run, "/error")) }
                            }
                        }
                    }
                }
            }
            (parts::more(next.as_deref()))
            p { a href=(with(&[("export", "csv")])) { "All of them as CSV" } }
        }
    }
}

fn state_of(run: &Value) -> Markup {
    parts::status(&text(run, "/state").to_ascii_uppercase())
}

/// `2 of 5`: the step that is next, or the last.
fn at(run: &Value) -> String {
    let (next, count) = (number(run, "/position"), number(run, "/stepsCount"));
    format!("{} of {count}", (next + 1).min(count))
}

/// One run, step by step.
pub fn run(frame: &Frame<'_>, whose: &Whose, automation: &Value, run: &Value) -> Markup {
    let (state, error) = (text(run, "/state"), text(run, "/error"));
    let here = format!("/automations/{}", text(automation, "/id"));
    let record = match text(automation, "/triggerType").split('_').next() {
        Some("lead") => "leads",
        Some("customer") => "customers",
        _ => "products",
    };
    let steps = run["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let is_pending = state == "pending";
    live(
        frame,
        "Run",
        is_pending.then_some(2),
        &html! {
            p { a href=(whose.to(&here)) { (text(automation, "/name")) } }
            h1 { "Run of " (text(automation, "/name")) " " (state_of(run)) }
            @if !error.is_empty() { div.reason { p { strong { "What went wrong last: " } span.said { (error) } } } }
            dl {
                dt { "Id" } dd { (parts::id(text(run, "/id"))) }
                dt { "Began by" } dd {
                    @if text(run, "/eventType") == "manual" { "hand" }
                    @else { a href={"/console/events/" (text(run, "/eventId"))} { (text(run, "/eventType")) } }
                }
                dt { "Record" } dd { a href=(whose.to(&format!("/{record}/{}", text(run, "/subject")))) { code { (text(run, "/subject")) } } }
                dt { "Began" } dd { (times::time(time(run, "/createdAt"), frame.now)) }
                @if is_pending { dt { "Next try" } dd { (times::time(time(run, "/nextAt"), frame.now)) } }
                @if let Some(since) = time(run, "/waitingSince") { dt { "Waits for its receiver since" } dd { (times::time(Some(since), frame.now)) } }
                @if let Some(end) = time(run, "/finishedAt") { dt { "Ended" } dd { (times::time(Some(end), frame.now)) } }
                @if number(run, "/depth") > 1 { dt { "Depth" } dd { "set off by " (number(run, "/depth") - 1) " other automations in turn" } }
            }
            @if state == "dead_letter" && frame.who.admin {
                (parts::action(frame, &Action {
                    label: "Let it go on",
                    post_to: &whose.to(&format!("{here}/runs/{}/replay", text(run, "/id"))),
                    says: html! { p { "Goes on at step " (at(run)) ", where it died, with a full set of tries. Steps that are done are not done again; a request is sent under the same " code { "webhook-id" } " as before." } },
                    fields: html! {},
                    does: "Let it go on now",
                    harmful: false,
                }))
            }
            h2 { "Step by step" }
            ol.steps { @for (index, step) in steps.iter().enumerate() { (taken(frame, run, index, step)) } }
            details { summary { "The data that expressions read" } (parts::json(&run["data"])) }
        },
    )
}

/// One step with what was tried of it.
fn taken(frame: &Frame<'_>, run: &Value, index: usize, step: &Value) -> Markup {
    let tries: Vec<_> = run["log"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| usize::try_from(number(entry, "/position")) == Ok(index))
        .collect();
    let is_next = usize::try_from(number(run, "/position")) == Ok(index);
    let word = match tries.last() {
        Some(entry) if text(entry, "/outcome") != "waiting" || is_next => text(entry, "/outcome"),
        _ if is_next && text(run, "/state") == "pending" => "next",
        _ => "not_reached",
    };
    // What went well at once needs no table.
    let only = tries.first().filter(|entry| tries.len() == 1 && text(entry, "/error").is_empty());
    html! {
        li {
            p { code.tag { (step_name(step)) } " " (parts::status(&word.to_ascii_uppercase()))
                @if let Some(only) = only { " " (times::time(time(only, "/at"), frame.now)) } }
            (said_by(step))
            @if only.is_none() && !tries.is_empty() {
                div.scroll tabindex="0" {
                    table {
                        thead { tr { th.number { "Try" } th { "When" } th { "What came of it" } th { "Why" } } }
                        tbody {
                            @for entry in &tries {
                                tr {
                                    td.number { (number(entry, "/attempt")) }
                                    td { (times::time(time(entry, "/at"), frame.now)) }
                                    td { (parts::status(&text(entry, "/outcome").to_ascii_uppercase())) }
                                    td.said { (text(entry, "/error")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
