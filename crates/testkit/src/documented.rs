//! Whether an answer is what `proto/openapi` says of it: status, headers, media type, body.

use contracts::Surface;
use contracts::routes::{self, Match, Route};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

static DOCUMENTS: [OnceLock<Value>; Surface::ALL.len()] = [const { OnceLock::new() }; Surface::ALL.len()];

fn document(surface: Surface) -> &'static Value {
    DOCUMENTS[surface as usize].get_or_init(|| read(surface))
}

fn read(surface: Surface) -> Value {
    let file = format!("../../proto/openapi/{}.json", surface.name());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    serde_json::from_slice(&fs::read(&path).expect("document")).expect("document in JSON")
}

/// The route of a request, when it is a public one.
pub fn route(method: &str, path: &str) -> Option<&'static Route> {
    match routes::find(method, path) {
        Match::Found(route) => Some(route),
        Match::WrongMethod(_) | Match::Unknown => None,
    }
}

/// Holds an answer of a route against the document of its surface.
///
/// # Panics
/// When the document does not say that such an answer may come.
pub fn check(route: &Route, status: u16, headers: &HeaderMap, body: &[u8]) {
    let problems = problems(document(route.surface), route, status, headers, body);
    assert!(
        problems.is_empty(),
        "{} {} answered {status}, which proto/openapi/{}.json does not allow:\n{}\n{headers:?}\n{}",
        route.method,
        route.template,
        route.surface.name(),
        problems.join("\n"),
        String::from_utf8_lossy(body)
    );
}

fn problems(document: &Value, route: &Route, status: u16, headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    let operation = &document["paths"][route.template][route.method.to_lowercase()];
    if operation.is_null() {
        return vec!["the operation is missing".to_owned()];
    }
    let answer = &operation["responses"][status.to_string()];
    if answer.is_null() {
        return vec!["the status is missing".to_owned()];
    }
    let answer = resolved(document, answer);
    let mut problems = of_headers(document, answer, headers);
    problems.extend(of_body(document, answer, headers, body));
    problems
}

fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
    document.pointer(reference.trim_start_matches('#')).expect("a reference that leads somewhere")
}

fn of_headers(document: &Value, answer: &Value, headers: &HeaderMap) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, header) in answer["headers"].as_object().into_iter().flatten() {
        let header = resolved(document, header);
        let Some(value) = headers.get(name) else {
            if header["required"] == true {
                problems.push(format!("header {name} is missing"));
            }
            continue;
        };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let value = if header["schema"]["type"] == "integer" {
            text.parse::<i64>().map_or(json!(text), Value::from)
        } else {
            json!(text)
        };
        problems.extend(of_schema(document, &header["schema"], &value, &format!("header {name}")));
    }
    problems
}

fn of_body(document: &Value, answer: &Value, headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    let content = answer["content"].as_object();
    let Some(content) = content.filter(|content| !content.is_empty()) else {
        return if body.is_empty() { Vec::new() } else { vec!["there is a body".to_owned()] };
    };
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default().trim();
    let Some(described) = content.get(media_type) else {
        return vec![format!("there is no media type {given:?}")];
    };
    if !media_type.ends_with("json") {
        return Vec::new();
    }
    // The schema of many documents is that of each.
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let documents: Vec<_> = if media_type.ends_with("ndjson") { lines.collect() } else { vec![body] };
    let of_document = |text: &&[u8]| match serde_json::from_slice(text) {
        Ok(value) => of_schema(document, &described["schema"], &value, "the body"),
        Err(error) => vec![format!("the body is no JSON: {error}")],
    };
    documents.iter().flat_map(of_document).collect()
}

fn of_schema(document: &Value, schema: &Value, value: &Value, what: &str) -> Vec<String> {
    let mut named = BTreeSet::new();
    collect(document, schema, &mut named);
    let named: serde_json::Map<_, _> = named
        .into_iter()
        .map(|name| (name.to_owned(), document["components"]["schemas"][name].clone()))
        .collect();
    // References look from the root: what they lead to is put there.
    let whole = json!({"allOf": [schema], "components": {"schemas": named}});
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&whole);
    let validator = validator.unwrap_or_else(|error| panic!("the schema of {what} is unsound: {error}"));
    validator.iter_errors(value).map(|error| format!("{what}{}: {error}", error.instance_path())).collect()
}

/// The names of all schemas that one leads to.
fn collect<'d>(document: &'d Value, schema: &'d Value, named: &mut BTreeSet<&'d str>) {
    match schema {
        Value::Array(elements) => elements.iter().for_each(|element| collect(document, element, named)),
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            if let Some(name) =
                reference.and_then(|reference| reference.strip_prefix("#/components/schemas/"))
                && named.insert(name)
            {
                collect(document, &document["components"]["schemas"][name], named);
            }
            members.values().for_each(|member| collect(document, member, named));
        }
        _ => {}
    }
}
