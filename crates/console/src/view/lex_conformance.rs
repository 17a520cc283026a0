//! Conformance runs, what came of one, and its certificate.

use super::events::{Asked, again, asked};
use super::ingest::{or_none, scoped, whose};
use super::layout::{page, sentence};
use super::lex::{CONFORMANCE, tabs};
use super::parts::{self, Action, Field};
use super::{Frame, number, rows, text, time, times};
use crate::clients::api::Refusal;
use chrono::Months;
use maud::{Markup, html};
use serde_json::Value;

const LEVELS: [(&str, &str); 3] =
    [("1", "L1: leads"), ("2", "L2: and their life cycle"), ("3", "L3: the whole standard")];
const ANY_LEVEL: [(&str, &str); 4] = [("", "All"), ("1", "L1"), ("2", "L2"), ("3", "L3")];
const RESULTS: [(&str, &str); 4] =
    [("", "All"), ("PASS", "Passed"), ("PARTIAL", "In part"), ("FAIL", "Failed")];

/// What was asked for, and why it was refused.
pub struct Form<'f> {
    pub draft: &'f Asked,
    pub refusal: Option<&'f Refusal>,
}

/// `None` as long as nobody has said whose runs.
pub fn list(
    frame: &Frame<'_>,
    query: &Asked,
    organizations: &[(String, String)],
    found: Option<&Value>,
    form: &Form<'_>,
) -> Markup {
    page(
        frame,
        "Conformance",
        &html! {
            h1 { "Conformance" }
            (tabs(query, CONFORMANCE))
            form.filter method="get" action=(CONFORMANCE) {
                (whose(frame, query, organizations))
                (parts::choice("level", "Level", &ANY_LEVEL, asked(query, "level")))
                (parts::choice("result", "Result", &RESULTS, asked(query, "result")))
                button.plain { "Show" }
            }
            @if let Some(found) = found {
                @if frame.may("leads:write") { (run(frame, query, form)) }
                (table(frame, query, found))
            } @else { (parts::nothing("Choose an organisation to see its runs.")) }
        },
    )
}

fn run(frame: &Frame<'_>, query: &Asked, form: &Form<'_>) -> Markup {
    let of_field =
        form.refusal.and_then(|refusal| refusal.fields.iter().find(|(path, _)| path == "organizationId"));
    let complaint = of_field.map(|(_, complaint)| complaint.as_str());
    let form_of_run = parts::action(
        frame,
        &Action {
            label: "Run the cases",
            post_to: &scoped(CONFORMANCE, query),
            says: html! { p { "Puts the standard's cases of a level through the exchange's engine, away from everything that is stored, and keeps the report. A level that is passed gives a certificate for twelve months." } },
            fields: html! {
                (parts::choice("targetLevel", "Level to be certified", &LEVELS, asked(form.draft, "targetLevel")))
                (parts::field(&Field {
                    name: "organizationId", label: "LEX id", kind: "text", value: asked(form.draft, "organizationId"),
                    hint: "an id or alias of the organisation; its own LEX id when this is empty", required: false, complaint,
                }))
            },
            does: "Run them",
            harmful: false,
        },
    );
    html! {
        @if let Some(refusal) = form.refusal {
            div.reason role="alert" {
                p { "The cases were not run: "
                    @if let Some(complaint) = complaint { code { (asked(form.draft, "organizationId")) } " " (complaint) "." }
                    @else { (sentence(&refusal.message)) } }
            }
        }
        (form_of_run)
    }
}

fn table(frame: &Frame<'_>, query: &Asked, found: &Value) -> Markup {
    if rows(found).is_empty() {
        let is_filtered = ["level", "result", "cursor"].iter().any(|name| !asked(query, name).is_empty());
        return parts::nothing(if is_filtered {
            "No run is like that."
        } else {
            "The cases have not been run yet."
        });
    }
    let next = text(found, "/nextCursor");
    let next = (!next.is_empty()).then(|| again(CONFORMANCE, query, "cursor", next));
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "Run" } th { "LEX id" } th.number { "Level" } th { "Result" } th.number { "Passed" } th.number { "Failed" } th.number { "Warned" } th { "Run at" } } }
                tbody {
                    @for run in rows(found) {
                        tr {
                            td { a href=(scoped(&format!("{CONFORMANCE}/{}", text(run, "/sessionId")), query)) { code { (text(run, "/sessionId")) } } }
                            td { (text(run, "/organizationId")) }
                            td.number { "L" (number(run, "/targetLevel")) }
                            td { (parts::status(text(run, "/result"))) }
                            td.number { (number(run, "/passCount")) }
                            td.number { (number(run, "/failCount")) }
                            td.number { (number(run, "/warnCount")) }
                            td { (times::time(time(run, "/runAt"), frame.now)) }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(again(CONFORMANCE, query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
    }
}

/// One run with its cases.
pub fn one(frame: &Frame<'_>, query: &Asked, report: &Value) -> Markup {
    let (session, certificate) = (text(report, "/sessionId"), text(report, "/certificationToken"));
    let run_at = time(report, "/runAt");
    let until = run_at.and_then(|at| at.checked_add_months(Months::new(12)));
    let cases = report["testResults"].as_array().map_or(&[][..], Vec::as_slice);
    page(
        frame,
        "Conformance run",
        &html! {
            p { a href=(scoped(CONFORMANCE, query)) { "Conformance" } }
            h1 { "Run " (session) }
            p { (parts::status(text(report, "/result"))) " level L" (number(report, "/targetLevel")) " for " (text(report, "/organizationId")) ", "
                (times::time(run_at, frame.now)) }
            @if certificate.is_empty() {
                (parts::nothing("There is no certificate: a level is certified once all of its cases pass."))
            } @else {
                section.card {
                    h2 { "Certificate" }
                    p { code.id #certificate { (certificate) } " " button.plain type="button" data-copy="certificate" { "Copy" } }
                    p.muted { "Good until " (times::time(until, frame.now)) ". An operator verifies it with " code { "leadwire lex verify-certificate" } "." }
                }
            }
            h2 { "Cases: " (number(report, "/passCount")) " passed, " (number(report, "/failCount")) " failed, " (number(report, "/warnCount")) " with warnings" }
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "Case" } th { "Status" } th.number { "Took" } th { "What was not as expected" } } }
                    tbody {
                        @for case in cases {
                            tr {
                                td { code { (text(case, "/testCaseId")) } }
                                td { (parts::status(text(case, "/status"))) }
                                td.number { (times::count(number(case, "/durationMs"))) " ms" }
                                td.said { (or_none(&errors(case))) }
                            }
                        }
                    }
                }
            }
            p { a href=(again(&format!("{CONFORMANCE}/{session}"), query, "export", "csv")) { "These rows as CSV" } }
        },
    )
}

fn errors(case: &Value) -> String {
    let errors = case["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}
