//! `/api/v1/admin/dead-letter-queues`: what the services could not process, and sending it back to work.

use super::common::{Common, Pagination};
use crate::openapi::operation::{Operation, body, json, operation};
use crate::openapi::schema::{date_time, one_of, text, text_up_to, uuid};
use crate::openapi::usual::REPLAYED;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

const TAG: &str = "Dead letters";
const ADMIN: &str = "platform:admin";
const ALL: &str = "/api/v1/admin/dead-letter-queues";
const MESSAGES: &str = "/api/v1/admin/dead-letter-queues/{queue}/messages";
const MESSAGE: &str = "/api/v1/admin/dead-letter-queues/{queue}/messages/{messageId}";
const EXPORT: &str = "/api/v1/admin/dead-letter-queues/{queue}/export";
const REPLAYS: &str = "/api/v1/admin/dead-letter-queues/{queue}/replays";
const REPLAY: &str = "/api/v1/admin/dead-letter-queues/{queue}/replays/{replayId}";
const CANCEL: &str = "/api/v1/admin/dead-letter-queues/{queue}/replays/{replayId}/cancel";
const RESUME: &str = "/api/v1/admin/dead-letter-queues/{queue}/replays/{replayId}/resume";
const IN_USE: &str =
    "a replay or a `leadwire` command works on the queue, or the broker does not have it yet";

pub fn operations() -> Vec<Operation> {
    vec![
        operation("GET", ALL, TAG, "listDeadLetterQueues")
            .summary("List the queues of dead letters")
            .about(
                "Every work queue's, and that of events which no queue wanted. Queues of more than 5,000 messages, and those \
                 that somebody works on, are only counted.",
            )
            .scope(ADMIN)
            .answers(200, "Every queue.", [json::<DeadLetterQueues>()]),
        of_queue(filtered(operation("GET", MESSAGES, TAG, "listDeadLetters")))
            .summary("Look into a queue of dead letters")
            .about(
                "The messages that are meant, in their order and in groups. Nothing is taken out. At most 50,000 messages \
                 are looked at.",
            )
            .query("by", one_of(["reason", "type", "organization"]), "What they are grouped by; `reason` when nothing is said.")
            .paged()
            .answers(200, "A page of messages, and the groups of all.", [json::<DeadLetterPage>()])
            .may_conflict(IN_USE),
        operation("GET", MESSAGE, TAG, "getDeadLetter")
            .summary("Show a dead letter with its payload")
            .about("The first of the queue that answers to the id. The payload may be personal data.")
            .scope(ADMIN)
            .path("queue", text_up_to(255), QUEUE)
            .path("messageId", text_up_to(255), "The message, by its id or by that of an event in it: `evt_…` or a UUID.")
            .answers(200, "The message.", [json::<DeadLetterWithPayload>()])
            .may_be_missing("queue or message")
            .may_conflict(IN_USE),
        of_queue(filtered(operation("GET", EXPORT, TAG, "exportDeadLetters")))
            .summary("Export dead letters with their payloads")
            .about(
                "A line of JSON for each message that is meant, as `getDeadLetter` shows it. Nothing is taken out; the queue \
                 is in use until the last line is read. The payloads may be personal data.",
            )
            .answers(200, "The messages.", [body::<DeadLetterWithPayload>("application/x-ndjson")])
            .may_conflict(IN_USE),
        of_queue(operation("POST", REPLAYS, TAG, "replayDeadLetters"))
            .summary("Send dead letters back to work")
            .about(
                "Those that are meant and have died by now, each exactly once. A message keeps its id, has all its attempts \
                 before it again, and says who replayed it. A service goes on with it, also when the one that began is \
                 killed. One replay of a queue is under way at a time.",
            )
            .once()
            .takes([json::<ReplayCreate>()])
            .answers(202, "The replay, which begins in a moment.", [json::<Replay>()])
            .with(REPLAYED)
            .may_conflict("a replay of the queue is under way, or its events have no queue to go back to"),
        of_queue(operation("GET", REPLAYS, TAG, "listReplays"))
            .summary("List the replays of a queue")
            .about("Newest first.")
            .paged()
            .answers(200, "A page of replays.", [json::<ReplayPage>()]),
        of_replay(operation("GET", REPLAY, TAG, "getReplay"))
            .summary("Show a replay and how far it is")
            .answers(200, "The replay.", [json::<Replay>()]),
        of_replay(operation("POST", CANCEL, TAG, "cancelReplay"))
            .summary("Stop a replay")
            .about("What is moved stays moved, the rest stays dead; it can be resumed. Safe to repeat.")
            .answers(202, "The replay, which stops in a moment.", [json::<Replay>()])
            .may_conflict("it has come to its end"),
        of_replay(operation("POST", RESUME, TAG, "resumeReplay"))
            .summary("Go on with a replay that was cancelled or has failed")
            .about("With the filter and the rate that it was begun with. Safe to repeat.")
            .answers(202, "The replay, which goes on in a moment.", [json::<Replay>()])
            .may_conflict("it has come to its end, it is being cancelled, or another replay of the queue is under way"),
    ]
}

const QUEUE: &str = "The work queue: `lead-intake.orchestrator`; or `events.unrouted`.";
const REASONS: &str = "Only those that died of this (`permanent`, `undecodable`, `panic`, `exhausted`, `delivery_limit`), or whose error has \
     these words.";

fn of_queue(operation: Operation) -> Operation {
    operation.scope(ADMIN).path("queue", text_up_to(255), QUEUE).may_be_missing("queue")
}

fn of_replay(operation: Operation) -> Operation {
    operation
        .scope(ADMIN)
        .path("queue", text_up_to(255), QUEUE)
        .path("replayId", uuid(), "The replay.")
        .may_be_missing("queue or replay")
}

fn filtered(operation: Operation) -> Operation {
    operation
        .query("id", text(), "Only the message of this id, or with an event of this id.")
        .query("type", text(), "Only events of this type.")
        .query("organization", uuid(), "Only events of this organisation.")
        .query("since", date_time(), "Only those that died then or later.")
        .query("until", date_time(), "Only those that died before then.")
        .query("reason", text(), REASONS)
}

fn state() -> Object {
    one_of(["QUEUED", "RUNNING", "CANCELLING", "CANCELLED", "COMPLETED", "FAILED"])
}

fn ids() -> Array {
    let id = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(500));
    let about = "The messages of these ids, or with events of these ids.";
    let ids = ArrayBuilder::new().items(id).min_items(Some(1)).max_items(Some(100)).description(Some(about));
    let mut ids = ids.build();
    ids.schema_type = SchemaType::from_iter([Type::Array, Type::Null]);
    ids
}

/// Every queue.
#[derive(ToSchema)]
pub struct DeadLetterQueues {
    pub data: Vec<DeadLetterQueue>,
}

/// A queue that dead letters lie in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeadLetterQueue {
    /// The work queue.
    pub queue: String,
    /// Its queue of dead letters.
    pub dead_letter_queue: String,
    /// Who consumes the work queue; `null`: nobody, it is for events that no queue wanted.
    #[schema(required = true)]
    pub service: Option<String>,
    /// How many lie there, less those that are in somebody's hand; `null`: the broker does not have the queue.
    #[schema(required = true, minimum = 0)]
    pub messages: Option<i64>,
    /// When the oldest died; `null` where the queue was only counted, as the next two.
    #[schema(required = true, format = "date-time")]
    pub oldest: Option<String>,
    /// How many died in the last hour.
    #[schema(required = true, minimum = 0)]
    pub last_hour: Option<i64>,
    /// The most frequent reason.
    #[schema(required = true)]
    pub most_frequent: Option<String>,
    /// Whether somebody works on it: a replay, or a `leadwire` command.
    pub in_use: bool,
    /// Whether a replay was begun with `leadwire dlq replay` that nobody goes on with.
    pub interrupted: bool,
    /// The newest replay.
    #[schema(required = true)]
    pub replay: Option<Replay>,
}

/// Defines a dead letter as lists show it, and with everything that is known of it.
macro_rules! dead_letter {
    ($($(#[$attribute:meta])* $field:ident: $kind:ty,)*) => {
        /// A message that could not be processed.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct DeadLetter { $($(#[$attribute])* pub $field: $kind,)* }

        /// A dead letter with everything that is known of it.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct DeadLetterWithPayload {
            $($(#[$attribute])* pub $field: $kind,)*
            /// The queue that it died in first.
            #[schema(required = true)]
            pub first_queue: Option<String>,
            pub routing_key: String,
            /// The service that published it.
            #[schema(required = true)]
            pub publisher: Option<String>,
            /// Who sent it back to work before it died again.
            #[schema(required = true)]
            pub replayed_by: Option<String>,
            pub headers: Map<String, Value>,
            /// JSON as it is; otherwise `{"text": …}`, or bytes in `{"base64": …}`.
            pub payload: Value,
        }
    };
}

dead_letter! {
    #[schema(required = true)]
    message_id: Option<String>,
    /// Of its event, or of the first.
    #[schema(required = true)]
    r#type: Option<String>,
    #[schema(required = true)]
    organization_id: Option<String>,
    #[schema(required = true, format = "date-time")]
    dead_lettered_at: Option<String>,
    #[schema(required = true, format = "date-time")]
    published_at: Option<String>,
    /// `permanent`, `undecodable`, `panic`, `exhausted`, `delivery_limit`.
    #[schema(required = true)]
    reason: Option<String>,
    /// What the service said.
    #[schema(required = true)]
    error: Option<String>,
    #[schema(required = true, minimum = 0)]
    attempts: Option<i64>,
    #[schema(required = true)]
    trace_id: Option<String>,
    /// Those that it carries, which die and are replayed together; none when it cannot be read.
    events: Vec<DeadEvent>,
}

/// What the envelope of an event in a dead letter says.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeadEvent {
    #[schema(required = true)]
    pub id: Option<String>,
    #[schema(required = true)]
    pub r#type: Option<String>,
    #[schema(required = true)]
    pub organization_id: Option<String>,
    #[schema(required = true)]
    pub trace_id: Option<String>,
}

/// A page of dead letters, and all that are meant in groups.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeadLetterPage {
    pub data: Vec<DeadLetter>,
    pub pagination: Pagination,
    /// The largest first.
    pub groups: Vec<DeadLetterGroup>,
    /// How many messages were looked at.
    #[schema(minimum = 0)]
    pub looked_at: i64,
    /// Whether these are all of the queue.
    pub complete: bool,
}

/// Dead letters that have something in common.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeadLetterGroup {
    pub key: String,
    #[schema(minimum = 1)]
    pub count: i64,
    #[schema(required = true, format = "date-time")]
    pub oldest: Option<String>,
    #[schema(required = true, format = "date-time")]
    pub newest: Option<String>,
    /// Of these, those of the last hour.
    #[schema(minimum = 0)]
    pub last_hour: i64,
}

/// What is to be replayed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ReplayCreate {
    /// Everything in it has to hold; without it, all are meant.
    #[schema(nullable = false)]
    pub filter: Option<ReplayFilterCreate>,
    /// Messages per second, at most; as fast as it goes otherwise.
    #[schema(minimum = 0.1, maximum = 10_000)]
    pub rate_per_second: Option<f64>,
}

/// Which dead letters are meant.
#[derive(ToSchema)]
pub struct ReplayFilterCreate {
    /// The message of this id, or with an event of this id.
    #[schema(min_length = 1, max_length = 500)]
    pub id: Option<String>,
    /// The messages of these ids, or with events of these ids.
    #[schema(schema_with = ids)]
    pub ids: Option<Vec<String>>,
    /// Events of this type.
    #[schema(min_length = 1, max_length = 500, example = "lead.created")]
    pub r#type: Option<String>,
    /// Events of this organisation.
    #[schema(format = "uuid")]
    pub organization: Option<String>,
    /// Those that died then or later.
    #[schema(format = "date-time")]
    pub since: Option<String>,
    /// Those that died before then.
    #[schema(format = "date-time")]
    pub until: Option<String>,
    /// Those that died of this, or whose error has these words.
    #[schema(min_length = 1, max_length = 500, example = "exhausted")]
    pub reason: Option<String>,
}

/// Which dead letters a replay means.
#[derive(ToSchema)]
pub struct ReplayFilter {
    #[schema(required = true)]
    pub id: Option<String>,
    /// None: not only certain ones.
    #[schema(max_items = 100)]
    pub ids: Vec<String>,
    #[schema(required = true)]
    pub r#type: Option<String>,
    #[schema(required = true, format = "uuid")]
    pub organization: Option<String>,
    #[schema(required = true, format = "date-time")]
    pub since: Option<String>,
    #[schema(required = true, format = "date-time")]
    pub until: Option<String>,
    #[schema(required = true)]
    pub reason: Option<String>,
}

/// A replay of dead letters, and how far it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Replay {
    #[schema(format = "uuid")]
    pub id: String,
    pub queue: String,
    #[schema(schema_with = state)]
    pub state: String,
    pub filter: ReplayFilter,
    #[schema(required = true)]
    pub rate_per_second: Option<f64>,
    /// How many messages are meant; `null` until they are counted.
    #[schema(required = true, minimum = 0)]
    pub total: Option<i64>,
    /// How many of them are back at work.
    #[schema(minimum = 0)]
    pub moved: i64,
    #[schema(required = true, minimum = 0)]
    pub left: Option<i64>,
    /// Why it does not get on, or why it has failed.
    #[schema(required = true)]
    pub error: Option<String>,
    /// `client:<id>`.
    pub requested_by: String,
    /// What died later is not meant.
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(format = "date-time")]
    pub updated_at: String,
    #[schema(required = true, format = "date-time")]
    pub ended_at: Option<String>,
}

/// A page of replays.
#[derive(ToSchema)]
pub struct ReplayPage {
    pub data: Vec<Replay>,
    pub pagination: Pagination,
}
