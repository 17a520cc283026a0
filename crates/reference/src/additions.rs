//! Marks what a document has and its contract lacks, by comparing the two.

use crate::compare;
use serde_json::{Map, Value};

/// The mark.
pub const MARK: &str = "x-leadwire-addition";

/// Sets the mark on every operation, parameter, field, status and header that the facts do not have. What is inside
/// of a marked thing is not marked again.
pub fn mark(facts: &Value, document: &mut Value) -> anyhow::Result<()> {
    for pointer in compare::compare(facts, document).additions {
        if let Some(reference) =
            document.pointer(&pointer).and_then(|node| node.get("$ref")).and_then(Value::as_str)
        {
            // A mark beside a reference would be ignored, one behind it would hold for every use.
            let target = reference.trim_start_matches('#').to_owned();
            if !target.starts_with("/components/schemas/") {
                let copy = document.pointer(&target).cloned();
                if let (Some(place), Some(copy)) = (document.pointer_mut(&pointer), copy) {
                    *place = copy;
                }
            }
        }
        let place = document.pointer_mut(&pointer).and_then(Value::as_object_mut);
        let place: &mut Map<String, Value> =
            place.ok_or_else(|| anyhow::anyhow!("{pointer} is no object that could be marked"))?;
        place.insert(MARK.to_owned(), Value::Bool(true));
    }
    Ok(())
}
