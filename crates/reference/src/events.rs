//! JSON Schemas of the events on the broker, from their structs in `contracts`, and the list of all of them.
//!
//! A schema describes what is written, envelope included. Readers must take more: a member that they do not know, and an
//! old message without a member that came later.

use anyhow::Context;
use contracts::event::{BATCH_CONTENT_TYPE, CONTENT_TYPE, CloudEvent, EventData, Events};
use contracts::{Service, control, crm, crm_events, ingest, lead, lex, outcome, webhook};
use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A kind of event in one of its versions.
#[derive(Clone, Copy, Debug)]
pub struct EventKind {
    pub source: Service,
    /// On the broker; ends in the major version.
    pub routing_key: &'static str,
    /// What subscribers filter on.
    pub kind: &'static str,
    /// Its publisher's customers name the type.
    pub is_named_by_author: bool,
    /// Those of one request leave as one message.
    pub is_batched: bool,
    /// Its routing key ends in the name of the service that it is for.
    pub is_addressed: bool,
    written: fn() -> Value,
    read: fn() -> Value,
    again: fn(&str) -> serde_json::Result<Value>,
}

impl EventKind {
    const fn of<D: EventData + JsonSchema>() -> Self {
        Self {
            source: D::SOURCE,
            routing_key: D::ROUTING_KEY,
            kind: D::TYPE,
            is_named_by_author: false,
            is_batched: false,
            is_addressed: false,
            written: generated::<Written, D>,
            read: generated::<Read, D>,
            again: again::<D>,
        }
    }

    const fn named_by_author(self) -> Self {
        Self { is_named_by_author: true, ..self }
    }

    const fn batched(self) -> Self {
        Self { is_batched: true, ..self }
    }

    const fn addressed(self) -> Self {
        Self { is_addressed: true, ..self }
    }

    /// Where its schema lies, below `proto/`.
    pub fn path(&self) -> String {
        format!("events/{}.schema.json", self.routing_key)
    }

    /// The `dataschema` of its messages.
    pub fn id(&self) -> String {
        format!("/schemas/events/{}.json", self.routing_key)
    }

    /// What the message says of its content.
    pub const fn content_type(&self) -> &'static str {
        if self.is_batched { BATCH_CONTENT_TYPE } else { CONTENT_TYPE }
    }

    /// What it is about, in a sentence or two.
    pub fn description(&self) -> String {
        let schema = self.schema();
        schema["description"].as_str().unwrap_or_default().to_owned()
    }

    /// The JSON Schema of one event as it is written.
    pub fn schema(&self) -> Value {
        self.published((self.written)(), true)
    }

    /// The JSON Schema of what a reader takes, but for members that it does not know.
    pub fn readable(&self) -> Value {
        self.published((self.read)(), false)
    }

    /// Reads a message, and writes the events of it once more, as a list.
    pub fn read_and_write(&self, message: &str) -> serde_json::Result<Value> {
        (self.again)(message)
    }

    /// The generated schema, with what is fixed for this kind.
    fn published(&self, generated: Value, written: bool) -> Value {
        let mut envelope = generated;
        tidy(&mut envelope, written);
        let members = &mut envelope["properties"];
        let mut fixed = vec![
            ("specversion", "1.0".to_owned()),
            ("source", self.source.event_source()),
            ("datacontenttype", "application/json".to_owned()),
            ("dataschema", self.id()),
        ];
        if !self.is_named_by_author {
            fixed.push(("type", self.kind.to_owned()));
        }
        for (name, value) in fixed {
            members[name] = json!({"type": "string", "const": value});
        }
        let description = members["data"].as_object_mut().and_then(|data| data.remove("description"));
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": self.id(),
            "title": self.kind,
            "description": description,
            "type": "object",
            "properties": members.take(),
            "required": envelope["required"].take(),
        })
    }
}

/// Every event of the platform, by service.
pub const EVENTS: &[EventKind] = &[
    EventKind::of::<control::OrganizationChanged>(),
    EventKind::of::<control::OrganizationDeleted>(),
    EventKind::of::<control::ClientChanged>(),
    EventKind::of::<control::ClientDeleted>(),
    EventKind::of::<control::CredentialChanged>(),
    EventKind::of::<lead::LeadCreated>(),
    EventKind::of::<lead::LeadHubspotUpserted>(),
    EventKind::of::<lead::LeadDispatched>(),
    EventKind::of::<lead::LeadCompleted>(),
    EventKind::of::<lead::LeadFailed>(),
    EventKind::of::<ingest::EventAccepted>().named_by_author().batched(),
    EventKind::of::<ingest::SnapshotAccepted>().batched(),
    EventKind::of::<ingest::WorkerCreated>().batched(),
    EventKind::of::<lex::LexMessage>(),
    EventKind::of::<crm_events::Created<crm::Product>>(),
    EventKind::of::<crm_events::Updated<crm::Product>>(),
    EventKind::of::<crm_events::Deleted<crm::Product>>(),
    EventKind::of::<crm_events::Created<crm::Customer>>(),
    EventKind::of::<crm_events::Updated<crm::Customer>>(),
    EventKind::of::<crm_events::Deleted<crm::Customer>>(),
    EventKind::of::<crm_events::Created<crm::Lead>>(),
    EventKind::of::<crm_events::Updated<crm::Lead>>(),
    EventKind::of::<crm_events::Deleted<crm::Lead>>(),
    EventKind::of::<crm_events::LeadQualified>(),
    EventKind::of::<crm_events::LeadRejected>(),
    EventKind::of::<crm_events::LeadConverted>(),
    EventKind::of::<crm_events::Created<crm::Automation>>(),
    EventKind::of::<crm_events::Updated<crm::Automation>>(),
    EventKind::of::<crm_events::Deleted<crm::Automation>>(),
    EventKind::of::<crm_events::Emitted>().named_by_author(),
    EventKind::of::<outcome::EventMatched>().addressed(),
    EventKind::of::<outcome::EventSettled>().addressed(),
    EventKind::of::<webhook::SubscriptionCreated>(),
    EventKind::of::<webhook::SubscriptionUpdated>(),
    EventKind::of::<webhook::SubscriptionDeleted>(),
    EventKind::of::<webhook::SubscriptionDisabled>(),
    EventKind::of::<webhook::DeliveryDeadLettered>(),
];

/// The schemas as files below `proto/`.
///
/// # Errors
/// When one cannot be written as JSON.
pub fn files() -> anyhow::Result<BTreeMap<String, String>> {
    let file = |kind: &EventKind| {
        let mut text = serde_json::to_string_pretty(&kind.schema()).context(kind.routing_key)?;
        text.push('\n');
        Ok((kind.path(), text))
    };
    EVENTS.iter().map(file).collect()
}

/// Which of the two a schema describes, for [`generated`] to be one function for both.
trait Side {
    const CONTRACT: Contract;
}

struct Written;
struct Read;

impl Side for Written {
    const CONTRACT: Contract = Contract::Serialize;
}

impl Side for Read {
    const CONTRACT: Contract = Contract::Deserialize;
}

fn generated<S: Side, D: EventData + JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.contract = S::CONTRACT;
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<CloudEvent<D>>().into()
}

fn again<D: EventData>(message: &str) -> serde_json::Result<Value> {
    let events: Events<D> = serde_json::from_str(message)?;
    serde_json::to_value(events.as_slice())
}

/// Prose without the marks of rustdoc; and of what is written, a member that may be missing is never null instead.
fn tidy(schema: &mut Value, written: bool) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(|one| tidy(one, written)),
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`").replace("Self::", "").replace('\n', " ");
            }
            if written {
                missing_instead_of_null(members);
            }
            members.values_mut().for_each(|one| tidy(one, written));
        }
        _ => {}
    }
}

fn missing_instead_of_null(schema: &mut Map<String, Value>) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = types.as_slice() {
                property["type"] = one.clone();
            }
        } else if let Some(Value::Array(forms)) = property.get_mut("anyOf") {
            forms.retain(|form| form["type"] != "null");
            if let [one] = forms.as_slice() {
                let mut one = one.clone();
                if let (Some(text), Value::Object(members)) = (property.get("description"), &mut one) {
                    members.insert("description".to_owned(), text.clone());
                }
                *property = one;
            }
        }
    }
}
