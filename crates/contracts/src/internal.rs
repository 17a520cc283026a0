//! Calls between services, all under `/internal`, all with an identity token of the called service that names
//! the calling one ([`crate::identity::Caller::Service`]). The gateway passes none of them on from outside.

use crate::control::OrganizationFacts;
use crate::ids::OrganizationId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// gateway: `GET ?lexId=` answers [`Organizations`], of at most one.
pub const ORGANIZATIONS: &str = "/internal/organizations";
/// gateway: `POST` an [`AuditEntry`]; 204.
pub const AUDIT: &str = "/internal/audit";
/// webhook-dispatcher: `GET ?organization=&client=` answers [`Subscriptions`].
pub const SUBSCRIPTIONS: &str = "/internal/subscriptions";
/// webhook-dispatcher: `GET /{id}/deliveries?organization=` answers [`Deliveries`]; 404 where the organisation has no
/// such event (yet).
pub const EVENTS: &str = "/internal/events";
/// lead-intake, crm-resources, ingest, lex-router, webhook-dispatcher: `POST` an [`Erase`]; answers [`Erased`].
pub const ERASE: &str = "/internal/erase";

/// Every service: `GET` answers [`Health`].
pub const HEALTH: &str = "/internal/health";

/// webhook-dispatcher: `PUT /{id}` a [`crate::lex::LexSubscription`]; 204 once every later message meets it.
pub const LEX_SUBSCRIPTIONS: &str = "/internal/lex-subscriptions";

/// How a replica of a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub version: String,
    /// What it needs.
    pub checks: Vec<HealthCheck>,
}

/// Something that a service needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    pub name: String,
    /// Whether the service cannot work without it.
    pub decides: bool,
    pub problem: Option<String>,
}

/// The organisations that bear a LEX name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organizations {
    pub data: Vec<OrganizationFacts>,
}

/// A client's webhook subscriptions of all families.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscriptions {
    /// As the platform surface lists them, newest first.
    pub data: Vec<Value>,
    pub active: u64,
    pub total: u64,
}

/// Where an event went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deliveries {
    /// As the platform surface lists them.
    pub data: Vec<Value>,
}

/// What somebody did, for the audit log. Nothing in it is secret or of a person outside the organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Whose thing it was; `None` for the platform's.
    pub organization_id: Option<OrganizationId>,
    /// Who did it: a client with its credential, or an operator by name.
    pub actor: String,
    /// `subscription.deleted`, `dlq.replayed`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// From where: an address or a host.
    pub origin: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// A wish to forget a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erase {
    pub organization_id: OrganizationId,
    /// Compared without regard to case.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
}

/// How many records were stripped of the person's data; their ids remain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub records: u64,
}
