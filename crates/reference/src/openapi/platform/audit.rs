//! `/api/v1/audit-log`.

use super::common::{Common, Pagination};
use super::usage::moment;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{text, uuid};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub fn operations() -> Vec<Operation> {
    vec![
        operation("GET", "/api/v1/audit-log", "Audit log", "listAuditLog")
            .summary("List who changed what")
            .about("Every action of the control plane and of operators, newest first, without secrets.")
            .scope("platform:admin")
            .query("organizationId", uuid(), "Only what was done to things of this organisation.")
            .query(
                "actor",
                text(),
                "Only by this one: `client:<id>`, the id of a client or credential, or an operator's name.",
            )
            .query("action", text(), "Only this: `api_key.created`.")
            .query("dateFrom", moment(), "From then on; a date is its first moment.")
            .query("dateTo", moment(), "Until then, exclusive; a date means the whole day.")
            .paged()
            .answers(200, "A page of entries.", [json::<AuditPage>()]),
    ]
}

/// One thing that was done.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AuditEntry {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "date-time")]
    pub occurred_at: String,
    /// Whose thing it was; `null` for the platform's.
    #[schema(required = true, format = "uuid")]
    pub organization_id: Option<String>,
    /// `client:<id>`, or an operator by name.
    pub actor: String,
    #[schema(required = true, format = "uuid")]
    pub client_id: Option<String>,
    #[schema(required = true, format = "uuid")]
    pub credential_id: Option<String>,
    /// `<thing>.<what was done>`: `client.updated`.
    pub action: String,
    /// What it was done to: `client:<id>`.
    pub target: String,
    /// From where: an address or a host.
    #[schema(required = true)]
    pub origin: Option<String>,
    #[schema(required = true)]
    pub request_id: Option<String>,
    /// The members that were different before.
    #[schema(required = true)]
    pub before: Option<Map<String, Value>>,
    /// The members that are different since.
    #[schema(required = true)]
    pub after: Option<Map<String, Value>>,
}

/// A page of entries.
#[derive(ToSchema)]
pub struct AuditPage {
    pub data: Vec<AuditEntry>,
    pub pagination: Pagination,
}
