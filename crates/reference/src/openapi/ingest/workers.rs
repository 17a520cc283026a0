//! Reads of workers.

use crate::openapi::operation::{Body, Document, Operation, json, operation};
use crate::openapi::schema;
use utoipa::ToSchema;

const WORKERS: &str = "/api/v1/ingest/workers";
const TIMELINE: &str = "/api/v1/ingest/workers/{id}/timeline";
const CARDS: &str = "/api/v1/ingest/workers/{id}/snapshots";

/// A page of workers.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WorkerPage {
    pub data: Vec<Worker>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// Somebody whom an application has named. What is shown is what was learned first.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Worker {
    #[schema(schema_with = schema::uuid)]
    pub id: String,
    #[schema(required)]
    pub display_name: Option<String>,
    #[schema(required)]
    pub external_id: Option<String>,
    #[schema(required)]
    pub email: Option<String>,
}

/// A page of a timeline.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TimelinePage {
    pub data: Vec<TimelineEvent>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// Something that a worker did.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TimelineEvent {
    /// The same that subscribers get.
    #[schema(schema_with = schema::uuid)]
    pub id: String,
    pub event_type: String,
    pub category: super::bodies::EventCategory,
    /// `custom:<app>`.
    pub source: String,
    #[schema(schema_with = schema::date_time)]
    pub timestamp: String,
    /// Seconds.
    #[schema(required)]
    pub duration: Option<i64>,
    /// As it was sent.
    #[schema(schema_with = super::bodies::maybe_object)]
    pub metadata: (),
}

/// A page of cards.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CardPage {
    pub data: Vec<Card>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// The latest snapshot of an application and a type.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Card {
    pub snapshot_type: String,
    /// The slug of the application.
    pub app: String,
    #[schema(schema_with = schema::date_time)]
    pub timestamp: String,
    /// As they were sent.
    #[schema(schema_with = schema::any_object)]
    pub metrics: (),
}

/// Adds the operations.
pub fn add(document: Document) -> Document {
    document
        .and(list(WORKERS, "listWorkers", "Workers, newest first", json::<WorkerPage>()))
        .and(of_worker(list(
            TIMELINE,
            "readTimeline",
            "A worker's events, latest first",
            json::<TimelinePage>(),
        )))
        .and(of_worker(list(
            CARDS,
            "readCards",
            "A worker's cards, by application and type",
            json::<CardPage>(),
        )))
}

fn list(template: &'static str, id: &str, summary: &str, page: Body) -> Operation {
    operation("GET", template, "reading", id)
        .summary(summary)
        .query("limit", schema::between_or(1, 100, 50), "Rows of a page.")
        .query("cursor", schema::text(), "`nextCursor` of the page before, of the same list.")
        .answers(200, "A page.", [page])
        .refuses(400, "A parameter is malformed; the message says which.")
}

fn of_worker(operation: Operation) -> Operation {
    operation.path("id", schema::text(), "The worker's id. A malformed one is 404.").refuses_with(
        404,
        "The organisation has no such worker.",
        json::<super::OtherError>(),
    )
}
