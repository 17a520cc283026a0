//! What pages are put together from.

use super::Frame;
use maud::{Markup, html};
use serde_json::Value;

/// What makes a form one of this session.
pub fn token(frame: &Frame<'_>) -> Markup {
    html! { input type="hidden" name="csrf" value=(frame.csrf); }
}

/// An action behind its explanation: the first press says what will happen, the second does it. Without a script.
pub struct Action<'a> {
    /// On the button that opens.
    pub label: &'a str,
    pub post_to: &'a str,
    /// What will happen.
    pub says: Markup,
    /// Fields of the form, between the explanation and the button.
    pub fields: Markup,
    /// On the button that does it.
    pub does: &'a str,
    /// Whether it takes something away.
    pub harmful: bool,
}

pub fn action(frame: &Frame<'_>, action: &Action<'_>) -> Markup {
    html! {
        details.action {
            summary.button.danger[action.harmful] { (action.label) }
            form.panel method="post" action=(action.post_to) {
                (token(frame))
                div { (action.says) }
                (action.fields)
                button.danger[action.harmful] { (action.does) }
            }
        }
    }
}

/// A word for how something stands, with a colour beside, never instead.
pub fn status(word: &str) -> Markup {
    let kind = match word {
        "DELIVERED" | "ACTIVE" | "READY" | "COMPLETED" | "DONE" | "PROCESSED" | "PASS" => "good",
        "DEAD_LETTER" | "DOWN" | "FAILED" | "DISABLED" | "REVOKED" | "DELETED" | "DLQ" | "REJECTED"
        | "ERROR" | "FAIL" => "bad",
        "PENDING" | "DEGRADED" | "WAITING" | "NEXT" | "PAUSED" | "SUSPENDED" | "SKIPPED_DISABLED"
        | "EXPIRED" | "WARN" | "PARTIAL" => "waiting",
        _ => "plain",
    };
    html! { span class={"status " (kind)} { (word.to_ascii_lowercase().replace('_', " ")) } }
}

/// One figure with its unit.
pub fn figure(label: &str, value: &str, unit: &str, note: &Markup) -> Markup {
    html! {
        div.figure {
            h2 { (label) }
            p.value { (value) @if !unit.is_empty() { " " span.unit { (unit) } } }
            p.muted { (note) }
        }
    }
}

/// A labelled field with the complaint about it, if there is one.
pub struct Field<'a> {
    pub name: &'a str,
    pub label: &'a str,
    /// `url`, `text`, `number`, `datetime`, or `lines` for several lines.
    pub kind: &'a str,
    pub value: &'a str,
    pub hint: &'a str,
    pub required: bool,
    pub complaint: Option<&'a str>,
}

pub fn field(field: &Field<'_>) -> Markup {
    let (hint, complaint) = (format!("{}-hint", field.name), format!("{}-complaint", field.name));
    let described = match (field.hint.is_empty(), field.complaint) {
        (true, None) => None,
        (true, Some(_)) => Some(complaint.clone()),
        (false, None) => Some(hint.clone()),
        (false, Some(_)) => Some(format!("{complaint} {hint}")),
    };
    let invalid = field.complaint.map(|_| "true");
    html! {
        div.field {
            label for=(field.name) { (field.label) @if !field.required { span.muted { " (optional)" } } }
            @if field.kind == "lines" {
                textarea id=(field.name) name=(field.name) rows="4" required[field.required]
                    aria-describedby=[described] aria-invalid=[invalid] { (field.value) }
            } @else {
                input id=(field.name) name=(field.name) type=(field.kind) value=(field.value)
                    required[field.required] aria-describedby=[described] aria-invalid=[invalid]
                    step=[(field.kind == "number").then_some("any")];
            }
            @if let Some(said) = field.complaint { p.complaint id=(complaint) { (super::layout::sentence(said)) } }
            @if !field.hint.is_empty() { p.hint id=(hint) { (field.hint) } }
        }
    }
}

/// A choice of words.
pub fn choice(name: &str, label: &str, words: &[(&str, &str)], chosen: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                @for (value, shown) in words { option value=(value) selected[*value == chosen] { (shown) } }
            }
        }
    }
}

/// What is shown for one of the words of a choice.
pub fn label<'w>(words: &[(&str, &'w str)], chosen: &'w str) -> &'w str {
    words.iter().find(|(word, _)| *word == chosen).map_or(chosen, |(_, label)| *label)
}

/// Bars over time, each with its count; the same as a table for those who do not see them.
pub fn bars(label: &str, bars: &[(String, i64)]) -> Markup {
    const HEIGHT: i64 = 80;
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let width = bars.len() * 12;
    let total: i64 = bars.iter().map(|(_, count)| count).sum();
    html! {
        figure.chart {
            figcaption { (label) ", " (super::times::count(total)) " in all, at most "
                (super::times::count(if total == 0 { 0 } else { most })) " in an hour" }
            svg viewBox={"0 0 " (width) " " (HEIGHT + 2)} role="img" aria-label=(label) preserveAspectRatio="none" {
                @for (index, (when, count)) in bars.iter().enumerate() {
                    @let height = if *count == 0 { 1 } else { (count * HEIGHT / most).max(2) };
                    rect.empty[*count == 0] x=(index * 12 + 1) y=(HEIGHT + 1 - height) width="10" height=(height) {
                        title { (when) ": " (super::times::count(*count)) }
                    }
                }
            }
            p.axis {
                @if let (Some(first), Some(last)) = (bars.first(), bars.last()) {
                    span { (first.0) } span { (last.0) }
                }
            }
        }
    }
}

/// What a whole is made of: each part's name, count and a remark, which `remark` heads.
pub fn shares(label: &str, remark: &str, shares: &[(String, i64, String)]) -> Markup {
    let total: i64 = shares.iter().map(|(_, count, _)| count).sum::<i64>().max(1);
    html! {
        @if !shares.is_empty() {
            h3 { (label) }
            div.scroll tabindex="0" {
                table.shares {
                    thead { tr { th { span.unseen { "What" } } th.number { "Requests" } th { "Share" } @if !remark.is_empty() { th.number { (remark) } } } }
                    tbody {
                        @for (name, count, note) in shares {
                            tr {
                                td { code { (name) } }
                                td.number { (super::times::count(*count)) }
                                td {
                                    svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" { rect width=(count * 100 / total) height="10" {} }
                                    @if *count * 100 < total { "< 1 %" } @else { (count * 100 / total) " %" }
                                }
                                @if !remark.is_empty() { td.number { (note) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The parts of an area, each a page of its own: address and label. `here` is the address of this one.
pub fn tabs(label: &str, parts: &[(&str, &str)], here: &str) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for (link, name) in parts { a href=(link) aria-current=[(*link == here).then_some("page")] { (name) } }
        }
    }
}

/// The head of a column that the list can be sorted by, with a link that does so, or turns the order round.
pub fn sortable(path: &str, query: &[(String, String)], by: &str, label: &str) -> Markup {
    let asked =
        |name: &str| query.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str());
    let order = (asked("sortBy") == by).then(|| if asked("sortOrder") == "asc" { "asc" } else { "desc" });
    let (next, sort, sign) = match order {
        Some("asc") => ("desc", Some("ascending"), " ↑"),
        Some(_) => ("asc", Some("descending"), " ↓"),
        None => ("asc", None, ""),
    };
    let kept: Vec<_> = query.iter().filter(|(name, _)| name != "sortOrder").cloned().collect();
    let link = super::events::again(path, &kept, "sortBy", by);
    html! { th aria-sort=[sort] { a href={(link) "&sortOrder=" (next)} { (label) (sign) } } }
}

/// Where a list goes on.
pub fn more(address: Option<&str>) -> Markup {
    html! { @if let Some(address) = address { p { a.button href=(address) rel="next" { "Further" } } } }
}

/// What is said in place of an empty list.
pub fn nothing(message: &str) -> Markup {
    html! { p.nothing { (message) } }
}

/// An id that can be copied.
pub fn id(id: &str) -> Markup {
    html! { code.id { (id) } }
}

/// A secret that is shown this once.
pub fn secret(label: &str, secret: &str) -> Markup {
    html! {
        div.secret role="status" {
            p { strong { (label) } " It is shown this once; nobody can show it again." }
            p { code.id #secret { (secret) } " " button.plain type="button" data-copy="secret" { "Copy" } }
        }
    }
}

/// JSON as it is.
pub fn json(value: &Value) -> Markup {
    html! { pre tabindex="0" { (serde_json::to_string_pretty(value).unwrap_or_default()) } }
}
