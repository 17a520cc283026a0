//! What happens to CRM resources: an event for every change, with the resource as it is afterwards.

use crate::crm::{Lead, ObjectId, Record, Resource};
use crate::event::EventData;
use crate::service::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// `<resource>.created`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Created<T> {
    #[serde(flatten)]
    pub record: Record<T>,
    /// The automation that did it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Cause>,
}

/// `<resource>.updated`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Updated<T> {
    #[serde(flatten)]
    pub record: Record<T>,
    pub changes: Changes,
    /// The automation that did it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Cause>,
}

/// `<resource>.deleted`, with the resource as it was last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deleted<T> {
    #[serde(flatten)]
    pub record: Record<T>,
    /// The automation that did it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Cause>,
}

/// The fields that a change touched, as they were and as they are. `before` is empty when it was erased for the
/// sake of the person it spoke of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    pub before: Map<String, Value>,
    pub after: Map<String, Value>,
}

/// Which automation made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    pub automation_id: ObjectId,
    pub run_id: Uuid,
    /// How many automations, one setting off the other, led here; from 1.
    pub depth: u32,
}

/// What an automation's author publishes: the data is their own, with `caused_by` in it. The event's type is their
/// own too, `automation.greeted`; it is never one of the platform's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Emitted(pub Map<String, Value>);

impl EventData for Emitted {
    const SOURCE: Service = Service::CrmResources;
    const ROUTING_KEY: &'static str = "crm.automation.emitted.v1";
    const TYPE: &'static str = "automation.emitted";
}

impl<T: Resource> EventData for Created<T> {
    const SOURCE: Service = Service::CrmResources;
    const ROUTING_KEY: &'static str = T::CREATED.routing_key;
    const TYPE: &'static str = T::CREATED.kind;
}

impl<T: Resource> EventData for Updated<T> {
    const SOURCE: Service = Service::CrmResources;
    const ROUTING_KEY: &'static str = T::UPDATED.routing_key;
    const TYPE: &'static str = T::UPDATED.kind;
}

impl<T: Resource> EventData for Deleted<T> {
    const SOURCE: Service = Service::CrmResources;
    const ROUTING_KEY: &'static str = T::DELETED.routing_key;
    const TYPE: &'static str = T::DELETED.kind;
}

macro_rules! lead_milestones {
    ($($(#[$doc:meta])* $name:ident = $key:literal, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Updated<Lead>);

        impl EventData for $name {
            const SOURCE: Service = Service::CrmResources;
            const ROUTING_KEY: &'static str = $key;
            const TYPE: &'static str = $kind;
        }
    )*};
}

lead_milestones! {
    /// Beside `lead.updated`, when a lead's status becomes `qualified`.
    LeadQualified = "crm.lead.qualified.v1", "lead.qualified";
    /// Beside `lead.updated`, when a lead's status becomes `rejected`.
    LeadRejected = "crm.lead.rejected.v1", "lead.rejected";
    /// Beside `lead.updated`, when a lead's status becomes `converted`.
    LeadConverted = "crm.lead.converted.v1", "lead.converted";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::{Automation, Customer, Product};
    use crate::event::CloudEvent;
    use std::fs;

    /// The fixture of a kind decodes and is written alike.
    fn stands<D: EventData>() {
        let name = format!("{}/../../proto/fixtures/{}.json", env!("CARGO_MANIFEST_DIR"), D::ROUTING_KEY);
        let text = fs::read_to_string(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let event: CloudEvent<D> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (event.kind.as_str(), event.source.as_str(), event.dataschema.as_str()),
            (
                D::TYPE,
                D::SOURCE.event_source().as_str(),
                format!("/schemas/events/{}.json", D::ROUTING_KEY).as_str()
            )
        );
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(&text).unwrap(), "{name}");
    }

    #[test]
    fn the_first_version_of_every_event_decodes_for_ever_and_is_written_alike() {
        stands::<Created<Product>>();
        stands::<Updated<Product>>();
        stands::<Deleted<Product>>();
        stands::<Created<Customer>>();
        stands::<Updated<Customer>>();
        stands::<Deleted<Customer>>();
        stands::<Created<Lead>>();
        stands::<Updated<Lead>>();
        stands::<Deleted<Lead>>();
        stands::<LeadQualified>();
        stands::<LeadRejected>();
        stands::<LeadConverted>();
        stands::<Created<Automation>>();
        stands::<Updated<Automation>>();
        stands::<Deleted<Automation>>();
        stands::<Emitted>();
    }

    #[test]
    fn an_object_id_is_24_lower_case_hexadecimal_characters() {
        let id = "65a0c0f1234567890abcdef0";
        assert_eq!(id.parse::<ObjectId>().unwrap().to_string(), id);
        assert_eq!(ObjectId::new(0x65a0_c0f1, [0; 8]).to_string(), "65a0c0f10000000000000000");
        for wrong in
            ["", "65A0C0F1234567890ABCDEF0", "65a0c0f1234567890abcdef", "65a0c0f1234567890abcdefg", "ä"]
        {
            assert!(wrong.parse::<ObjectId>().is_err(), "{wrong}");
        }
    }
}
