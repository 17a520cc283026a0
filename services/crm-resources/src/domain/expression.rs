//! Conditions and templates over an event's data, in CEL (Common Expression Language). An expression reads `data` and
//! nothing else: no clock, no I/O, no loops but one over a list or map of the data, so that it ends soon.

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr};
use cel::{Context, Program};
use serde_json::{Map, Value};
use std::thread;

/// The longest expression, in bytes.
const LONGEST: usize = 1_000;
/// The deepest nesting of brackets.
const DEEPEST: usize = 24;
/// The most operators, full stops and commas: a chain of them is as deep as it is long.
const MOST_SIGNS: usize = 200;
/// Parser and interpreter recurse. This is far more than the deepest expression that is let through needs, and is not
/// touched until it is used.
const STACK: usize = 64 * 1024 * 1024;
/// The longest text that a template may become, in bytes.
const LONGEST_TEXT: usize = 16 * 1024;

/// Why an expression has no value. Does not quote the data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("is longer than {LONGEST} characters")]
    Long,
    #[error("is nested too deeply")]
    Deep,
    #[error("is no expression: {0}")]
    Syntax(String),
    #[error("loops more than once")]
    Loops,
    #[error("has a ${{ without an end")]
    Unclosed,
    /// What it reads is not there, or not of that type.
    #[error("has no value for this event")]
    NoValue,
    #[error("is neither true nor false for this event")]
    NotBoolean,
    #[error("becomes longer than {LONGEST_TEXT} bytes")]
    LongText,
}

/// Whether an expression can be evaluated at all.
pub fn check(text: &str) -> Result<(), ExpressionError> {
    apart(|| compile(text).map(drop))
}

/// Whether a condition is true of an event's data.
pub fn holds(text: &str, data: &Value) -> Result<bool, ExpressionError> {
    evaluate(text, data)?.as_bool().ok_or(ExpressionError::NotBoolean)
}

/// Whether every `${…}` in a document can be evaluated.
pub fn check_templates(template: &Value) -> Result<(), ExpressionError> {
    match template {
        Value::String(text) => parts(text)?.into_iter().try_for_each(|part| match part {
            Part::Expression(expression) => check(expression),
            Part::Text(_) => Ok(()),
        }),
        Value::Array(items) => items.iter().try_for_each(check_templates),
        Value::Object(map) => map.values().try_for_each(check_templates),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// A document with every `${…}` in its texts replaced. A text that is one expression becomes its value, of whatever
/// type.
pub fn fill(template: &Value, data: &Value) -> Result<Value, ExpressionError> {
    Ok(match template {
        Value::String(text) => fill_text(text, data)?,
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill(item, data)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => Value::Object(fill_map(map, data)?),
        Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
    })
}

/// The same for the members of an object.
pub fn fill_map(map: &Map<String, Value>, data: &Value) -> Result<Map<String, Value>, ExpressionError> {
    map.iter().map(|(name, value)| Ok((name.clone(), fill(value, data)?))).collect()
}

fn fill_text(text: &str, data: &Value) -> Result<Value, ExpressionError> {
    let parts = parts(text)?;
    if let [Part::Expression(expression)] = parts.as_slice() {
        return evaluate(expression, data);
    }
    let mut filled = String::new();
    for part in parts {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Expression(expression) => match evaluate(expression, data)? {
                Value::String(text) => filled.push_str(&text),
                Value::Null => {}
                other => filled.push_str(&other.to_string()),
            },
        }
        if filled.len() > LONGEST_TEXT {
            return Err(ExpressionError::LongText);
        }
    }
    Ok(Value::String(filled))
}

enum Part<'t> {
    Text(&'t str),
    Expression(&'t str),
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, ExpressionError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let (expression, after) = behind.split_once('}').ok_or(ExpressionError::Unclosed)?;
        parts.push(Part::Expression(expression));
        rest = after;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn compile(text: &str) -> Result<Program, ExpressionError> {
    if text.len() > LONGEST {
        return Err(ExpressionError::Long);
    }
    if is_deep(text) {
        return Err(ExpressionError::Deep);
    }
    let program =
        Program::compile(text).map_err(|error| ExpressionError::Syntax(told(&error.to_string())))?;
    if loops(program.expression()) > 1 {
        return Err(ExpressionError::Loops);
    }
    Ok(program)
}

/// What the parser says first, without the tokens that it would have liked better.
fn told(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    let said = line.split_once("Syntax error: ").map_or(line, |(_place, said)| said);
    let said = said.split_once(" expecting ").map_or(said, |(said, _tokens)| said);
    if said.contains("<EOF>") { "it ends too early".to_owned() } else { said.to_owned() }
}

/// Whether an expression may lead deep. Refuses too much rather than too little: also what stands in quotes counts.
fn is_deep(text: &str) -> bool {
    let (mut depth, mut deepest, mut signs) = (0_usize, 0, 0);
    for letter in text.bytes() {
        match letter {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'!' | b'-' | b'?' | b'+' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'&' | b'|' | b'.'
            | b',' => {
                signs += 1;
            }
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest > DEEPEST || signs > MOST_SIGNS
}

fn evaluate(text: &str, data: &Value) -> Result<Value, ExpressionError> {
    apart(|| {
        let program = compile(text)?;
        let mut context = Context::default();
        context.add_variable_from_value("data", value(data));
        let value = program.execute(&context).ok().and_then(|value| value.json().ok());
        value.ok_or(ExpressionError::NoValue)
    })
}

/// Works on a stack of its own, where neither the depth of an expression nor a defect of the interpreter ends the
/// process.
fn apart<T: Send>(work: impl FnOnce() -> Result<T, ExpressionError> + Send) -> Result<T, ExpressionError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        thread.ok().and_then(|thread| thread.join().ok()).unwrap_or(Err(ExpressionError::NoValue))
    })
}

/// Whole numbers are signed, so that they can be compared and added with those of the expression.
fn value(json: &Value) -> cel::Value {
    match json {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => cel::Value::Int(number),
            None => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => cel::Value::List(items.iter().map(value).collect::<Vec<_>>().into()),
        Value::Object(map) => {
            let map: std::collections::HashMap<String, cel::Value> =
                map.iter().map(|(name, member)| (name.clone(), value(member))).collect();
            cel::Value::Map(map.into())
        }
    }
}

/// How many loops an expression has. Nested ones would multiply.
fn loops(expression: &IdedExpr) -> usize {
    match &expression.expr {
        Expr::Comprehension(inner) => {
            let parts =
                [&inner.iter_range, &inner.accu_init, &inner.loop_cond, &inner.loop_step, &inner.result];
            1 + parts.into_iter().map(loops).sum::<usize>()
        }
        Expr::Call(call) => {
            call.target.as_deref().map_or(0, loops) + call.args.iter().map(loops).sum::<usize>()
        }
        Expr::List(list) => list.elements.iter().map(loops).sum(),
        Expr::Map(map) => map.entries.iter().map(entry_loops).sum(),
        Expr::Struct(made) => made.entries.iter().map(entry_loops).sum(),
        Expr::Select(select) => loops(&select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

fn entry_loops(entry: &IdedEntryExpr) -> usize {
    match &entry.expr {
        EntryExpr::StructField(field) => loops(&field.value),
        EntryExpr::MapEntry(entry) => loops(&entry.key) + loops(&entry.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lead() -> Value {
        json!({"id": "1", "source": "web", "job_title": "Sales Manager", "email": null, "tags": ["a", "b"], "n": 3})
    }

    #[test]
    fn conditions_read_the_data_of_the_event() {
        for (text, expected) in [
            (r#"data.source == "web" && data.job_title.contains("Manager")"#, Ok(true)),
            (r#"data.source == "shop""#, Ok(false)),
            ("data.n + 1 > 3", Ok(true)),
            ("data.email == null", Ok(true)),
            (r#""b" in data.tags"#, Ok(true)),
            (r#"data.tags.exists(tag, tag == "a")"#, Ok(true)),
            ("has(data.nothing)", Ok(false)),
            ("data.nothing == 1", Err(ExpressionError::NoValue)),
            ("data.n", Err(ExpressionError::NotBoolean)),
            ("1 / 0 == 1", Err(ExpressionError::NoValue)),
        ] {
            assert_eq!(holds(text, &lead()), expected, "{text}");
        }
    }

    #[test]
    fn templates_are_filled_and_keep_the_type_of_a_lone_expression() {
        let template = json!({"lead": "${data.id}", "n": "${data.n}", "text": "Hi ${data.source}${data.email}!", "x": [1, "y"]});
        assert_eq!(
            fill(&template, &lead()).unwrap(),
            json!({"lead": "1", "n": 3, "text": "Hi web!", "x": [1, "y"]})
        );
        assert_eq!(check_templates(&json!(["${data.id"])), Err(ExpressionError::Unclosed));
        assert!(matches!(check_templates(&json!({"a": "${data.}"})), Err(ExpressionError::Syntax(_))));
    }

    #[test]
    fn what_could_run_for_long_is_refused() {
        let nested = "[1,2,3].map(a, [1,2,3].map(b, [1,2,3].map(c, a * b * c))).size() > 0";
        assert_eq!(check(nested), Err(ExpressionError::Loops));
        assert_eq!(check(&"1".repeat(1001)), Err(ExpressionError::Long));
        let nested =
            |open: &str, close: &str, times| format!("{}1{}", open.repeat(times), close.repeat(times));
        let chains = [("!", ""), ("-", ""), ("1?1:", ""), ("1+", ""), ("", ".a"), ("1<", ""), ("1,", "")];
        for (open, close) in chains.into_iter().chain([("(", ")"), ("[", "]")]) {
            assert_eq!(check(&nested(open, close, 210)), Err(ExpressionError::Deep), "{open}{close}");
        }
        for (open, close) in chains {
            // Whatever it comes to, the process lives.
            drop(holds(&nested(open, close, 190), &lead()));
        }
        assert_eq!(holds(&format!("{} == 191", nested("1+", "", 190)), &lead()), Ok(true));
        let allowed = format!("{}true{}", "(".repeat(DEEPEST), ")".repeat(DEEPEST));
        assert_eq!(holds(&allowed, &lead()), Ok(true));
        for (text, said) in
            [("data.source ==", "it ends too early"), ("data.source == )", "mismatched input ')'")]
        {
            assert_eq!(check(text), Err(ExpressionError::Syntax(said.to_owned())));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z.0-9()\\[\\]{}\"'+*/<>=!&|? ,:-]{0,40}") {
            drop(check(&text));
            drop(holds(&text, &lead()));
        }
    }
}
