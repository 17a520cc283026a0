//! `/api/v1/admin/**`: what operators see and do across organisations.

use super::common::Common;
use super::webhooks::{Recover, Recovery};
use super::words;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{date_time, one_of, text, text_up_to, uuid};
use utoipa::ToSchema;

const TAG: &str = "Operation";
const ADMIN: &str = "platform:admin";
/// What `subject` finds events by.
pub const SUBJECT: &str = "Only events that speak of this: the id of a lead, a record, a worker, a subscription; of a LEX \
                           message its lead's, its asset's or its own.";
/// How deliveries are listed.
pub const LISTED: &str = "Newest event first. A page looks through 10,000 deliveries at most, or those of 1,000 events of \
                          the type: where others are between those that are meant, it may have few or none, and \
                          `nextCursor` looks further.";

pub fn operations() -> Vec<Operation> {
    vec![
        operation("GET", "/api/v1/admin/events", TAG, "listAllEvents")
            .summary("List events of all organisations")
            .about(
                "In the order of their ids. Without an organisation or a subject, a page looks through 10,000 events at \
                 most for those of a type or a source: it may have few or none, and `nextCursor` looks further.",
            )
            .scope(ADMIN)
            .query("organization", uuid(), "Only events of this organisation.")
            .query("type", text(), "Only events of this type.")
            .query("source", text(), "Only events from there: `intake`, `crm`, `ingest`, `ingest:<app>`, `lex`, `webhook`.")
            .query("subject", text(), SUBJECT)
            .query("since", date_time(), "Only events from then on.")
            .query("until", date_time(), "Only events up to then.")
            .walked()
            .answers(200, "A page of events.", [json::<OperatedEventPage>()]),
        operation("GET", "/api/v1/admin/events/{eventId}", TAG, "getAnyEvent")
            .summary("Show an event with its deliveries")
            .scope(ADMIN)
            .path("eventId", text_up_to(128), "The event: `evt_…`, its UUID, or the id of one of its deliveries.")
            .answers(200, "The event.", [json::<OperatedEventWithDeliveries>()])
            .may_be_missing("event"),
        delivery_filters(operation("GET", "/api/v1/admin/deliveries", TAG, "listAllDeliveries"))
            .summary("List deliveries of all organisations")
            .about(LISTED)
            .scope(ADMIN)
            .query("organization", uuid(), "Only deliveries of this organisation.")
            .walked()
            .answers(200, "A page of deliveries.", [json::<OperatedDeliveryPage>()]),
        statistics(operation("GET", "/api/v1/admin/deliveries/stats", TAG, "countAllDeliveries"))
            .scope(ADMIN)
            .query("organization", uuid(), "Only deliveries of this organisation.")
            .answers(200, "The largest groups, at most 100.", [json::<Statistics>()]),
        of_delivery(operation("GET", "/api/v1/admin/deliveries/{deliveryId}", TAG, "getAnyDelivery"))
            .summary("Show a delivery with its requests")
            .scope(ADMIN)
            .answers(200, "The delivery.", [json::<OperatedDeliveryWithAttempts>()]),
        of_delivery(operation("POST", "/api/v1/admin/deliveries/{deliveryId}/retry", TAG, "retryAnyDelivery"))
            .summary("Try a delivery again now")
            .about("It keeps its id; one that had ended has all its tries before it again.")
            .scope(ADMIN)
            .answers(202, "The delivery, which is due now.", [json::<OperatedDelivery>()])
            .may_conflict("its subscription is disabled"),
        operation("POST", "/api/v1/admin/subscriptions/{subscriptionId}/recover", TAG, "recoverAnySubscription")
            .summary("Bring back deliveries of a subscription that ended badly")
            .about("Of any family: those of events of a stretch of time, at the subscription's rate or a hundred a second.")
            .scope(ADMIN)
            .path("subscriptionId", uuid(), "The subscription.")
            .takes([json::<Recover>()])
            .answers(202, "What is brought back, and how much of it is due already.", [json::<Recovery>()])
            .may_be_missing("subscription")
            .may_conflict("the subscription is disabled, or a recovery of it is under way"),
    ]
}

fn of_delivery(operation: Operation) -> Operation {
    operation
        .path("deliveryId", text_up_to(128), "The delivery: its `webhook-id`.")
        .may_be_missing("delivery")
}

/// Which deliveries are meant.
pub fn delivery_filters(operation: Operation) -> Operation {
    operation
        .query("subscription", uuid(), "Only deliveries to this subscription.")
        .query("status", words::delivery_status_in_any_case(), "Only deliveries of this status.")
        .query("type", text(), "Only deliveries of events of this type.")
        .query(
            "reason",
            text(),
            "Only dead letters that were given up for this: `exhausted`, `rejected`, `expired`.",
        )
        .query("since", date_time(), "Only deliveries of events from then on.")
        .query("until", date_time(), "Only deliveries of events up to then.")
}

/// Counting them.
pub fn statistics(operation: Operation) -> Operation {
    delivery_filters(operation)
        .query("by", one_of(GROUPED_BY), "What they are counted by; `reason` when nothing is said.")
        .summary("Count deliveries by what they have in common")
        .about("Dead letters, when no status is asked for.")
}

const GROUPED_BY: [&str; 7] = ["reason", "error", "type", "tenant", "endpoint", "subscription", "hour"];

/// Defines a delivery with whose it is and where it goes, as lists show it and with its requests.
macro_rules! operated {
    ($($(#[$attribute:meta])* $field:ident: $kind:ty,)*) => {
        /// A delivery with whose it is and where it goes.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct OperatedDelivery { $($(#[$attribute])* pub $field: $kind,)* }

        /// A delivery with its requests.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct OperatedDeliveryWithAttempts {
            $($(#[$attribute])* pub $field: $kind,)*
            pub attempts: Vec<Attempt>,
        }
    };
}

operated! {
    /// The `webhook-id` of all its requests.
    #[schema(pattern = "^msg_[0-9a-f]{32}_[0-9a-f]{32}$")]
    id: String,
    #[schema(pattern = "^evt_[0-9a-f]{32}$")]
    event_id: String,
    #[schema(format = "uuid")]
    organization_id: String,
    #[schema(format = "uuid")]
    subscription_id: String,
    /// `partner`, `platform`, `lex`; `null` when the subscription is forgotten, as the next two.
    #[schema(required = true)]
    family: Option<String>,
    #[schema(required = true)]
    subscription_status: Option<String>,
    /// Without query and user information.
    #[schema(required = true)]
    url: Option<String>,
    event_type: String,
    #[schema(schema_with = words::delivery_status)]
    status: String,
    /// Of a dead letter: `exhausted`, `rejected`, `expired`.
    #[schema(required = true)]
    reason: Option<String>,
    #[schema(minimum = 0)]
    attempt_count: i64,
    /// Of the last request, if there was an answer.
    #[schema(required = true)]
    response_code: Option<i64>,
    /// Why the last request failed.
    #[schema(required = true)]
    error: Option<String>,
    /// When it is due, or was.
    #[schema(format = "date-time")]
    scheduled_for: String,
    #[schema(required = true, format = "date-time")]
    delivered_at: Option<String>,
    #[schema(required = true, format = "date-time")]
    ended_at: Option<String>,
    #[schema(format = "date-time")]
    created_at: String,
    /// How often it was brought back after it had ended.
    #[schema(minimum = 0)]
    replays: i64,
    /// Of the request that made the event.
    #[schema(required = true)]
    trace_id: Option<String>,
}

/// One request of a delivery.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Attempt {
    /// From 1, within a replay.
    #[schema(minimum = 1)]
    pub attempt: i64,
    #[schema(minimum = 0)]
    pub replay: i64,
    #[schema(format = "date-time")]
    pub started_at: String,
    #[schema(minimum = 0)]
    pub duration_ms: i64,
    #[schema(required = true)]
    pub response_code: Option<i64>,
    #[schema(required = true)]
    pub error: Option<String>,
    /// What was sent, in its order; they follow from the delivery and the subscription as it is now. Empty when
    /// that is forgotten.
    pub request_headers: Vec<RequestHeader>,
}

/// A header of a request.
#[derive(ToSchema)]
pub struct RequestHeader {
    /// In lower case.
    pub name: String,
    /// `null`: not kept, as signatures are, and the span within the trace.
    #[schema(required = true)]
    pub value: Option<String>,
}

/// A page of deliveries.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OperatedDeliveryPage {
    pub data: Vec<OperatedDelivery>,
    /// Goes on behind this page; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Deliveries, counted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Statistics {
    /// What they are counted by.
    #[schema(schema_with = grouped_by)]
    pub by: String,
    /// The largest first.
    pub data: Vec<Group>,
    /// Of these groups.
    #[schema(minimum = 0)]
    pub total: i64,
    #[schema(required = true, format = "date-time")]
    pub oldest: Option<String>,
    #[schema(minimum = 0)]
    pub last_hour: i64,
}

fn grouped_by() -> utoipa::openapi::schema::Object {
    one_of(GROUPED_BY)
}

/// Deliveries that have something in common.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Group {
    pub key: String,
    #[schema(minimum = 1)]
    pub count: i64,
    /// When the first of them ended; of pending ones, when it was made.
    #[schema(format = "date-time")]
    pub oldest: String,
    #[schema(format = "date-time")]
    pub newest: String,
    /// Those of the last hour.
    #[schema(minimum = 0)]
    pub last_hour: i64,
}

/// Defines an event, as lists show it and with its deliveries.
macro_rules! operated_event {
    ($($(#[$attribute:meta])* $field:ident: $kind:ty,)*) => {
        /// An event without what it carries.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct OperatedEvent { $($(#[$attribute])* pub $field: $kind,)* }

        /// An event with its deliveries.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct OperatedEventWithDeliveries {
            $($(#[$attribute])* pub $field: $kind,)*
            /// At most 1,000.
            pub deliveries: Vec<OperatedDelivery>,
        }
    };
}

operated_event! {
    #[schema(pattern = "^evt_[0-9a-f]{32}$")]
    id: String,
    #[schema(format = "uuid")]
    organization_id: String,
    event_type: String,
    /// `intake`, `crm`, `ingest:<app>`, `lex`, `webhook`.
    source: String,
    /// The id of what it speaks of: a lead, a record, a worker, a subscription. `null` in events from before this
    /// was kept.
    #[schema(required = true)]
    subject: Option<String>,
    #[schema(format = "date-time")]
    occurred_at: String,
    /// When it was matched to subscriptions.
    #[schema(format = "date-time")]
    received_at: String,
    /// Of the request that made it.
    #[schema(required = true)]
    trace_id: Option<String>,
    /// `X-Request-Id` of that request. `null` where it was made by no request.
    #[schema(required = true)]
    request_id: Option<String>,
    /// Whether its publisher is told how its deliveries end.
    tracked: bool,
    /// When that was.
    #[schema(required = true, format = "date-time")]
    settled_at: Option<String>,
    #[schema(required = true, format = "date-time")]
    expires_at: Option<String>,
    /// It waits for a subscription of its receiver.
    waits_for_subscription: bool,
}

/// A page of events.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OperatedEventPage {
    pub data: Vec<OperatedEvent>,
    /// Goes on behind this page; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}
