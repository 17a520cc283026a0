//! Reading a snapshot.

use super::event_body::{NO_ACTOR, moment, read_actor};
use super::json_text;
use crate::domain::rules::{METADATA_LIMIT, type_name};
use crate::domain::snapshot::NewSnapshot;
use contracts::FaultCode;
use platform::Fault;
use platform::document::{Violations, object, text};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The longest name of a metric, and the longest label.
const LONGEST_LABEL: usize = 200;
const UNITS: [&str; 5] = ["count", "minutes", "ratio", "percentage", "score"];

/// The snapshot, or everything that is wrong with it.
///
/// # Errors
/// `invalid_body`, or that it is about nobody.
pub fn read(document: &Value) -> Result<NewSnapshot, Fault> {
    let violations = Violations::new();
    let snapshot = violations.root(document).and_then(|root| {
        let snapshot_type = root.required("snapshotType", type_name);
        let timestamp = root.nullable("timestamp", moment);
        let actor = read_actor(&violations, document.get("actor").filter(|actor| !actor.is_null()));
        let metrics = root.required("metrics", metrics);
        let metadata = root.nullable("metadata", metadata);
        Some(NewSnapshot {
            snapshot_type: snapshot_type?.to_owned(),
            timestamp,
            actor: actor?,
            metrics: metrics?,
            metadata,
        })
    });
    let snapshot = violations.finish(snapshot).map_err(Fault::validation)?;
    if snapshot.actor.identifies() {
        Ok(snapshot)
    } else {
        Err(Fault::new(FaultCode::ActorMissing, NO_ACTOR))
    }
}

/// Numbers, short texts, and numbers with a unit and a label.
fn metrics(value: &Value) -> Result<Box<RawValue>, Cow<'static, str>> {
    let metrics = object(value)?;
    for (name, metric) in metrics {
        if !(1..=LONGEST_LABEL).contains(&name.chars().count()) {
            return Err(format!("must have names of 1 to {LONGEST_LABEL} characters").into());
        }
        let fine = match metric {
            Value::Number(_) => true,
            Value::String(label) => label.chars().count() <= LONGEST_LABEL,
            Value::Object(rich) => is_rich(rich),
            Value::Null | Value::Bool(_) | Value::Array(_) => false,
        };
        if !fine {
            let message = format!(
                "must be numbers, texts of at most {LONGEST_LABEL} characters or objects of value, unit ({}) and \
                 label: {name:?} is not",
                UNITS.join(", ")
            );
            return Err(message.into());
        }
    }
    within_limit(value)
}

fn is_rich(metric: &Map<String, Value>) -> bool {
    let member = |name, fine: &dyn Fn(&Value) -> bool| metric.get(name).is_none_or(fine);
    member("value", &Value::is_number)
        && member("unit", &|unit| unit.as_str().is_some_and(|unit| UNITS.contains(&unit)))
        && member("label", &|label| text(0..=LONGEST_LABEL)(label).is_ok())
}

fn metadata(value: &Value) -> Result<Box<RawValue>, Cow<'static, str>> {
    object(value)?;
    let raw = raw(value)?;
    json_text::metadata(&raw)?;
    Ok(raw)
}

fn within_limit(value: &Value) -> Result<Box<RawValue>, Cow<'static, str>> {
    let raw = raw(value)?;
    if raw.get().len() > METADATA_LIMIT {
        return Err(format!("must be at most {METADATA_LIMIT} bytes").into());
    }
    Ok(raw)
}

fn raw(value: &Value) -> Result<Box<RawValue>, Cow<'static, str>> {
    to_raw_value(value).map_err(|_error: serde_json::Error| "cannot be written as JSON".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn snapshot(metrics: &Value) -> Value {
        json!({"snapshotType": "tickets_open", "actor": {"email": "a@b.co"}, "metrics": metrics})
    }

    #[test]
    fn the_three_forms_of_a_metric_are_taken_as_they_are() {
        let metrics = json!({
            "open": 7, "share": 0.92, "mood": "calm", "sla": {"value": 0.92, "unit": "ratio", "label": "SLA %"},
        });
        let read = read(&snapshot(&metrics)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(read.metrics.get()).unwrap(), metrics);
    }

    #[test]
    fn other_forms_are_refused_by_name() {
        for metric in [json!(null), json!(true), json!([1]), json!({"unit": "apples"}), json!({"value": "1"})]
        {
            let fault = read(&snapshot(&json!({"fine": 1, "broken": metric}))).unwrap_err();
            assert_eq!(fault.violations[0].path, "metrics");
            assert!(fault.violations[0].message.contains("broken"));
        }
    }

    #[test]
    fn every_failing_field_is_named_and_an_absent_actor_has_its_code() {
        let fault = read(&json!({"snapshotType": ".", "timestamp": 5, "actor": {"email": "x"}})).unwrap_err();
        let paths: Vec<_> = fault.violations.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["snapshotType", "timestamp", "actor.email", "metrics"]);
        let mut nobody = snapshot(&json!({}));
        nobody["actor"] = json!({});
        assert_eq!(read(&nobody).unwrap_err().code, FaultCode::ActorMissing);
    }
}
