//! The document of the ingest surface: events and snapshots of applications, reads of workers.

pub mod bodies;
pub mod workers;

use super::operation::{Dialect, Document, Header, Operation, Refusal, When, json, operation};
use super::schema;
use super::usual::{self, IETF_LIMITS, REPLAYED, REQUEST_ID, RETRY_AFTER};
use bodies::{BatchResponse, EventBatch, PingResponse, Snapshot, SnapshotResponse};
use contracts::Surface;
use utoipa::ToSchema;

const ABOUT: &str = "Applications tell what the workers of an organisation do: events in batches, metrics as \
    snapshots.\n\nEvery request carries the application's key in `Authorization: Bearer wp_live_…`. What is accepted \
    is stored before the answer leaves. Events and snapshots count against the plan's events of a calendar month (UTC); \
    what is refused does not. Bodies are JSON of at most 1 MiB (1,048,576 bytes).";

const API_VERSION: Header = Header::always("X-API-Version", version, "The version of this interface.");
const LIMIT: Header =
    Header::maybe("X-RateLimit-Limit", schema::integer, "Requests per minute that the key may make.");
const REMAINING: Header =
    Header::maybe("X-RateLimit-Remaining", schema::integer, "Requests that are left of them.");

fn version() -> utoipa::openapi::schema::Object {
    schema::one_of(["2026-04-01"])
}

/// What a refusal says.
#[derive(ToSchema)]
pub struct Error {
    pub error: Refused,
}

/// What was wrong.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Refused {
    /// In a word, for programs.
    pub code: ErrorCode,
    /// In a sentence, for people: of a broken body the first five issues.
    pub message: String,
    /// The same as `X-Request-Id`.
    pub request_id: String,
    /// Never there.
    #[schema(schema_with = schema::uri, required = false)]
    pub docs_url: (),
}

/// Why a request was refused.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ErrorCode {
    MissingAuth,
    InvalidKey,
    ApiDisabled,
    PlanLimit,
    QuotaExceeded,
    RateLimited,
    ForbiddenEventType,
    InvalidBody,
    BatchTooLarge,
    MissingActor,
    WorkerNotFound,
    InternalError,
}

/// What a refusal says that has nothing to do with what was sent.
#[derive(ToSchema)]
pub struct OtherError {
    pub error: OtherRefused,
}

/// What was wrong.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OtherRefused {
    pub code: OtherErrorCode,
    /// In a sentence, for people.
    pub message: String,
    /// The same as `X-Request-Id`.
    pub request_id: String,
}

/// Why a request was refused, where that has nothing to do with what was sent.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum OtherErrorCode {
    Forbidden,
    NotFound,
    UnsupportedMediaType,
    Unavailable,
}

/// The whole document.
pub fn document() -> Document {
    let document = Document::new(Surface::Ingest, "Leadwire ingest", ABOUT, dialect())
        .tag("writing", "What applications tell.")
        .tag("reading", "What is known of workers.")
        .and(ping())
        .and(events())
        .and(snapshots());
    workers::add(document)
}

fn dialect() -> Dialect {
    let mut refusals = usual::refusals();
    let other = |refusal: Refusal| refusal.of(json::<OtherError>());
    refusals = refusals
        .into_iter()
        .map(
            |refusal| {
                if [403, 415, 502, 503, 504].contains(&refusal.status()) { other(refusal) } else { refusal }
            },
        )
        .collect();
    refusals.push(Refusal::new(
        402,
        "PlanError",
        When::Always,
        "`api_disabled`: the client is suspended, or the organisation's API access is switched off. `plan_limit`: a \
         new worker would be more than the plan includes.",
    ));
    Dialect {
        scheme: ("bearerAuth", usual::bearer_scheme("wp_live_*", "The key of an application.")),
        error: json::<Error>(),
        headers: vec![REQUEST_ID, API_VERSION, LIMIT, REMAINING, IETF_LIMITS[0], IETF_LIMITS[1]],
        refusals,
    }
}

const RATE_LIMITED: &str = "`rate_limited`: of the key or of its organisation. `quota_exceeded`: the plan's events of \
    this month are used up, or the batch would be more than is left; `Retry-After` is the rest of the month.";

fn ping() -> Operation {
    operation("GET", "/api/v1/ingest/ping", "writing", "ping").summary("Whose the key is").answers(
        200,
        "The organisation and the application.",
        [json::<PingResponse>()],
    )
}

fn idempotent(operation: Operation) -> Operation {
    operation.header(
        "Idempotency-Key",
        schema::text_up_to(200),
        "Printable ASCII. For ten minutes the first answer is given again to the same key, whatever is sent with it; a \
         request that comes while the first one runs waits for it. 4xx and 5xx are not kept.",
    )
}

fn events() -> Operation {
    idempotent(operation("POST", "/api/v1/ingest/events", "writing", "ingestEvents"))
        .summary("Pushes events")
        .about(
            "Events are taken in order and each by itself: one that is refused does not keep the others out.",
        )
        .takes([json::<EventBatch>()])
        .answers(202, "Every event is accepted.", [json::<BatchResponse>()])
        .with(REPLAYED)
        .answers(207, "Some events are refused, or all.", [json::<BatchResponse>()])
        .with(REPLAYED)
        .refuses(400, "`invalid_body`: it is no batch; the message says why. A header is broken.")
        .refuses_with(
            403,
            "`forbidden_event_type`: the application may send none of these types.",
            json::<Error>(),
        )
        .refuses(413, "More than 500 events, or more than 1 MiB.")
        .answers(429, RATE_LIMITED, [json::<Error>()])
        .with(RETRY_AFTER)
}

fn snapshots() -> Operation {
    idempotent(operation("POST", "/api/v1/ingest/snapshots", "writing", "ingestSnapshot"))
        .summary("Pushes metrics of a moment")
        .about(
            "The latest snapshot of a worker, an application and a type is its card. An older one is kept among the \
             events and does not take the card's place.",
        )
        .takes([json::<Snapshot>()])
        .answers(202, "It is accepted.", [json::<SnapshotResponse>()])
        .with(REPLAYED)
        .refuses(400, "`invalid_body`, `missing_actor` or `worker_not_found`; the message says why.")
        .answers(429, RATE_LIMITED, [json::<Error>()])
        .with(RETRY_AFTER)
}
