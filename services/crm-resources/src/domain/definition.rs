//! An automation as its author writes it: a trigger and steps, checked as a whole.

use super::expression::{self, ExpressionError};
use chrono::TimeDelta;
use contracts::crm::Automation;
use platform::Violation;
use platform::document::{Violations, any, boolean, text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const MOST_STEPS: usize = 50;
const LONGEST_DELAY: TimeDelta = TimeDelta::days(30);

/// A checked automation.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub name: String,
    pub description: Option<String>,
    pub active: bool,
    pub trigger: Trigger,
    pub steps: Vec<Step>,
}

impl Definition {
    /// What others than its author see of it.
    pub fn fields(&self) -> Automation {
        Automation {
            name: self.name.clone(),
            description: self.description.clone(),
            active: self.active,
            trigger_type: self.trigger.as_str().to_owned(),
            steps_count: i64::try_from(self.steps.len()).unwrap_or(i64::MAX),
        }
    }
}

/// What sets an automation off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    LeadCreated,
    LeadUpdated,
    LeadConverted,
    CustomerCreated,
    CustomerUpdated,
    ProductCreated,
    ProductUpdated,
}

impl Trigger {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::LeadCreated, "lead_created", "lead.created"),
        (Self::LeadUpdated, "lead_updated", "lead.updated"),
        (Self::LeadConverted, "lead_converted", "lead.converted"),
        (Self::CustomerCreated, "customer_created", "customer.created"),
        (Self::CustomerUpdated, "customer_updated", "customer.updated"),
        (Self::ProductCreated, "product_created", "product.created"),
        (Self::ProductUpdated, "product_updated", "product.updated"),
    ];

    /// Its word in the file, the table and the API.
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(trigger, ..)| *trigger == self).map_or("", |(_, word, _)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, own, _)| *own == word).map(|(trigger, ..)| trigger)
    }

    /// The trigger that an event of this type pulls.
    pub fn of_event(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(.., own)| *own == kind).map(|(trigger, ..)| trigger)
    }

    fn is_of_leads(self) -> bool {
        matches!(self, Self::LeadCreated | Self::LeadUpdated | Self::LeadConverted)
    }
}

/// One step, in the form in which it is written and stored: an object of one member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// False ends the run as completed.
    Condition {
        #[serde(rename = "if")]
        expression: String,
    },
    /// Changes fields of the lead that the event is about.
    UpdateLead(Map<String, Value>),
    /// Adds to the metadata of the lead that the event is about.
    SetMetadata(BTreeMap<String, String>),
    /// Converts the lead that the event is about.
    ConvertLead {},
    CreateCustomer(Map<String, Value>),
    /// Publishes an event of the author's own.
    EmitEvent {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        data: Map<String, Value>,
    },
    /// Posts JSON, signed.
    HttpRequest {
        url: String,
        #[serde(default)]
        body: Value,
    },
    Delay {
        #[serde(rename = "for")]
        time: String,
    },
}

impl Step {
    /// Its word in the file.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Condition { .. } => "condition",
            Self::UpdateLead(_) => "update_lead",
            Self::SetMetadata(_) => "set_metadata",
            Self::ConvertLead {} => "convert_lead",
            Self::CreateCustomer(_) => "create_customer",
            Self::EmitEvent { .. } => "emit_event",
            Self::HttpRequest { .. } => "http_request",
            Self::Delay { .. } => "delay",
        }
    }

    fn needs_a_lead(&self) -> bool {
        matches!(self, Self::UpdateLead(_) | Self::SetMetadata(_) | Self::ConvertLead {})
    }
}

/// Reads an automation. Members that are not known are refused, so that a slip of the pen is noticed.
///
/// # Errors
/// Every rule that is broken, with the path to it.
pub fn read(document: &Value) -> Result<Definition, Vec<Violation>> {
    const KNOWN: [&str; 6] = ["organization", "name", "description", "active", "trigger", "steps"];
    let violations = Violations::new();
    let definition = violations.root(document).and_then(|root| {
        for name in document.as_object().into_iter().flat_map(Map::keys) {
            if !KNOWN.contains(&name.as_str()) {
                violations.add(name, "is not known");
            }
        }
        let name = root.required("name", text(1..=255));
        let description = root.nullable("description", text(0..=10_000)).map(str::to_owned);
        let active = root.optional("active", boolean).unwrap_or(true);
        let trigger = root.required_object("trigger").and_then(|trigger| {
            trigger.required("type", |value| {
                value.as_str().and_then(Trigger::parse).ok_or_else(|| {
                    let words: Vec<_> = Trigger::ALL.iter().map(|(_, word, _)| *word).collect();
                    format!("must be one of {}", words.join(", ")).into()
                })
            })
        });
        root.required("steps", any);
        let steps = read_steps(document.get("steps")?, trigger, &violations);
        Some(Definition { name: name?.to_owned(), description, active, trigger: trigger?, steps: steps? })
    });
    violations.finish(definition)
}

fn read_steps(steps: &Value, trigger: Option<Trigger>, violations: &Violations) -> Option<Vec<Step>> {
    let Value::Array(steps) = steps else {
        violations.add("steps", "must be a list");
        return None;
    };
    if steps.is_empty() || steps.len() > MOST_STEPS {
        violations.add("steps", format!("must be 1 to {MOST_STEPS} steps"));
    }
    let read = steps.iter().enumerate().map(|(index, step)| {
        let path = format!("steps.{index}");
        match serde_json::from_value::<Step>(step.clone()) {
            Ok(step) => {
                let path = format!("{path}.{}", step.name());
                check(&step, trigger, &path, violations);
                Some(step)
            }
            Err(error) => {
                violations.add(path, format!("is not a step: {error}"));
                None
            }
        }
    });
    // Every step is looked at, also behind one that is broken.
    read.collect::<Vec<_>>().into_iter().collect()
}

fn check(step: &Step, trigger: Option<Trigger>, path: &str, violations: &Violations) {
    if step.needs_a_lead() && trigger.is_some_and(|trigger| !trigger.is_of_leads()) {
        violations.add(path, "needs a trigger of leads");
    }
    let templates = |member: &str, checked: Result<(), ExpressionError>| {
        if let Err(error) = checked {
            violations.add(format!("{path}{member}"), error.to_string());
        }
    };
    match step {
        Step::Condition { expression } => templates(".if", expression::check(expression)),
        Step::UpdateLead(fields) | Step::CreateCustomer(fields) => {
            for (name, value) in fields {
                templates(&format!(".{name}"), expression::check_templates(value));
            }
            if matches!(step, Step::CreateCustomer(_)) && !fields.contains_key("name") {
                violations.add(format!("{path}.name"), "is required");
            }
        }
        Step::SetMetadata(members) => {
            for (name, value) in members {
                templates(&format!(".{name}"), expression::check_templates(&Value::String(value.clone())));
            }
        }
        Step::ConvertLead {} => {}
        Step::EmitEvent { kind, data } => {
            if !is_own_type(kind) {
                violations
                    .add(format!("{path}.type"), "must be automation. and a name of your own (a-z, 0-9, _)");
            }
            templates(".data", expression::check_templates(&Value::Object(data.clone())));
        }
        Step::HttpRequest { body, .. } => templates(".body", expression::check_templates(body)),
        Step::Delay { time } => {
            if delay(time).is_none() {
                violations.add(
                    format!("{path}.for"),
                    "must be a time such as 500ms, 2s, 5m, 1h or 3d, of 30 days at most",
                );
            }
        }
    }
}

/// `automation.greeted`: never the type of an event that the platform itself publishes.
fn is_own_type(kind: &str) -> bool {
    let Some(name) = kind.strip_prefix("automation.") else { return false };
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    name.len() <= 100 && name.split('.').all(is_word) && !["created", "updated", "deleted"].contains(&name)
}

/// Reads `500ms`, `2s`, `5m`, `1h` or `3d`.
pub fn delay(text: &str) -> Option<TimeDelta> {
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
    let number: i64 = number.parse().ok()?;
    let time = match unit {
        "ms" => TimeDelta::try_milliseconds(number),
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    };
    time.filter(|time| *time <= LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_automation_is_read_as_it_is_written() {
        let document = json!({
            "organization": "acme", "name": "Greet", "trigger": {"type": "lead_created"},
            "steps": [
                {"condition": {"if": "data.source == \"web\""}},
                {"set_metadata": {"greeted": "yes"}},
                {"update_lead": {"status": "contacted"}},
                {"delay": {"for": "2s"}},
                {"http_request": {"url": "https://example.com/hook", "body": {"lead": "${data.id}"}}},
                {"emit_event": {"type": "automation.greeted", "data": {"lead": "${data.id}"}}},
                {"create_customer": {"name": "${data.name}"}},
                {"convert_lead": {}},
            ],
        });
        let read = read(&document).unwrap();
        assert!(read.active && read.trigger == Trigger::LeadCreated);
        assert_eq!(serde_json::to_value(&read.steps).unwrap(), document["steps"]);
    }

    #[test]
    fn everything_that_is_wrong_is_named_where_it_stands() {
        let document = json!({
            "nmae": "x", "active": "yes", "trigger": {"type": "product_created"},
            "steps": [
                {"condition": {"if": "data.source =="}},
                {"convert_lead": {}},
                {"dance": {}},
                {"delay": {"for": "soon"}},
                {"emit_event": {"type": "lead.created"}},
                {"http_request": {"url": "https://example.com", "body": "${data.id"}},
                {"delay": {"for": "1s"}, "condition": {"if": "true"}},
                {"create_customer": {}},
                {"condition": {"if": "true", "else": 1}},
            ],
        });
        let paths: Vec<_> =
            read(&document).unwrap_err().into_iter().map(|violation| violation.path).collect();
        assert_eq!(
            paths,
            [
                "nmae",
                "name",
                "active",
                "steps.0.condition.if",
                "steps.1.convert_lead",
                "steps.2",
                "steps.3.delay.for",
                "steps.4.emit_event.type",
                "steps.5.http_request.body",
                "steps.6",
                "steps.7.create_customer.name",
                "steps.8",
            ]
        );
    }

    #[test]
    fn delays_have_units_and_an_end() {
        assert_eq!(delay("500ms"), Some(TimeDelta::milliseconds(500)));
        assert_eq!(delay("30d"), Some(TimeDelta::days(30)));
        for wrong in ["", "s", "2", "31d", "-1s", "1w", "99999999999999999999s", "1.5h"] {
            assert_eq!(delay(wrong), None, "{wrong}");
        }
    }
}
