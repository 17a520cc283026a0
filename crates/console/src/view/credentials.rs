//! Service and OAuth credentials of a client.

use super::clients::scopes;
use super::events::{Asked, asked};
use super::layout::{page, sentence};
use super::parts::{self, Action, Field};
use super::webhooks::complaint;
use super::{Frame, number, rows, text, time, times};
use crate::clients::api::Refusal;
use maud::{Markup, html};
use serde_json::Value;

/// What differs between the two.
#[derive(Debug)]
pub struct Family {
    /// In addresses, ours and the API's.
    pub name: &'static str,
    title: &'static str,
    noun: &'static str,
    about: &'static str,
    /// What names one in requests: its label, and where it stands.
    id: (&'static str, &'static str),
    secret: &'static str,
    /// What else whoever uses one has to know.
    facts: &'static [(&'static str, &'static str)],
    scopes: &'static str,
    usual_limit: &'static str,
}

pub static FAMILIES: [Family; 2] = [
    Family {
        name: "service-credentials",
        title: "Service credentials",
        noun: "service credential",
        about: "Secrets with which a partner signs the tokens (JWT, HS256) of its requests to the partner API.",
        id: ("kid", "/kid"),
        secret: "/secret",
        facts: &[
            ("kid", "/kid"),
            ("Algorithm", "/algorithm"),
            ("iss", "/issuer"),
            ("aud", "/audience"),
            ("sub", "/subject"),
        ],
        scopes: "one on each line: <organisation>:leads:write, and the same with leads:read, webhooks:write, webhooks:read",
        usual_limit: "60",
    },
    Family {
        name: "oauth-credentials",
        title: "OAuth credentials",
        noun: "OAuth credential",
        about: "Client ids and secrets that are exchanged for access tokens of the LEX API.",
        id: ("Client id", "/clientId"),
        secret: "/clientSecret",
        facts: &[("Client id", "/clientId"), ("Token endpoint", "/tokenEndpoint")],
        scopes: "one on each line: lex:leads:write, lex:leads:read, lex:assets:write, lex:assets:read, \
                 lex:closures:write, lex:subscriptions:manage, lex:conformance",
        usual_limit: "the organisation's",
    },
];

/// The credentials of a client, as a part of its page.
pub fn section(frame: &Frame<'_>, family: &Family, client: &str, found: &Value) -> Markup {
    let here = format!("/console/clients/{client}/{}", family.name);
    html! {
        h2 { (family.title) }
        p.muted { (family.about) }
        @if rows(found).is_empty() { (parts::nothing("This client has none.")) }
        @else {
            div.scroll tabindex="0" {
                table {
                    thead { tr {
                        th { "Name" } th { (family.id.0) } th { "Status" } th { "Scopes" } th.number { "Per minute" }
                        th { "Last used" } th { "Expires" } th { span.unseen { "Actions" } }
                    } }
                    tbody {
                        @for one in rows(found) {
                            tr {
                                td { (text(one, "/name")) }
                                td.said { code { (text(one, family.id.1)) } }
                                td { (parts::status(text(one, "/status"))) }
                                td.said { (scopes(one, "none")) }
                                td.number { @if one["rateLimitOverride"].is_null() { (family.usual_limit) } @else { (times::count(number(one, "/rateLimitOverride"))) } }
                                td { (times::time(time(one, "/lastUsedAt"), frame.now)) }
                                td { (times::time(time(one, "/expiresAt"), frame.now)) }
                                td { @if text(one, "/status") == "ACTIVE" && frame.may("clients:write") { (actions(frame, family, &here, one)) } }
                            }
                        }
                    }
                }
            }
        }
        @if frame.may("clients:write") { p { a.button.plain href={(here) "/new"} { "New " (family.noun) } } }
    }
}

fn actions(frame: &Frame<'_>, family: &Family, here: &str, one: &Value) -> Markup {
    let to = |action: &str| format!("{here}/{}/{action}", text(one, "/id"));
    let overlaps = [("86400", "one day"), ("3600", "one hour"), ("0", "not at all: the old one ends now")];
    html! {
        (parts::action(frame, &Action {
            label: "Rotate", post_to: &to("rotate"),
            says: html! { p { "Makes a new secret for " strong { (text(one, "/name")) } " and shows it once. The " (family.id.0) " stays or is told with it." } },
            fields: html! {
                label.field { "The old one works beside it for "
                    select name="overlap" { @for (value, shown) in overlaps { option value=(value) { (shown) } } } }
            },
            does: "Make a new secret", harmful: false,
        }))
        (parts::action(frame, &Action {
            label: "Revoke", post_to: &to("revoke"),
            says: html! { p { "Ends " strong { (text(one, "/name")) } " for good: within a second it is refused everywhere, and so are tokens that were made with it." } },
            fields: html! {}, does: "Revoke the credential", harmful: true,
        }))
    }
}

/// A new credential's form.
pub fn form(
    frame: &Frame<'_>,
    family: &Family,
    client: &Value,
    draft: &Asked,
    once: &str,
    refusal: Option<&Refusal>,
) -> Markup {
    let field = |name, label, kind, hint, required| {
        let (value, complaint) = (asked(draft, name), complaint(refusal, name));
        parts::field(&Field { name, label, kind, value, hint, required, complaint })
    };
    let limit = format!("requests; {} when left empty", family.usual_limit);
    let title = format!("New {}", family.noun);
    page(
        frame,
        &title,
        &html! {
            p { a href={"/console/clients/" (text(client, "/id"))} { (text(client, "/name")) } }
            h1 { (title) }
            p.muted { (family.about) }
            @if let Some(refusal) = refusal { p.complaint role="alert" { (sentence(&refusal.message)) } }
            form.wide method="post" action={"/console/clients/" (text(client, "/id")) "/" (family.name) "/new"} {
                (parts::token(frame))
                input type="hidden" name="once" value=(once);
                (field("name", "Name", "text", "", true))
                (field("scopes", "Scopes", "lines", family.scopes, true))
                (field("expiresAt", "Expires (UTC)", "datetime-local", "never when left empty", false))
                @if frame.who.admin { (field("rateLimitOverride", "Per minute", "number", &limit, false)) }
                p.hint { "Its secret is shown once, on the next page." }
                button { "Create it" }
            }
        },
    )
}

/// A credential that was just made.
pub fn made(frame: &Frame<'_>, family: &Family, client: &str, credential: &Value) -> Markup {
    with_secret(frame, family, client, credential, "The credential is made")
}

/// The same after its secret was changed.
pub fn rotated(frame: &Frame<'_>, family: &Family, client: &str, credential: &Value) -> Markup {
    with_secret(frame, family, client, credential, "The secret is changed")
}

fn with_secret(frame: &Frame<'_>, family: &Family, client: &str, credential: &Value, title: &str) -> Markup {
    page(
        frame,
        title,
        &html! {
            h1 { (title) }
            (parts::secret("The secret:", text(credential, family.secret)))
            @if let Some(until) = time(credential, "/previousSecretExpiresAt") {
                p { "The old one works until " (times::time(Some(until), frame.now)) "." }
            }
            dl {
                dt { "Name" } dd { (text(credential, "/name")) }
                @for (label, pointer) in family.facts { dt { (label) } dd { (parts::id(text(credential, pointer))) } }
                dt { "Scopes" } dd { (scopes(credential, "none")) }
                dt { "Expires" } dd { (times::time(time(credential, "/expiresAt"), frame.now)) }
            }
            p { a.button href={"/console/clients/" (client)} { "To the client" } }
        },
    )
}
