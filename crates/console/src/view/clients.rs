//! API clients, their keys, and what they used.

use super::events::{Asked, again, asked, criterion};
use super::ingest::or_none;
use super::layout::{page, sentence};
use super::parts::{self, Action, Field};
use super::webhooks::complaint;
use super::{Frame, credentials, number, rows, text, time, times};
use crate::clients::api::Refusal;
use maud::{Markup, html};
use serde_json::Value;

const TIERS: [(&str, &str); 4] =
    [("STANDARD", "Standard"), ("BASIC", "Basic"), ("PREMIUM", "Premium"), ("ENTERPRISE", "Enterprise")];
const SURFACES: [(&str, &str); 3] =
    [("platform", "Platform (ins_…)"), ("crm", "CRM (finova_sk_…)"), ("ingest", "Ingest (wp_live_…)")];

pub fn list(frame: &Frame<'_>, query: &Asked, found: &Value) -> Markup {
    let (at, pages) = (number(found, "/pagination/page"), number(found, "/pagination/totalPages"));
    let next = (at < pages).then(|| again("/console/clients", query, "page", &(at + 1).to_string()));
    let sort = |by, label| parts::sortable("/console/clients", query, by, label);
    page(
        frame,
        "Clients and keys",
        &html! {
            h1 { "Clients and keys" }
            form.filter method="get" action="/console/clients" {
                (criterion(query, "search", "Name, or part of it", "search"))
                (parts::choice("status", "Status", &[("", "All"), ("ACTIVE", "Active"), ("SUSPENDED", "Suspended")], asked(query, "status")))
                button.plain { "Show" }
            }
            @if frame.may("clients:write") { p { a.button href="/console/clients/new" { "New client" } } }
            @if rows(found).is_empty() { (parts::nothing("No client is like that.")) }
            @else {
                div.scroll tabindex="0" {
                    table {
                        thead { tr { (sort("name", "Name")) (sort("status", "Status")) (sort("rateLimitTier", "Tier")) (sort("contactEmail", "Contact")) (sort("createdAt", "Made")) } }
                        tbody {
                            @for client in rows(found) {
                                tr {
                                    td { a href={"/console/clients/" (text(client, "/id"))} { (text(client, "/name")) } }
                                    td { (parts::status(text(client, "/status"))) }
                                    td { (text(client, "/rateLimitTier").to_ascii_lowercase()) }
                                    td { (text(client, "/contactEmail")) }
                                    td { (times::time(time(client, "/createdAt"), frame.now)) }
                                }
                            }
                        }
                    }
                }
                (parts::more(next.as_deref()))
                p { a href=(again("/console/clients", query, "export", "csv")) { "All of them as CSV, up to 10,000 rows" } }
            }
        },
    )
}

pub fn form(
    frame: &Frame<'_>,
    organizations: &[(String, String)],
    draft: &Asked,
    once: &str,
    refusal: Option<&Refusal>,
) -> Markup {
    let field = |name, label, kind, hint, required| {
        let (value, complaint) = (asked(draft, name), complaint(refusal, name));
        parts::field(&Field { name, label, kind, value, hint, required, complaint })
    };
    let mut owners = vec![("", "A new organisation, named after the client")];
    owners.extend(organizations.iter().map(|(id, slug)| (id.as_str(), slug.as_str())));
    page(
        frame,
        "New client",
        &html! {
            p { a href="/console/clients" { "Clients and keys" } }
            h1 { "New client" }
            @if let Some(refusal) = refusal { p.complaint role="alert" { (sentence(&refusal.message)) } }
            form.wide method="post" action="/console/clients/new" {
                (parts::token(frame))
                input type="hidden" name="once" value=(once);
                @if frame.who.admin { (parts::choice("organizationId", "Organisation", &owners, asked(draft, "organizationId"))) }
                (field("name", "Name", "text", "", true))
                (field("contactEmail", "Contact", "email", "an e-mail address", true))
                (field("description", "Description", "text", "", false))
                (field("redirectUris", "Redirect URIs", "lines", "one on each line", false))
                (parts::choice("rateLimitTier", "Tier", &TIERS, asked(draft, "rateLimitTier")))
                button { "Create the client" }
            }
        },
    )
}

/// A client with its keys. `draft`, `once` and `refusal` are those of the form for a new key.
pub fn one(
    frame: &Frame<'_>,
    client: &Value,
    [service, oauth]: [&Value; 2],
    usage: Option<&Value>,
    draft: &Asked,
    once: &str,
    refusal: Option<&Refusal>,
) -> Markup {
    let id = text(client, "/id");
    page(
        frame,
        "Client",
        &html! {
            p { a href="/console/clients" { "Clients and keys" } }
            h1 { (text(client, "/name")) }
            p { (parts::status(text(client, "/status"))) }
            dl {
                dt { "Id" } dd { (parts::id(id)) }
                dt { "Organisation" } dd { (parts::id(text(client, "/organizationId"))) }
                dt { "Description" } dd { (or_none(text(client, "/description"))) }
                dt { "Contact" } dd { (text(client, "/contactEmail")) }
                dt { "Tier" } dd { (text(client, "/rateLimitTier").to_ascii_lowercase()) }
                dt { "Scopes" } dd { (scopes(client, "whatever its organisation may")) }
                dt { "Made" } dd { (times::time(time(client, "/createdAt"), frame.now)) }
            }
            p { a href={"/console/webhooks?client=" (id)} { "Its webhooks" } }
            @if frame.may("clients:write") {
                div.actions {
                    (change_tier(frame, id, text(client, "/rateLimitTier")))
                    (suspend(frame, id, text(client, "/status")))
                }
            }
            h2 { "Keys" }
            (keys(frame, id, client))
            @if frame.may("clients:write") { (new_key(frame, id, draft, once, refusal)) }
            (credentials::section(frame, &credentials::FAMILIES[0], id, service))
            (credentials::section(frame, &credentials::FAMILIES[1], id, oauth))
            @if let Some(usage) = usage { (used(usage)) }
        },
    )
}

pub fn scopes(of: &Value, all: &str) -> String {
    let Some(scopes) = of["scopes"].as_array() else { return all.to_owned() };
    let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
    if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") }
}

fn suspend(frame: &Frame<'_>, id: &str, status: &str) -> Markup {
    let suspends = status == "ACTIVE";
    let (label, next, says) = if suspends {
        (
            "Suspend",
            "SUSPENDED",
            "Within a second none of this client's keys and credentials works. Nothing is deleted; its webhooks go on getting events.",
        )
    } else {
        ("Let it work again", "ACTIVE", "Within a second this client's keys and credentials work again.")
    };
    parts::action(
        frame,
        &Action {
            label,
            post_to: &format!("/console/clients/{id}/status"),
            says: html! { p { (says) } },
            fields: html! { input type="hidden" name="status" value=(next); },
            does: label,
            harmful: suspends,
        },
    )
}

fn change_tier(frame: &Frame<'_>, id: &str, tier: &str) -> Markup {
    parts::action(
        frame,
        &Action {
            label: "Change the tier",
            post_to: &format!("/console/clients/{id}/tier"),
            says: html! { p { "Its requests to the platform API are limited by the minute, the hour and the day as the tier says, within a second. A key that has a limit of its own keeps it." } },
            fields: parts::choice("rateLimitTier", "Tier", &TIERS, &tier.to_ascii_uppercase()),
            does: "Change the tier",
            harmful: false,
        },
    )
}

fn keys(frame: &Frame<'_>, client: &str, whole: &Value) -> Markup {
    let keys = whole["apiKeys"].as_array().map_or(&[][..], Vec::as_slice);
    if keys.is_empty() {
        return parts::nothing("This client has no key yet.");
    }
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "Name" } th { "Key" } th { "Status" } th { "Surface" } th { "Scopes" } th { "Last used" } th { "Expires" } th { span.unseen { "Actions" } } } }
                tbody {
                    @for key in keys {
                        tr {
                            td { (text(key, "/name")) }
                            td { code { (text(key, "/keyPrefix")) } }
                            td { (parts::status(text(key, "/status"))) }
                            td { (text(key, "/surface")) }
                            td.said { (scopes(key, "none")) }
                            td { (times::time(time(key, "/lastUsedAt"), frame.now)) }
                            td { (times::time(time(key, "/expiresAt"), frame.now)) }
                            td { @if text(key, "/status") == "ACTIVE" && frame.may("clients:write") { (revoke(frame, client, key)) } }
                        }
                    }
                }
            }
        }
    }
}

fn revoke(frame: &Frame<'_>, client: &str, key: &Value) -> Markup {
    parts::action(
        frame,
        &Action {
            label: "Revoke",
            post_to: &format!("/console/clients/{client}/keys/{}/revoke", text(key, "/id")),
            says: html! { p { "Ends " strong { (text(key, "/name")) } " for good: within a second it is refused everywhere. Whoever signed in here with it is signed out." } },
            fields: html! {},
            does: "Revoke the key",
            harmful: true,
        },
    )
}

fn new_key(frame: &Frame<'_>, client: &str, draft: &Asked, once: &str, refusal: Option<&Refusal>) -> Markup {
    let field = |name, label, kind, hint, required| {
        // The API calls the parts of an application by another name than the form.
        let path = match name {
            "appSlug" => "app.slug",
            "appName" => "app.name",
            other => other,
        };
        let (value, complaint) = (asked(draft, name), complaint(refusal, path));
        parts::field(&Field { name, label, kind, value, hint, required, complaint })
    };
    html! {
        details.action open[refusal.is_some()] {
            summary.button { "New key" }
            form.panel.wide method="post" action={"/console/clients/" (client) "/keys"} {
                (parts::token(frame))
                input type="hidden" name="once" value=(once);
                @if let Some(refusal) = refusal { p.complaint role="alert" { (sentence(&refusal.message)) } }
                (field("name", "Name of the key", "text", "", true))
                (parts::choice("surface", "Surface", &SURFACES, asked(draft, "surface")))
                (field("scopes", "Scopes", "lines", "one on each line; all that the client and your own key allow when left empty", false))
                (field("expiresAt", "Expires (UTC)", "datetime-local", "never when left empty", false))
                (field("appSlug", "Application, for ingest", "text", "lower-case letters, digits, - and _", false))
                (field("appName", "Its name", "text", "", false))
                @if frame.who.admin { (field("rateLimitOverride", "Requests per minute", "number", "those of the tier when left empty", false)) }
                (field("allowedOrigins", "Web origins, for CRM", "lines", "such as https://app.example.com; any when left empty", false))
                p.hint { "The key is shown once, on the next page." }
                button { "Create the key" }
            }
        }
    }
}

/// A key that was just made.
pub fn made(frame: &Frame<'_>, client: &str, key: &Value) -> Markup {
    page(
        frame,
        "The key is made",
        &html! {
            h1 { "The key is made" }
            (parts::secret("The key:", text(key, "/key")))
            dl {
                dt { "Name" } dd { (text(key, "/name")) }
                dt { "Scopes" } dd { (scopes(key, "none")) }
                dt { "Expires" } dd { (times::time(time(key, "/expiresAt"), frame.now)) }
            }
            p { a.button href={"/console/clients/" (client)} { "To the client" } }
        },
    )
}

/// What a client used in the last 24 hours.
fn used(usage: &Value) -> Markup {
    let list = |name: &str| usage[name].as_array().cloned().unwrap_or_default();
    let hours: Vec<_> = list("requestsByTime")
        .iter()
        .map(|hour| {
            let when = time(hour, "/time")
                .map_or_else(String::new, |when| when.format("%d %b %H:00 UTC").to_string());
            (when, number(hour, "/count"))
        })
        .collect();
    let endpoints: Vec<_> = list("requestsByEndpoint")
        .iter()
        .map(|one| {
            let took = format!("{} ms", number(one, "/avgResponseTime"));
            (text(one, "/endpoint").to_owned(), number(one, "/count"), took)
        })
        .collect();
    let succeeded = ("below 400".to_owned(), number(usage, "/successfulRequests"), String::new());
    let failed = list("topErrorCodes");
    let failed = failed
        .iter()
        .map(|one| (number(one, "/statusCode").to_string(), number(one, "/count"), String::new()));
    let statuses: Vec<_> =
        std::iter::once(succeeded).chain(failed).filter(|(_, count, _)| *count > 0).collect();
    html! {
        h2 { "What it used in the last 24 hours" }
        (parts::bars("Requests, by the hour", &hours))
        p { (times::count(number(usage, "/totalRequests"))) " requests, "
            (times::count(number(usage, "/failedRequests"))) " of them failed; on average "
            (usage["averageResponseTime"]) " ms" }
        (parts::shares("Requests by endpoint", "On average", &endpoints))
        (parts::shares("Requests by status", "", &statuses))
    }
}
