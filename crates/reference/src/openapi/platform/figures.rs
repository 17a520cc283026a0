//! `…/deliveries/summary`, `/api/v1/admin/services`: how everything stands, at a glance.

use super::common::Common;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{one_of, uuid};
use utoipa::ToSchema;

const ADMIN: &str = "platform:admin";
const ABOUT: &str = "\
What happened in the last minute and in each of the last 24 hours, and what is open. Events count when they are made, \
but for those that tell of webhooks; requests when they begin, dead letters when they are given up and as long as they are it. What happened in the last two \
minutes may still change.";

pub fn operations() -> Vec<Operation> {
    let summary = |operation: Operation| {
        operation
            .summary("Show how deliveries stand")
            .about(ABOUT)
            .query("subscription", uuid(), "Only deliveries to this subscription.")
            .answers(200, "The figures.", [json::<Summary>()])
    };
    vec![
        summary(
            operation("GET", "/api/v1/organizations/{id}/deliveries/summary", "Events", "summarizeDeliveries")
                .scope("webhooks:read")
                .of_organization(),
        ),
        summary(
            operation("GET", "/api/v1/admin/deliveries/summary", "Operation", "summarizeAllDeliveries")
                .scope(ADMIN)
                .query("organization", uuid(), "Only deliveries of this organisation."),
        ),
        operation("GET", "/api/v1/admin/services", "Operation", "listServices")
            .summary("Show whether the services are ready")
            .about(
                "Asks each replica that the gateway knows of, for at most two seconds. Behind one address there may be \
                 several replicas; then one of them has answered.",
            )
            .scope(ADMIN)
            .answers(200, "The services.", [json::<Services>()]),
    ]
}

/// How deliveries stand.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Summary {
    #[schema(format = "date-time")]
    pub at: String,
    /// Events; `null` for one subscription.
    #[schema(required = true, minimum = 0)]
    pub accepted_last_minute: Option<i64>,
    #[schema(minimum = 0)]
    pub delivered_last_minute: i64,
    /// Deliveries that are due now or later.
    #[schema(minimum = 0)]
    pub pending: i64,
    /// Those whose time has come, of active subscriptions.
    #[schema(minimum = 0)]
    pub due: i64,
    /// Since when the first of them is due.
    #[schema(required = true, format = "date-time")]
    pub oldest_due_at: Option<String>,
    #[schema(minimum = 0)]
    pub dead_letters: i64,
    /// Up to here `pending`, `due` and `deadLetters` are counted: this figure means so many or more.
    #[schema(minimum = 1)]
    pub counted_up_to: i64,
    /// The last 24, oldest first, the current one among them.
    #[schema(min_items = 24, max_items = 24)]
    pub hours: Vec<Hour>,
}

/// What happened in an hour.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Hour {
    /// Its beginning.
    #[schema(format = "date-time")]
    pub hour: String,
    /// Events; `null` for one subscription.
    #[schema(required = true, minimum = 0)]
    pub accepted: Option<i64>,
    #[schema(minimum = 0)]
    pub delivered: i64,
    /// Requests that failed, also of what was delivered later.
    #[schema(minimum = 0)]
    pub failed: i64,
    #[schema(minimum = 0)]
    pub dead_lettered: i64,
}

/// The services of the platform.
#[derive(ToSchema)]
pub struct Services {
    pub data: Vec<Service>,
}

/// A service with its replicas.
#[derive(ToSchema)]
pub struct Service {
    pub service: String,
    #[schema(schema_with = status)]
    pub status: String,
    pub replicas: Vec<Replica>,
}

/// `DEGRADED`: it works, and something that it can do without does not; or only some replicas work.
fn status() -> utoipa::openapi::schema::Object {
    one_of(["READY", "DEGRADED", "DOWN"])
}

/// A replica.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Replica {
    /// Where it was asked.
    pub address: String,
    #[schema(schema_with = status)]
    pub status: String,
    /// `null` when it did not answer.
    #[schema(required = true)]
    pub version: Option<String>,
    /// What it needs.
    pub checks: Vec<Check>,
    /// Until it had answered, or was given up.
    #[schema(minimum = 0)]
    pub took_ms: i64,
}

/// Something that a service needs.
#[derive(ToSchema)]
pub struct Check {
    pub name: String,
    /// Whether the service cannot work without it.
    pub decides: bool,
    /// `null` when all is well.
    #[schema(required = true)]
    pub problem: Option<String>,
}
