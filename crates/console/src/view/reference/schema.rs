//! JSON Schemas in words: the type of a thing, its limits, its members.

use super::{addition, inline, is_addition};
use crate::view::text;
use maud::{Markup, html};
use serde_json::Value;

/// How deep members without a name of their own are shown.
const DEEPEST: usize = 4;

/// The name of a shape, leading to it, or the shape itself.
pub fn named(schema: &Value) -> Markup {
    match reference(schema) {
        Some(name) => html! { a href={"#schema-" (name)} { (name) } },
        None => shape(schema),
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// A type in a few words, with its limits.
pub fn shape(schema: &Value) -> Markup {
    if let Some(name) = reference(schema) {
        return html! { a href={"#schema-" (name)} { (name) } };
    }
    let alternatives =
        ["oneOf", "anyOf", "allOf"].iter().find_map(|kind| Some((*kind, schema[*kind].as_array()?)));
    html! {
        @if let Some((kind, alternatives)) = alternatives {
            @for (index, one) in alternatives.iter().enumerate() {
                @if index > 0 { (if kind == "allOf" { " and " } else { " or " }) }
                (shape(one))
            }
        } @else { (words(schema)) }
        @if schema["items"].is_object() { " of " (shape(&schema["items"])) }
        @if let Some(values) = schema["enum"].as_array() {
            ": " @for (index, value) in values.iter().enumerate() { @if index > 0 { ", " } code { (plain(value)) } }
        }
        @if let Some(value) = schema.get("const") { ": " code { (plain(value)) } }
        @for limit in limits(schema) { span.muted { ", " (limit) } }
    }
}

/// `string (date-time) or null`.
fn words(schema: &Value) -> String {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    let mut words = types.join(" or ");
    if let Some(format) = schema["format"].as_str().filter(|format| !format.starts_with("int")) {
        words = format!("{words} ({format})");
    }
    words
}

fn limits(schema: &Value) -> Vec<String> {
    let said = [
        ("minLength", "at least", "characters"),
        ("maxLength", "at most", "characters"),
        ("minItems", "at least", "of them"),
        ("maxItems", "at most", "of them"),
        ("minimum", "from", ""),
        ("maximum", "up to", ""),
        ("exclusiveMinimum", "more than", ""),
        ("pattern", "like", ""),
        ("default", "default", ""),
    ];
    let one = |(name, before, after): &(&str, &str, &str)| {
        let value = schema.get(*name).filter(|value| !value.is_object() && !value.is_array())?;
        Some(format!("{before} {} {after}", plain(value)).trim_end().to_owned())
    };
    said.iter().filter_map(one).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The members of an object, or what else a shape is.
pub fn fields(schema: &Value) -> Markup {
    let rows = members(schema, "", 0);
    if rows.is_empty() {
        return html! { p { (shape(schema)) } };
    }
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th { "Member" } th { "Type" } th { "What it is" } } }
                tbody {
                    @for (name, required, member) in rows {
                        tr {
                            td { code { (name) } @if required { span.muted { " required" } }
                                @if is_addition(member) { " " (addition()) } }
                            td { (shape(member)) }
                            td.said { (inline(text(member, "/description"))) }
                        }
                    }
                }
            }
        }
    }
}

/// Members with their paths, those of members without a name of their own included.
fn members<'s>(schema: &'s Value, within: &str, depth: usize) -> Vec<(String, bool, &'s Value)> {
    let mut rows = Vec::new();
    if depth > DEEPEST {
        return rows;
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        rows.extend(members(part, within, depth + 1));
    }
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{within}{name}");
        rows.push((path.clone(), required(name), member));
        rows.extend(members(member, &format!("{path}."), depth + 1));
        rows.extend(members(&member["items"], &format!("{path}[]."), depth + 1));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_type_is_said_with_its_limits() {
        let schema =
            json!({"type": ["string", "null"], "format": "uri", "maxLength": 5, "enum": ["a", null]});
        let said = shape(&schema).into_string();
        assert_eq!(
            said,
            "string or null (uri): <code>a</code>, <code>null</code><span class=\"muted\">, at most 5 characters</span>"
        );
        assert_eq!(
            shape(&json!({"oneOf": [{"$ref": "#/x/Lead"}, {"type": "null"}]})).into_string(),
            "<a href=\"#schema-Lead\">Lead</a> or null"
        );
    }

    #[test]
    fn members_of_members_have_paths() {
        let schema = json!({"required": ["a"], "properties": {"a": {"items": {"properties": {"b": {}}}}}});
        let rows = members(&schema, "", 0);
        let paths: Vec<_> = rows.iter().map(|(path, required, _)| (path.as_str(), *required)).collect();
        assert_eq!(paths, [("a", true), ("a[].b", false)]);
    }
}
