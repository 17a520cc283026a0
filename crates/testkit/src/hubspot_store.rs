//! What the stand-in of HubSpot keeps, and HubSpot's rules about it: unique properties, upserts, batches with
//! partial failures.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const PORTAL: u32 = 20_261_122;
/// The most inputs of one batch.
const BATCH: usize = 100;
const THEN: &str = "2026-11-22T03:00:00.000Z";

/// A contact or a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub id: String,
    pub properties: BTreeMap<String, String>,
}

/// An answer: status and body.
pub(crate) type Answer = (u16, Value);

/// One kind of object.
#[derive(Debug)]
pub(crate) struct Kind {
    /// HubSpot's number of the kind.
    number: &'static str,
    unique: Vec<&'static str>,
    pub(crate) known: Vec<&'static str>,
    pub(crate) objects: Vec<Object>,
}

/// An account.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) contacts: Kind,
    pub(crate) deals: Kind,
    pub(crate) associations: Vec<(String, String)>,
    /// Values that no property may have.
    pub(crate) refused: Vec<String>,
    /// Whether batches with trace ids fail input by input.
    pub(crate) multi_status: bool,
    next_id: u64,
}

impl Default for Store {
    fn default() -> Self {
        let contacts = ["email", "firstname", "lastname", "phone", "address", "city", "state", "zip"];
        let deals = ["dealname", "pipeline", "dealstage", "amount"];
        let ours = [
            "leadwire_lead_id",
            "leadwire_partner",
            "leadwire_correlation_id",
            "leadwire_offer_type",
            "leadwire_monthly_amount",
            "leadwire_term_months",
            "leadwire_offer_notes",
            "leadwire_commission_flat",
            "leadwire_commission_bps",
        ];
        Self {
            contacts: Kind {
                number: "0-1",
                unique: vec!["email", "leadwire_lead_id"],
                known: contacts.into_iter().chain(["leadwire_lead_id"]).collect(),
                objects: Vec::new(),
            },
            deals: Kind {
                number: "0-3",
                unique: vec!["leadwire_lead_id"],
                known: deals.into_iter().chain(ours).collect(),
                objects: Vec::new(),
            },
            associations: Vec::new(),
            refused: Vec::new(),
            multi_status: true,
            next_id: 51_000_000_001,
        }
    }
}

impl Store {
    /// Carries out a call.
    pub(crate) fn answer(&mut self, path: &str, body: &Value) -> Answer {
        let Some(inputs) = body["inputs"].as_array() else {
            return error(400, "VALIDATION_ERROR", "Invalid input JSON: inputs is required");
        };
        if inputs.is_empty() || inputs.len() > BATCH {
            return error(400, "VALIDATION_ERROR", &format!("The number of inputs must be 1 to {BATCH}"));
        }
        let (refused, multi_status) = (self.refused.clone(), self.multi_status);
        let rules = Rules { refused, multi_status };
        match path {
            "/crm/v3/objects/contacts/batch/upsert" => {
                upsert(&mut self.contacts, &mut self.next_id, &rules, inputs)
            }
            "/crm/v3/objects/deals/batch/upsert" => {
                upsert(&mut self.deals, &mut self.next_id, &rules, inputs)
            }
            "/crm/v4/associations/deals/contacts/batch/associate/default" => self.associate(inputs),
            _ => (404, json!({"status": "error", "message": "resource not found", "correlationId": "c-1"})),
        }
    }

    fn associate(&mut self, inputs: &[Value]) -> Answer {
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in inputs {
            let id = |end: &str| input[end]["id"].as_str().unwrap_or_default().to_owned();
            let (deal, contact) = (id("from"), id("to"));
            let there = |kind: &Kind, id: &str| kind.objects.iter().any(|object| object.id == id);
            if !there(&self.deals, &deal) || !there(&self.contacts, &contact) {
                errors.push(json!({
                    "status": "error", "category": "OBJECT_NOT_FOUND",
                    "message": format!("One of the objects {deal} and {contact} was not found"),
                    "context": {"fromObjectId": [deal], "toObjectId": [contact]},
                }));
                continue;
            }
            if !self.associations.contains(&(deal.clone(), contact.clone())) {
                self.associations.push((deal.clone(), contact.clone()));
            }
            for (from, to, kind) in [(&deal, &contact, 3), (&contact, &deal, 4)] {
                results.push(json!({
                    "from": {"id": from}, "to": {"id": to},
                    "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind},
                }));
            }
        }
        batch_answer(&results, &errors)
    }
}

struct Rules {
    refused: Vec<String>,
    multi_status: bool,
}

fn upsert(kind: &mut Kind, next_id: &mut u64, rules: &Rules, inputs: &[Value]) -> Answer {
    if let Some(answer) = unfit_as_a_whole(kind, inputs) {
        return answer;
    }
    let traced = inputs.iter().all(|input| input["objectWriteTraceId"].is_string());
    let partial = traced && rules.multi_status;
    let faults: Vec<Option<Value>> = inputs.iter().map(|input| fault(kind, rules, input)).collect();
    if let (false, Some(fault)) = (partial, faults.iter().flatten().next()) {
        let (category, message) = (fault["category"].as_str(), fault["message"].as_str());
        let status = if category == Some("CONFLICT") { 409 } else { 400 };
        return error(status, category.unwrap_or_default(), message.unwrap_or_default());
    }
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for (input, fault) in inputs.iter().zip(faults) {
        match fault {
            Some(fault) => errors.push(fault),
            None => results.push(write(kind, next_id, input)),
        }
    }
    // HubSpot does not promise the order of its results.
    results.reverse();
    batch_answer(&results, &errors)
}

fn unfit_as_a_whole(kind: &Kind, inputs: &[Value]) -> Option<Answer> {
    let mut ids = Vec::new();
    for input in inputs {
        let (property, id) = (input["idProperty"].as_str(), input["id"].as_str().unwrap_or_default());
        let Some(property) = property.filter(|property| kind.unique.contains(property)) else {
            let name = property.unwrap_or("hs_object_id");
            let number = kind.number;
            let message = format!(
                "Unable to perform update/upsert by non-unique {number} property {name} in portal ID {PORTAL}"
            );
            return Some(error(400, "VALIDATION_ERROR", &message));
        };
        if id.is_empty() || id != id.to_lowercase() || ids.contains(&id) {
            let message = format!("Duplicate or malformed IDs found in batch input: [{id}] for {property}");
            return Some(error(400, "VALIDATION_ERROR", &message));
        }
        ids.push(id);
    }
    None
}

/// What HubSpot minds about one input.
fn fault(kind: &Kind, rules: &Rules, input: &Value) -> Option<Value> {
    let empty = Map::new();
    let properties = input["properties"].as_object().unwrap_or(&empty);
    let invalid = |name: &str, code: &str, message: &str| {
        let detail =
            json!([{"isValid": false, "message": message, "error": code, "name": name, "portalId": PORTAL}]);
        fault_body(input, "VALIDATION_ERROR", &format!("Property values were not valid: {detail}"), None)
    };
    for (name, value) in properties {
        let value = value.as_str().unwrap_or_default();
        if !kind.known.contains(&name.as_str()) {
            return Some(invalid(
                name,
                "PROPERTY_DOESNT_EXIST",
                &format!("Property \"{name}\" does not exist"),
            ));
        }
        if rules.refused.iter().any(|refused| refused == value) {
            let code = if name == "email" { "INVALID_EMAIL" } else { "INVALID_VALUE" };
            return Some(invalid(name, code, &format!("{value} is not valid")));
        }
        let own = find(kind, input);
        let other = kind.objects.iter().enumerate().find(|(place, object)| {
            kind.unique.contains(&name.as_str())
                && Some(*place) != own
                && object.properties.get(name).is_some_and(|held| held == value)
        });
        if let Some((_, other)) = other {
            let message = format!("Contact already exists. Existing ID: {}", other.id);
            return Some(fault_body(input, "CONFLICT", &message, Some(&other.id)));
        }
    }
    None
}

fn fault_body(input: &Value, category: &str, message: &str, existing: Option<&str>) -> Value {
    let mut context = json!({"objectWriteTraceId": [input["objectWriteTraceId"]]});
    if let Some(id) = existing {
        context["existingId"] = json!([id]);
    }
    json!({"status": "error", "category": category, "message": message, "context": context})
}

fn find(kind: &Kind, input: &Value) -> Option<usize> {
    let (property, id) = (input["idProperty"].as_str()?, input["id"].as_str()?);
    kind.objects.iter().position(|object| object.properties.get(property).is_some_and(|held| held == id))
}

fn write(kind: &mut Kind, next_id: &mut u64, input: &Value) -> Value {
    let place = find(kind, input);
    let new = place.is_none();
    let place = place.unwrap_or_else(|| {
        let property = input["idProperty"].as_str().unwrap_or_default().to_owned();
        let value = input["id"].as_str().unwrap_or_default().to_owned();
        kind.objects
            .push(Object { id: next_id.to_string(), properties: BTreeMap::from([(property, value)]) });
        *next_id += 1;
        kind.objects.len() - 1
    });
    let object = &mut kind.objects[place];
    for (name, value) in input["properties"].as_object().into_iter().flatten() {
        object.properties.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    json!({
        "id": object.id, "new": new, "properties": object.properties, "archived": false,
        "createdAt": THEN, "updatedAt": THEN, "objectWriteTraceId": input["objectWriteTraceId"],
    })
}

fn batch_answer(results: &[Value], errors: &[Value]) -> Answer {
    let mut body = json!({"status": "COMPLETE", "results": results, "startedAt": THEN, "completedAt": THEN});
    if errors.is_empty() {
        return (200, body);
    }
    body["numErrors"] = json!(errors.len());
    body["errors"] = json!(errors);
    (207, body)
}

/// An error of the whole request.
pub(crate) fn error(status: u16, category: &str, message: &str) -> Answer {
    let body = json!({"status": "error", "message": message, "correlationId": "c-1", "category": category});
    (status, body)
}
