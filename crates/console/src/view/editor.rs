//! The file of an automation: to write, with what is wrong where it stands, and what applying it will do.

use super::automations::{Draft, said_by, step_name};
use super::crm::{Whose, tabs};
use super::layout::{self, sentence};
use super::{Frame, number, parts, text};
use maud::{Markup, html};
use serde_json::Value;

/// What a new automation begins with.
pub const EXAMPLE: &str = "\
name: Greet leads from the web
description: Marks them and tells whoever subscribed
active: true
trigger:
  type: lead_created
steps:
  - condition:
      if: data.source == \"web\"
  - set_metadata:
      greeted: \"yes\"
  - emit_event:
      type: automation.greeted
      data:
        lead: ${data.id}
";

/// Lines that are shown before and behind a wrong one.
const AROUND: usize = 2;

/// The editor. `problems` are those of the file, in their order.
pub fn page(frame: &Frame<'_>, whose: &Whose, draft: &Draft<'_>, problems: &[Value]) -> Markup {
    let title = if draft.from.is_some() { "Edit the automation" } else { "New automation" };
    let lines: Vec<_> = problems.iter().map(|problem| number(problem, "/line").to_string()).collect();
    let described = if problems.is_empty() { "file-hint" } else { "problems file-hint" };
    layout::page(
        frame,
        title,
        &html! {
            (tabs(whose, "/automations"))
            h1 { (title) }
            @if !problems.is_empty() { (wrong(draft.file, problems)) }
            form.editor method="post" action=(whose.to("/automations/check")) {
                (parts::token(frame))
                @if let Some(from) = draft.from { input type="hidden" name="from" value=(from); }
                div.field {
                    label for="file" { "File (YAML)" }
                    // A browser drops one line break at the beginning.
                    textarea #file name="file" rows="24" spellcheck="false" wrap="off" autocapitalize="off"
                        data-lines=(lines.join(" ")) aria-describedby=(described)
                        aria-invalid=[(!problems.is_empty()).then_some("true")] { "\n" (draft.file) }
                    p.hint #file-hint {
                        "The name says which automation it is: another name makes another one. Comments are not kept. "
                        "Expressions are CEL over " code { "data" } ", the record with its fields as the CRM API names them; "
                        "in texts they stand in " code { "${…}" } "."
                    }
                }
                button { "Check and go on" }
                p.hint { "Nothing is applied yet: the next page says what will change." }
            }
            (steps())
        },
    )
}

/// Each problem with the lines around it.
fn wrong(file: &str, problems: &[Value]) -> Markup {
    let lines: Vec<_> = file.lines().collect();
    let many = problems.len();
    html! {
        section.reason #problems role="alert" aria-labelledby="problems-title" {
            h2 #problems-title { (many) " " (if many == 1 { "thing is" } else { "things are" }) " wrong with the file" }
            ol {
                @for problem in problems {
                    @let line = usize::try_from(number(problem, "/line")).unwrap_or(1).max(1);
                    @let first = line.saturating_sub(AROUND).max(1);
                    @let last = (line + AROUND).min(lines.len());
                    li {
                        p {
                            a href="#file" data-line=(line) { "Line " (line) } ": "
                            @if !text(problem, "/path").is_empty() { code { (text(problem, "/path")) } " " }
                            (text(problem, "/message"))
                        }
                        @if first <= last {
                            pre.excerpt tabindex="0" {
                                @for at in first..=last {
                                    span.wrong[at == line] { (format!("{at:>4} │ ")) (lines[at - 1]) }
                                    "\n"
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What there is to write.
fn steps() -> Markup {
    const STEPS: [(&str, &str, &str); 8] = [
        ("condition", "{if: data.source == \"web\"}", "false ends the run as completed"),
        ("update_lead", "{status: contacted}", "changes fields of the lead"),
        ("set_metadata", "{greeted: \"yes\"}", "adds to the metadata of the lead"),
        ("convert_lead", "{}", "makes a customer of the lead"),
        ("create_customer", "{name: \"${data.name}\"}", "makes a customer"),
        (
            "emit_event",
            "{type: automation.greeted, data: {lead: \"${data.id}\"}}",
            "publishes an event of your own",
        ),
        (
            "http_request",
            "{url: \"https://example.com/hook\", body: {lead: \"${data.id}\"}}",
            "posts JSON, signed",
        ),
        ("delay", "{for: 2h}", "waits: ms, s, m, h or d, 30 days at most"),
    ];
    html! {
        details {
            summary { "Triggers and steps there are" }
            p { "Triggers: " @for trigger in ["lead_created", "lead_updated", "lead_converted", "customer_created", "customer_updated", "product_created", "product_updated"] { code.tag { (trigger) } " " } }
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "Step" } th { "Such as" } th { "What it does" } } }
                    tbody { @for (name, example, does) in STEPS { tr { td { code { (name) } } td { code { (example) } } td { (does) } } } }
                }
            }
        }
    }
}

/// What applying a file will do. `seen` says what it was that is changed; `moved`, that it is another thing by now.
pub fn confirm(
    frame: &Frame<'_>,
    whose: &Whose,
    draft: &Draft<'_>,
    verdict: &Value,
    seen: &str,
    moved: bool,
) -> Markup {
    let (wanted, action) = (&verdict["definition"], text(verdict, "/action"));
    let is_another = draft.from.is_some_and(|from| from != text(verdict, "/automationId"));
    layout::page(
        frame,
        "Apply the automation",
        &html! {
            (tabs(whose, "/automations"))
            h1 { "Apply " (text(wanted, "/name")) }
            @if moved { p.complaint role="alert" { "Somebody has changed the automation in the meantime. This is what applying would do now." } }
            @if is_another {
                p.complaint { "The name is not that of the automation that you came from, which stays as it is." }
            }
            p {
                @match action {
                    "create" => "Makes a new automation. ",
                    "update" => "Changes the automation of this name. Runs that are on their way keep the steps they began with. ",
                    _ => "The file says what is there already: applying it changes nothing. ",
                }
                @if action != "none" {
                    @if wanted["active"] == true { "From then on each " code { (text(wanted, "/trigger/type")) } " starts a run." }
                    @else { "It is switched off, and starts no runs." }
                }
            }
            @if action != "none" { (differences(&verdict["current"], wanted)) }
            div.actions {
                @if action != "none" {
                    form method="post" action=(whose.to("/automations/apply")) {
                        (parts::token(frame))
                        input type="hidden" name="seen" value=(seen);
                        (kept(draft))
                        button { (if action == "create" { "Make the automation" } else { "Apply the changes" }) }
                    }
                }
                form method="post" action=(whose.to("/automations/check")) {
                    (parts::token(frame))
                    input type="hidden" name="again" value="1";
                    (kept(draft))
                    button.plain { "Back to the editor" }
                }
            }
        },
    )
}

fn kept(draft: &Draft<'_>) -> Markup {
    html! {
        @if let Some(from) = draft.from { input type="hidden" name="from" value=(from); }
        input type="hidden" name="file" value=(draft.file);
    }
}

/// What is and what will be, as far as they differ.
fn differences(current: &Value, wanted: &Value) -> Markup {
    let members = [("description", "Description"), ("active", "Switched on"), ("trigger", "Trigger")];
    let changed: Vec<_> = members.into_iter().filter(|(name, _)| current[*name] != wanted[*name]).collect();
    let list = |of: &Value| of["steps"].as_array().cloned().unwrap_or_default();
    let (before, after) = (list(current), list(wanted));
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "What" } @if !current.is_null() { th { "Now" } } th { "Then" } } }
                tbody {
                    @for (name, label) in &changed {
                        tr { td { (label) } @if !current.is_null() { td { (shown(&current[*name])) } } td { (shown(&wanted[*name])) } }
                    }
                    @for index in 0..before.len().max(after.len()) {
                        @let (was, will) = (before.get(index), after.get(index));
                        @if was != will {
                            tr {
                                td { "Step " (index + 1) }
                                @if !current.is_null() { td { (step(was)) } }
                                td { (step(will)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn shown(value: &Value) -> Markup {
    html! {
        @match value {
            Value::Null => span.muted { "none" },
            Value::Bool(yes) => (if *yes { "yes" } else { "no" }),
            Value::String(said) => span.said { (said) },
            other => code { (text(other, "/type")) },
        }
    }
}

fn step(step: Option<&Value>) -> Markup {
    html! {
        @match step {
            None => span.muted { "none" },
            Some(step) => { code.tag { (step_name(step)) } (said_by(step)) }
        }
    }
}

/// An automation that was just made and sends requests.
pub fn made(frame: &Frame<'_>, whose: &Whose, applied: &Value) -> Markup {
    layout::page(
        frame,
        "The automation is made",
        &html! {
            h1 { "The automation is made" }
            (parts::secret("Its requests are signed with:", text(applied, "/signingSecret")))
            p { "Whoever gets them verifies them as Standard Webhooks say." }
            p { a.button href=(whose.to(&format!("/automations/{}", text(applied, "/id")))) { "To " (sentence(text(applied, "/name")).trim_end_matches('.')) } }
        },
    )
}
