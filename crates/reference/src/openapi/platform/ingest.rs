//! `/api/v1/organizations/{id}/ingest`: workers, what happened to them, and the usage of the plan.

use super::common::Common;
use crate::openapi::ingest::workers::{CardPage, TimelinePage};
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{date_time, text, uuid};
use utoipa::ToSchema;
use utoipa::openapi::schema::Ref;

const TAG: &str = "Ingest";
const SCOPE: &str = "leads:read";

pub fn operations() -> Vec<Operation> {
    const WORKERS: &str = "/api/v1/organizations/{id}/ingest/workers";
    const WORKER: &str = "/api/v1/organizations/{id}/ingest/workers/{workerId}";
    const TIMELINE: &str = "/api/v1/organizations/{id}/ingest/workers/{workerId}/timeline";
    const CARDS: &str = "/api/v1/organizations/{id}/ingest/workers/{workerId}/cards";
    const USAGE: &str = "/api/v1/organizations/{id}/ingest/usage";
    vec![
        operation("GET", WORKERS, TAG, "listOrganizationWorkers")
            .summary("List the workers of an organisation")
            .about("Newest first.")
            .scope(SCOPE)
            .of_organization()
            .query("app", text(), "Only workers that this application made: its slug.")
            .query("search", text(), "A part of a display name, of an e-mail address or of an application's id, in any case.")
            .walked()
            .answers(200, "A page of workers.", [json::<OrganizationWorkerPage>()]),
        of_worker(operation("GET", WORKER, TAG, "getOrganizationWorker"))
            .summary("Show a worker with everything that they are called")
            .answers(200, "The worker.", [json::<WorkerWithIdentities>()]),
        of_worker(operation("GET", TIMELINE, TAG, "readOrganizationTimeline"))
            .summary("List what happened to a worker")
            .about("Latest first; kept for 400 days unless the installation says otherwise.")
            .query("app", text(), "Only events from this application: its slug.")
            .query("type", text(), "Only events of this type.")
            .query("category", Ref::from_schema_name("EventCategory"), "Only events of this category.")
            .query("from", date_time(), "Only events from then on.")
            .query("to", date_time(), "Only events up to then.")
            .walked()
            .answers(200, "A page of events.", [json::<TimelinePage>()]),
        of_worker(operation("GET", CARDS, TAG, "listOrganizationCards"))
            .summary("List the cards of a worker")
            .about("The latest snapshot of each application and type, in their order.")
            .walked()
            .answers(200, "A page of cards.", [json::<CardPage>()]),
        operation("GET", USAGE, TAG, "readIngestUsage")
            .summary("Show what was used of the plan")
            .about("What the plan allows stands at the organisation: `plan.monthlyEventQuota`, `plan.maxWorkers`.")
            .scope("usage:read")
            .of_organization()
            .answers(200, "The usage of the last twelve months.", [json::<IngestUsage>()]),
    ]
}

fn of_worker(operation: Operation) -> Operation {
    operation.scope(SCOPE).of_organization().path("workerId", uuid(), "The worker.").may_be_missing("worker")
}

/// Defines a worker, as lists show one and with everything that they are called.
macro_rules! worker {
    ($($(#[$attribute:meta])* $field:ident: $kind:ty,)*) => {
        /// Somebody whom an application has named. What is shown is what was learned first.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct OrganizationWorker { $($(#[$attribute])* pub $field: $kind,)* }

        /// A worker with everything that they are called.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct WorkerWithIdentities {
            $($(#[$attribute])* pub $field: $kind,)*
            pub identities: Vec<WorkerIdentity>,
        }
    };
}

worker! {
    #[schema(format = "uuid")]
    id: String,
    #[schema(required = true)]
    display_name: Option<String>,
    #[schema(required = true)]
    external_id: Option<String>,
    #[schema(required = true)]
    email: Option<String>,
    /// Who made them: `custom:<app>`.
    source: String,
    #[schema(format = "date-time")]
    created_at: String,
}

/// A name that leads to a worker.
#[derive(ToSchema)]
pub struct WorkerIdentity {
    /// `custom:<app>` for an application's id, `email` for an address.
    pub namespace: String,
    /// An address is in lower case.
    pub value: String,
}

/// A page of workers.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OrganizationWorkerPage {
    pub data: Vec<OrganizationWorker>,
    /// Goes on behind this page; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// What was used of the plan.
#[derive(ToSchema)]
pub struct IngestUsage {
    /// How many there are now.
    #[schema(minimum = 0)]
    pub workers: i64,
    /// The running month and the eleven before it, newest first.
    pub months: Vec<IngestMonth>,
}

/// A calendar month (UTC).
#[derive(ToSchema)]
pub struct IngestMonth {
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}$", example = "2026-11")]
    pub month: String,
    /// Events and snapshots that were accepted.
    #[schema(minimum = 0)]
    pub events: i64,
}
