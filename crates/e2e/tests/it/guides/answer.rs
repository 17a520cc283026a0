//! What a guide says the answer is, and whether it is. `…` stands for whatever is there: within a text, in place of a value,
//! as a further member (`"…": "…"`), as any further elements, as any further lines.

use serde_json::Value;

const ANYTHING: &str = "…";

#[derive(Clone, Copy, Debug)]
pub enum Form {
    Json,
    /// A status line, some of the headers, and the body as JSON.
    Http,
    Text,
}

#[derive(Debug)]
pub struct Expected {
    pub form: Form,
    pub text: String,
}

/// What is different, in words.
pub fn differences(expected: &Expected, actual: &str) -> Vec<String> {
    match expected.form {
        Form::Json => of_json(&expected.text, actual),
        Form::Http => of_http(&expected.text, actual),
        Form::Text => {
            let (wanted, given) = (expected.text.trim_end(), actual.trim_end());
            let (wanted, given): (Vec<_>, Vec<_>) = (wanted.lines().collect(), given.lines().collect());
            if lines_fit(&wanted, &given) { Vec::new() } else { vec![format!("not\n{}", expected.text)] }
        }
    }
}

fn of_json(expected: &str, actual: &str) -> Vec<String> {
    let expected: Value = serde_json::from_str(expected).unwrap();
    let Ok(actual) = serde_json::from_str(actual) else { return vec!["the answer is not JSON".to_owned()] };
    let mut found = Vec::new();
    compare("", &expected, &actual, &mut found);
    found
}

fn of_http(expected: &str, actual: &str) -> Vec<String> {
    let actual = actual.replace('\r', "");
    let (expected_head, expected_body) = expected.split_once("\n\n").unwrap_or((expected, ""));
    let (head, body) = actual.split_once("\n\n").unwrap_or((&actual, ""));
    let mut wanted = expected_head.trim_end().lines();
    let status = wanted.next().unwrap_or_default();
    let given: Vec<String> = head.lines().map(lower_name).collect();
    let mut found = Vec::new();
    if !head.lines().next().is_some_and(|line| fits(status, line)) {
        found.push(format!("the answer is not '{status}'"));
    }
    let missing = wanted.filter(|header| !given.iter().any(|line| fits(&lower_name(header), line)));
    found.extend(missing.map(|header| format!("there is no header '{header}'")));
    if !expected_body.trim().is_empty() {
        found.extend(of_json(expected_body, body));
    }
    found
}

/// A header with its name in lower case.
fn lower_name(line: &str) -> String {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    format!("{}: {}", name.to_lowercase(), value.trim())
}

fn compare(place: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::String(wanted), _) if wanted == ANYTHING => {}
        (Value::String(wanted), Value::String(given)) if fits(wanted, given) => {}
        (Value::Object(wanted), Value::Object(given)) => {
            for (name, value) in wanted.iter().filter(|(name, _)| *name != ANYTHING) {
                match given.get(name) {
                    Some(actual) => compare(&format!("{place}.{name}"), value, actual, found),
                    None => found.push(format!("{place}.{name} is missing")),
                }
            }
            let further =
                given.keys().filter(|name| !wanted.contains_key(*name) && !wanted.contains_key(ANYTHING));
            found.extend(further.map(|name| format!("{place}.{name} is not expected")));
        }
        (Value::Array(wanted), Value::Array(given)) => {
            let open = wanted.last().is_some_and(|last| last == ANYTHING);
            let wanted = if open { &wanted[..wanted.len() - 1] } else { wanted };
            if given.len() < wanted.len() || (!open && given.len() > wanted.len()) {
                found.push(format!("{place} has {} elements", given.len()));
            }
            for (index, (wanted, given)) in wanted.iter().zip(given).enumerate() {
                compare(&format!("{place}[{index}]"), wanted, given, found);
            }
        }
        _ if expected == actual => {}
        _ => found.push(format!("{place} is {actual}, not {expected}")),
    }
}

fn lines_fit(wanted: &[&str], given: &[&str]) -> bool {
    match wanted {
        [] => given.is_empty(),
        [first, rest @ ..] if *first == ANYTHING => {
            (0..=given.len()).any(|skipped| lines_fit(rest, &given[skipped..]))
        }
        [first, rest @ ..] => {
            given.first().is_some_and(|line| fits(first, line)) && lines_fit(rest, &given[1..])
        }
    }
}

/// Whether a text is the pattern with something in place of each `…`.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once(ANYTHING) else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    let ends = text.char_indices().map(|(index, _)| index).chain([text.len()]);
    ends.map(|from| &text[from..]).any(|text| fits(rest, text))
}

mod tests {
    use super::{Expected, Form, differences};

    fn same(form: Form, text: &str, actual: &str) -> bool {
        differences(&Expected { form, text: text.to_owned() }, actual).is_empty()
    }

    #[test]
    fn an_answer_is_what_the_guide_says_but_for_what_it_leaves_open() {
        let answer = r#"{"id": "lead_7", "list": [1, 2, 3], "more": null}"#;
        assert!(same(Form::Json, r#"{"id": "lead_…", "list": [1, "…"], "…": "…"}"#, answer));
        for wrong in [
            r#"{"id": "lead_…", "list": [1, 2, 3]}"#,
            r#"{"id": "deal_…", "…": "…"}"#,
            r#"{"list": [1, 2], "…": "…"}"#,
            r#"{"list": [1, 2, 3, 4, "…"], "…": "…"}"#,
            r#"{"more": false, "…": "…"}"#,
            r#"{"less": "…", "…": "…"}"#,
        ] {
            assert!(!same(Form::Json, wrong, answer), "{wrong}");
        }
        let answer = "HTTP/1.1 200 OK\r\nX-Request-Id: 5\r\nvary: origin\r\n\r\n[]";
        assert!(same(Form::Http, "HTTP/1.1 200 OK\nx-request-id: …\n\n[]", answer));
        assert!(!same(Form::Http, "HTTP/1.1 200 OK\nretry-after: …\n", answer));
        assert!(!same(Form::Http, "HTTP/1.1 201 Created\n", answer));
        assert!(!same(Form::Http, "HTTP/1.1 200 OK\n\n[1]", answer));
        assert!(same(Form::Text, "a\n…\nd…\n", "a\nb\nc\ndone\n"));
        assert!(!same(Form::Text, "a\nc\n", "a\nb\nc\n"));
    }
}
