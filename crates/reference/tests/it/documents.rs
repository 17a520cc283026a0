//! Documents are whole: every route, no reference into nothing, everything said.

use contracts::Surface;
use contracts::routes::ROUTES;
use reference::compare::METHODS;
use reference::openapi;
use serde_json::Value;
use std::collections::BTreeSet;

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            found.extend(item.get(method).map(|one| (format!("{} {path}", method.to_uppercase()), one)));
        }
    }
    found
}

#[test]
fn documents_and_the_table_of_routes_have_the_same_operations() {
    for surface in Surface::ALL {
        let document = openapi::document(surface).unwrap();
        let documented: BTreeSet<_> = operations(&document).into_iter().map(|(name, _)| name).collect();
        let routes = ROUTES.iter().filter(|route| route.surface == surface);
        let routed: BTreeSet<_> =
            routes.map(|route| format!("{} {}", route.method, route.template)).collect();
        assert_eq!(documented, routed, "{}", surface.name());
    }
}

#[test]
fn every_operation_has_a_summary_and_an_id_of_its_own_and_names_every_placeholder_of_its_path() {
    let mut wrong = Vec::new();
    for surface in Surface::ALL {
        let document = openapi::document(surface).unwrap();
        let mut ids = BTreeSet::new();
        for (name, operation) in operations(&document) {
            if operation["summary"].as_str().is_none_or(str::is_empty) {
                wrong.push(format!("{name} has no summary"));
            }
            if !ids.insert(operation["operationId"].as_str().unwrap_or_default().to_owned()) {
                wrong.push(format!("{name} has an operationId that another has"));
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let named: BTreeSet<_> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
                .collect();
            let path = name.split(' ').next_back().unwrap();
            let placeholders = path.split('/').filter(|segment| segment.starts_with('{'));
            if named != placeholders.map(str::to_owned).collect() {
                wrong.push(format!("{name} names other placeholders: {named:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_reference_leads_somewhere() {
    let mut wrong = Vec::new();
    for surface in Surface::ALL {
        let document = openapi::document(surface).unwrap();
        let mut left = vec![&document];
        while let Some(value) = left.pop() {
            match value {
                Value::Array(elements) => left.extend(elements),
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref")
                        && reference
                            .strip_prefix('#')
                            .is_none_or(|pointer| document.pointer(pointer).is_none())
                    {
                        wrong.push(format!("{}: {reference}", surface.name()));
                    }
                    left.extend(members.values());
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
