//! Signing in, and who is signed in.

use super::Frame;
use super::layout::{bare, page};
use super::parts::{self, Action};
use super::times;
use crate::session::Session;
use chrono::TimeDelta;
use maud::{Markup, html};
use std::time::Duration;

/// The form, with what is to be said above it.
pub fn form(next: &str, note: Option<&str>, refused: Option<&str>) -> Markup {
    bare(
        "Sign in",
        &html! {
            div.narrow {
                h1 { "Sign in" }
                @if let Some(note) = note { p role="status" { (note) } }
                form method="post" action="/console/sign-in" {
                    input type="hidden" name="next" value=(next);
                    div.field {
                        label for="key" { "API key of the platform" }
                        input #key name="key" type="password" required autocomplete="off" spellcheck="false"
                            aria-describedby={ @if refused.is_some() { "key-complaint " } "key-hint" }
                            aria-invalid=[refused.map(|_| "true")] autofocus;
                        @if let Some(refused) = refused { p.complaint #key-complaint role="alert" { (refused) } }
                        p.hint #key-hint {
                            "It begins with " code { "ins_" } ". You see and do here what the key may, and nothing more."
                        }
                    }
                    button { "Sign in" }
                }
            }
        },
    )
}

/// Who is signed in, until when, and the way out everywhere.
pub fn session(frame: &Frame<'_>, session: &Session, idle: Duration) -> Markup {
    let who = frame.who;
    let idle = TimeDelta::from_std(idle).unwrap_or_default();
    let scopes = if who.scopes.is_empty() { "none".to_owned() } else { who.scopes.join(", ") };
    page(
        frame,
        "Session",
        &html! {
            h1 { "Session" }
            dl {
                dt { "Organisation" } dd { (who.organization.slug) " " (parts::id(&who.organization.id.to_string())) }
                dt { "Client" } dd { (parts::id(&who.client.id.to_string())) }
                dt { "API key" } dd { (parts::id(&who.credential.id.to_string())) }
                dt { "Scopes" } dd { (scopes) }
                dt { "Signed in" } dd { (times::time(Some(session.created_at), frame.now)) }
                dt { "Ends" } dd {
                    (times::time(Some(session.expires_at), frame.now)) ", or after " (times::length(idle)) " without use"
                }
            }
            (parts::action(frame, &Action {
                label: "Sign out everywhere",
                post_to: "/console/sign-out-everywhere",
                says: html! { p { "Ends every session of this API key, in this browser and in all others. The key itself goes on working." } },
                fields: html! {},
                does: "Sign out everywhere",
                harmful: true,
            }))
        },
    )
}
