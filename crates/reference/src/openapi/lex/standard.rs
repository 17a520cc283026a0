//! The standard's own JSON Schemas as components: what `GET /v1/schema/{messageType}` serves, one component for each
//! of their definitions.

use serde_json::{Map, Value};

const DEFINITIONS: &str = "#/definitions/";
const COMPONENTS: &str = "#/components/schemas/";

/// The component of a definition.
pub fn name_of(definition: &str) -> String {
    let mut letters = definition.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().fold("Lex".to_owned(), |name, letter| format!("{name}{letter}")) + letters.as_str()
}

/// Every definition of the six schemas. Those that several of them have are the same in all.
pub fn components() -> serde_json::Result<Vec<(String, Value)>> {
    let mut components = Map::new();
    for text in [
        include_str!("../../../../../proto/lex/lead.json"),
        include_str!("../../../../../proto/lex/asset.json"),
        include_str!("../../../../../proto/lex/acknowledgment.json"),
        include_str!("../../../../../proto/lex/subscription.json"),
        include_str!("../../../../../proto/lex/lead_closure.json"),
        include_str!("../../../../../proto/lex/message_envelope.json"),
    ] {
        let mut document: Value = serde_json::from_str(text)?;
        let Some(Value::Object(definitions)) = document.get_mut("definitions").map(Value::take) else {
            continue;
        };
        for (name, mut definition) in definitions {
            redirect(&mut definition);
            components.insert(name_of(&name), definition);
        }
    }
    Ok(components.into_iter().collect())
}

/// Lets references to definitions lead to components.
fn redirect(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(target) if name == "$ref" => {
                        if let Some(definition) = target.strip_prefix(DEFINITIONS) {
                            *target = format!("{COMPONENTS}{}", name_of(definition));
                        }
                    }
                    other => redirect(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redirect),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_standards_schemas_leads_to_a_component() {
        let components = components().unwrap();
        let names: Vec<&str> = components.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"LexLead") && names.contains(&"LexMessageSubscription"), "{names:?}");
        let text = serde_json::to_string(&components).unwrap();
        for (_, rest) in text.match_indices("\"$ref\":\"").map(|(at, found)| text.split_at(at + found.len()))
        {
            let target = rest.split('"').next().unwrap();
            assert!(names.contains(&target.trim_start_matches(COMPONENTS)), "{target}");
        }
    }
}
