//! What every page has around its content.

use super::Frame;
use super::assets::address;
use super::parts;
use maud::{DOCTYPE, Markup, html};

const MENU: [(&str, &str, &str); 9] = [
    ("overview", "/console", "Overview"),
    ("webhooks", "/console/webhooks", "Webhooks"),
    ("events", "/console/events", "Events"),
    ("dead-letters", "/console/dead-letters", "Dead letters"),
    ("clients", "/console/clients", "Clients and keys"),
    ("ingest", "/console/ingest", "Ingest"),
    ("crm", "/console/crm", "CRM"),
    ("lex", "/console/lex", "LEX"),
    ("audit-log", "/console/audit-log", "Audit log"),
];

/// A page for somebody who is signed in.
pub fn page(frame: &Frame<'_>, title: &str, content: &Markup) -> Markup {
    around(frame, title, None, content)
}

/// The same, brought up to date every so many seconds. Each time costs requests of the visitor's own limit.
pub fn live(frame: &Frame<'_>, title: &str, seconds: Option<u32>, content: &Markup) -> Markup {
    around(frame, title, seconds, content)
}

/// The same, where a stream brings the content up to date as long as there is one; `head` stays as it is.
pub fn streamed(
    frame: &Frame<'_>,
    title: &str,
    stream: Option<&str>,
    head: &Markup,
    content: &Markup,
) -> Markup {
    around(frame, title, None, &html! { (head) div data-stream=[stream] { (content) } })
}

fn around(frame: &Frame<'_>, title: &str, live: Option<u32>, content: &Markup) -> Markup {
    let who = frame.who;
    // What only administrators may see is not offered to others.
    let shown = MENU.iter().filter(|(name, ..)| who.admin || *name != "audit-log");
    document(
        title,
        &html! {
            a.skip href="#content" { "Skip to the content" }
            header.top {
                a.brand href="/console" { "Leadwire" }
                nav aria-label="Pages" {
                    @for (name, link, label) in shown {
                        a href=(link) aria-current=[(*name == frame.here).then_some("page")] { (label) }
                    }
                }
                div.who {
                    a href="/console/session" aria-current=[(frame.here == "session").then_some("page")] {
                        (who.organization.slug) @if who.admin { " · admin" }
                    }
                    form method="post" action="/console/sign-out" {
                        (parts::token(frame))
                        button.plain { "Sign out" }
                    }
                }
            }
            main #content tabindex="-1" data-live=[live] { (content) }
        },
    )
}

/// A page for anybody.
pub fn bare(title: &str, content: &Markup) -> Markup {
    document(
        title,
        &html! {
            header.top { a.brand href="/console" { "Leadwire" } }
            main #content { (content) }
        },
    )
}

/// Why something is not shown or not done.
pub fn stop(status: u16, message: &str, fields: &[(String, String)]) -> Markup {
    let title = match status {
        403 => "Not allowed",
        404 => "Not there",
        429 => "Too many requests",
        400..500 => "That does not work",
        _ => "Not available",
    };
    bare(
        title,
        &html! {
            h1 { (title) }
            p { (sentence(message)) }
            @if !fields.is_empty() {
                ul { @for (path, complaint) in fields { li { code { (path) } " " (complaint) } } }
            }
            p.muted { "Status " (status) "." }
            p { a href="/console" { "To the overview" } }
        },
    )
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – Leadwire" }
                link rel="icon" href=(address("icon.svg"));
                link rel="stylesheet" href=(address("console.css"));
                script type="module" src=(address("console.js")) {}
            }
            body { (body) }
        }
    }
}

/// A message of an API as a sentence.
pub fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", characters.as_str())
}
