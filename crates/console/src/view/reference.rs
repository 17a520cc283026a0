//! The reference of the APIs, made of the same documents that are served beside it.

mod schema;

use super::assets::address;
use super::text;
use maud::{DOCTYPE, Markup, html};
use schema::{fields, named, shape};
use serde_json::Value;

/// A surface's document, and what is served of it.
#[derive(Debug)]
pub struct Document {
    pub surface: &'static str,
    /// As it is in the repository.
    pub json: &'static str,
    pub parsed: Value,
}

/// Operations in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What there is.
pub fn index(documents: &[Document], events: &[(&str, &str)]) -> Markup {
    around(
        "APIs",
        &html! {
            h1 { "The APIs of Leadwire" }
            p { "Five surfaces behind one gateway, each with its own credentials, limits and way to say what is wrong." }
            @for document in documents {
                section.card {
                    h2 { a href={"/docs/" (document.surface)} { (text(&document.parsed, "/info/title")) } }
                    (prose(text(&document.parsed, "/info/description").split("\n\n").next().unwrap_or_default()))
                    p { a href={"/openapi/" (document.surface) ".json"} { "OpenAPI 3.1" } }
                }
            }
            section.card {
                h2 { "Events" }
                p { "What happens, where it goes, and the webhooks that tell of it." }
                p { a href="/asyncapi.yaml" { "AsyncAPI 3.0" } }
                details {
                    summary { "The schema of each event's data" }
                    ul.operations {
                        @for (name, _) in events {
                            li { a href={"/schemas/events/" (name) ".json"} { code { (name) } } }
                        }
                    }
                }
            }
        },
    )
}

/// One surface: its operations, and the shapes of what they take and give.
pub fn surface(document: &Document) -> Markup {
    let whole = &document.parsed;
    let tags = whole["tags"].as_array().map_or(&[][..], Vec::as_slice);
    let operations = operations(whole);
    let schemas = whole.pointer("/components/schemas").and_then(Value::as_object);
    around(
        text(whole, "/info/title"),
        &html! {
            p { a href="/docs" { "All APIs" } " · " a href={"/openapi/" (document.surface) ".json"} { "OpenAPI 3.1" } }
            h1 { (text(whole, "/info/title")) }
            (prose(text(whole, "/info/description")))
            p.muted { "What is marked " (addition()) " is there besides the published contract." }
            nav aria-label="Operations" {
                @for tag in tags {
                    h2 { (text(tag, "/name")) }
                    ul.operations {
                        @for one in operations.iter().filter(|one| one.is_of(text(tag, "/name"))) {
                            li { a href={"#" (one.id())} { (one.name()) } " " span.muted { (inline(text(one.facts, "/summary"))) } }
                        }
                    }
                }
            }
            @for tag in tags {
                h2 { (text(tag, "/name")) }
                (prose(text(tag, "/description")))
                @for one in operations.iter().filter(|one| one.is_of(text(tag, "/name"))) { (operation(whole, one)) }
            }
            h2 { "Shapes" }
            @for (name, schema) in schemas.into_iter().flatten() {
                section.card id={"schema-" (name)} {
                    h3 { (name) @if is_addition(schema) { " " (addition()) } }
                    (prose(text(schema, "/description")))
                    (fields(schema))
                }
            }
        },
    )
}

/// A method and a path with what is said of them.
struct Operation<'d> {
    method: &'d str,
    path: &'d str,
    facts: &'d Value,
}

impl Operation<'_> {
    fn name(&self) -> Markup {
        html! { code { strong { (self.method.to_ascii_uppercase()) } " " (self.path) } }
    }

    fn id(&self) -> &str {
        text(self.facts, "/operationId")
    }

    fn is_of(&self, tag: &str) -> bool {
        self.facts["tags"].as_array().is_some_and(|tags| tags.iter().any(|one| one == tag))
    }
}

fn operations(whole: &Value) -> Vec<Operation<'_>> {
    let paths = whole["paths"].as_object().into_iter().flatten();
    let of_path = |(path, item)| {
        let one =
            move |method: &&'static str| Some(Operation { method, path, facts: Value::get(item, *method)? });
        METHODS.iter().filter_map(one).collect::<Vec<_>>()
    };
    paths.flat_map(|(path, item)| of_path((path.as_str(), item))).collect()
}

fn operation(whole: &Value, one: &Operation<'_>) -> Markup {
    let parameters: Vec<_> = one.facts["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|given| referred(whole, given))
        .collect();
    let answers = one.facts["responses"].as_object().into_iter().flatten();
    html! {
        section.card id=(one.id()) {
            h3 { (one.name()) @if is_addition(one.facts) { " " (addition()) } }
            p { strong { (inline(text(one.facts, "/summary"))) } }
            (prose(text(one.facts, "/description")))
            p.muted { (access(one.facts)) }
            @if !parameters.is_empty() {
                div.scroll tabindex="0" {
                    table {
                        thead { tr { th { "Parameter" } th { "In" } th { "Type" } th { "" span.unseen { "What it is" } } } }
                        tbody {
                            @for parameter in parameters {
                                tr {
                                    td { code { (text(parameter, "/name")) } @if parameter["required"] == true { span.muted { " required" } }
                                        @if is_addition(parameter) { " " (addition()) } }
                                    td { (text(parameter, "/in")) }
                                    td { (shape(&parameter["schema"])) }
                                    td.said { (inline(text(parameter, "/description"))) }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(body) = one.facts.get("requestBody") {
                p { "Takes " (content(body)) @if body["required"] != true { " or nothing" } "." }
            }
            div.scroll tabindex="0" {
                table {
                    thead { tr { th { "Status" } th { "Body" } th { "When" } } }
                    tbody {
                        @for (status, answer) in answers {
                            @let answer = referred(whole, answer);
                            tr {
                                td { (status) @if is_addition(answer) { " " (addition()) } }
                                td { (content(answer)) }
                                td.said { (inline(text(answer, "/description"))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What stands where a document refers to.
fn referred<'d>(whole: &'d Value, value: &'d Value) -> &'d Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| whole.pointer(pointer)).unwrap_or(value)
}

/// The media types of a body with their shapes.
fn content(of: &Value) -> Markup {
    let types: Vec<_> = of["content"].as_object().into_iter().flatten().collect();
    html! {
        @if types.is_empty() { span.muted { "nothing" } }
        @for (index, (media, body)) in types.iter().enumerate() {
            @if index > 0 { " or " }
            (named(&body["schema"])) " "
            @if media.as_str() != "application/json" { span.muted { "as " (media) } }
        }
    }
}

/// Who may call it.
fn access(facts: &Value) -> String {
    let named = facts["security"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
    let scopes: Vec<_> = named
        .flat_map(|(_, scopes)| scopes.as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    match facts["security"].as_array() {
        Some(security) if security.is_empty() => "Open to everybody; limited per address.".to_owned(),
        None => "Open to everybody; limited per address.".to_owned(),
        Some(_) if scopes.is_empty() => "With any credential of the surface.".to_owned(),
        Some(_) => format!("Scope {}.", scopes.join(", ")),
    }
}

fn is_addition(value: &Value) -> bool {
    value["x-leadwire-addition"] == true
}

fn addition() -> Markup {
    html! { span.tag { "addition" } }
}

/// Paragraphs of a description.
fn prose(description: &str) -> Markup {
    html! {
        @for paragraph in description.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            p { (inline(paragraph)) }
        }
    }
}

/// A text with what stands between backquotes as code.
fn inline(said: &str) -> Markup {
    html! {
        @for (index, part) in said.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn around(title: &str, content: &Markup) -> Markup {
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
            }
            body {
                header.top { a.brand href="/docs" { "Leadwire APIs" } }
                main #content { (content) }
            }
        }
    }
}
