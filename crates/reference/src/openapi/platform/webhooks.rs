//! `/api/v1/api-clients/{id}/webhooks` and what is below one of them, `/api/v1/webhook-events`.

use super::common::{Common, Pagination};
use super::words;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{one_of, text_up_to, uuid};
use contracts::webhook_events::WEBHOOK_EVENTS;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, OneOfBuilder, Schema};

const TAG: &str = "Webhooks";
const ALL: &str = "/api/v1/api-clients/{id}/webhooks";
const ONE: &str = "/api/v1/api-clients/{id}/webhooks/{webhookId}";

pub fn operations() -> Vec<Operation> {
    let mut all = vec![
        operation("GET", "/api/v1/webhook-events", TAG, "listWebhookEvents")
            .summary("List the types of events")
            .about("Any other type may be subscribed to as well: those of ingested events are the applications' own.")
            .answers(200, "The types.", [json::<WebhookEvents>()]),
        operation("POST", ALL, TAG, "createWebhook")
            .summary("Subscribe to events")
            .about(
                "Every event that is accepted after the answer reaches the webhook. The secret is shown this once. A client has \
                 at most 100 subscriptions, those of other surfaces included.",
            )
            .scope("webhooks:write")
            .of_client()
            .takes([json::<WebhookCreate>()])
            .answers(201, "The webhook with its whole secret, for the only time.", [json::<Webhook>()])
            .may_conflict("the client has 100 subscriptions"),
        operation("GET", ALL, TAG, "listWebhooks")
            .summary("List the webhooks of a client")
            .scope("webhooks:read")
            .of_client()
            .query("status", words::webhook_status_in_any_case(), "Only webhooks of this status.")
            .paged()
            .query("sortBy", one_of(["createdAt"]), "By what.")
            .query("sortOrder", words::sort_order(), "`desc` when nothing is said.")
            .answers(200, "A page of webhooks.", [json::<WebhookPage>()]),
        of_webhook(operation("GET", ONE, TAG, "getWebhook"))
            .summary("Show a webhook")
            .scope("webhooks:read")
            .answers(200, "The webhook, with the beginning of its secret.", [json::<Webhook>()]),
        of_webhook(operation("PUT", ONE, TAG, "updateWebhook"))
            .summary("Change a webhook")
            .about(
                "What is left out stays, `retryConfig` field by field; `null` clears what may be absent. `PAUSED` holds \
                 deliveries back until it is `ACTIVE` again; `DISABLED` skips them, to be recovered.",
            )
            .scope("webhooks:write")
            .takes([json::<WebhookUpdate>()])
            .answers(200, "The webhook as it is now.", [json::<Webhook>()]),
        of_webhook(operation("DELETE", ONE, TAG, "deleteWebhook"))
            .summary("Delete a webhook")
            .scope("webhooks:write")
            .answers(204, "It is gone; what was pending is cancelled.", []),
    ];
    all.extend(below_one());
    all
}

fn below_one() -> [Operation; 5] {
    const ROTATE: &str = "/api/v1/api-clients/{id}/webhooks/{webhookId}/rotate-secret";
    const TEST: &str = "/api/v1/api-clients/{id}/webhooks/{webhookId}/test";
    const RECOVER: &str = "/api/v1/api-clients/{id}/webhooks/{webhookId}/recover";
    const DELIVERIES: &str = "/api/v1/api-clients/{id}/webhooks/{webhookId}/deliveries";
    const RETRY: &str = "/api/v1/api-clients/{id}/webhooks/{webhookId}/deliveries/{deliveryId}/retry";
    [
        of_webhook(operation("POST", ROTATE, TAG, "rotateWebhookSecret"))
            .summary("Give a webhook a new secret")
            .about("Until the overlap is over requests are signed with both.")
            .scope("webhooks:write")
            .may_take([json::<WebhookOverlap>()])
            .answers(200, "The webhook with its whole new secret, for the only time.", [json::<Webhook>()]),
        of_webhook(operation("POST", TEST, TAG, "testWebhook"))
            .summary("Send a test event")
            .about("Its type is `webhook.test`; it is delivered, retried and logged like any other.")
            .scope("webhooks:write")
            .answers(202, "The delivery.", [json::<Delivery>()])
            .may_conflict("the webhook is not `ACTIVE`"),
        of_webhook(operation("POST", RECOVER, TAG, "recoverWebhook"))
            .summary("Bring back deliveries that ended badly")
            .about("Those of events of a stretch of time, at the webhook's rate or a hundred a second.")
            .scope("webhooks:write")
            .takes([json::<Recover>()])
            .answers(202, "What is brought back, and how much of it is due already.", [json::<Recovery>()])
            .may_conflict("the webhook is disabled, or a recovery of it is under way"),
        of_webhook(operation("GET", DELIVERIES, TAG, "listWebhookDeliveries"))
            .summary("List the deliveries of a webhook")
            .about("Newest event first, with the body that is sent; of the last 35 days.")
            .scope("webhooks:read")
            .walked()
            .answers(200, "A page of deliveries.", [json::<WebhookDeliveryPage>()]),
        of_webhook(operation("POST", RETRY, TAG, "retryWebhookDelivery"))
            .summary("Try a delivery again now")
            .about("It keeps its id; one that had ended has all its tries before it again.")
            .scope("webhooks:write")
            .path("deliveryId", text_up_to(128), "The delivery: its `webhook-id`.")
            .answers(202, "The delivery, which is due now.", [json::<Delivery>()])
            .may_be_missing("delivery")
            .may_conflict("the webhook is disabled; make it `ACTIVE` first"),
    ]
}

fn of_webhook(operation: Operation) -> Operation {
    operation.of_client().path("webhookId", uuid(), "The webhook.").may_be_missing("webhook")
}

/// The types of events that are published.
#[derive(ToSchema)]
pub struct WebhookEvents {
    #[schema(schema_with = event_types)]
    pub data: Vec<String>,
}

fn event_types() -> Array {
    Array::new(one_of(WEBHOOK_EVENTS))
}

/// A new webhook.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookCreate {
    /// `https`, port 443 or from 1024, without user information, at a public address. Redirects are not followed.
    #[schema(min_length = 1, max_length = 2048, format = "uri", example = "https://example.com/webhooks")]
    pub url: String,
    #[schema(min_items = 1, max_items = 100, example = json!(["lead.created", "policy.*"]))]
    pub events: Vec<EventFilter>,
    #[schema(schema_with = words::webhook_status_in_any_case, required = false)]
    pub status: Option<String>,
    pub retry_config: Option<RetryConfigInput>,
    /// Requests per second at most; `null`: as many as there are.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit: Option<i64>,
    #[schema(schema_with = words::metadata, required = false)]
    pub metadata: Option<String>,
}

/// A change of a webhook.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookUpdate {
    #[schema(min_length = 1, max_length = 2048, format = "uri", nullable = false)]
    pub url: Option<String>,
    #[schema(min_items = 1, max_items = 100, nullable = false)]
    pub events: Option<Vec<EventFilter>>,
    #[schema(schema_with = words::webhook_status_in_any_case, required = false)]
    pub status: Option<String>,
    pub retry_config: Option<RetryConfigInput>,
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit: Option<i64>,
    #[schema(schema_with = words::metadata, required = false)]
    pub metadata: Option<String>,
}

/// A type of events (`lead.created`), all of a group (`lead.*`), or all (`*`). Those that begin with `webhook.` reach only
/// whom names them exactly.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 255, pattern = r"^(\*|[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*(\.\*)?)$")]
pub struct EventFilter(pub String);

/// What becomes of a delivery that failed. 4xx other than 408, 425 and 429 are not retried.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", as = RetryConfigInput)]
pub struct RetryConfigInput {
    /// After the first attempt.
    #[schema(minimum = 0, maximum = 10, default = 3)]
    pub max_retries: Option<i64>,
    /// The pause after the first attempt, in seconds.
    #[schema(minimum = 1, maximum = 3600, default = 60)]
    pub retry_delay: Option<i64>,
    /// By how much each pause is longer than the one before; none may be longer than a day.
    #[schema(minimum = 1, maximum = 10, default = 2)]
    pub backoff_multiplier: Option<f64>,
    /// For one request and its whole answer, in seconds.
    #[schema(minimum = 1, maximum = 30, default = 30)]
    pub timeout: Option<i64>,
}

/// A webhook.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Webhook {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "uuid")]
    pub client_id: String,
    pub url: String,
    /// What requests are signed with: whole when it is new, otherwise its beginning and `…`.
    #[schema(example = "whsec_…")]
    pub secret: String,
    pub events: Vec<String>,
    #[schema(schema_with = words::webhook_status)]
    pub status: String,
    pub retry_config: RetryConfig,
    /// Requests per second at most.
    #[schema(required = true)]
    pub rate_limit: Option<i64>,
    #[schema(schema_with = words::metadata, required = true)]
    pub metadata: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// Until when the secret before this one is used as well.
    #[schema(format = "date-time", nullable = false)]
    pub previous_secret_until: Option<String>,
}

/// What becomes of a delivery that failed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RetryConfig {
    #[schema(minimum = 0, maximum = 10)]
    pub max_retries: i64,
    /// Seconds.
    #[schema(minimum = 1, maximum = 3600)]
    pub retry_delay: i64,
    #[schema(minimum = 1, maximum = 10)]
    pub backoff_multiplier: f64,
    /// Seconds.
    #[schema(minimum = 1, maximum = 30)]
    pub timeout: i64,
}

/// A webhook as lists show it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookRow {
    #[schema(format = "uuid")]
    pub id: String,
    pub url: String,
    pub events: Vec<String>,
    #[schema(schema_with = words::webhook_status)]
    pub status: String,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(rename = "_count")]
    pub count: DeliveryCount,
}

/// How much a webhook got.
#[derive(ToSchema)]
pub struct DeliveryCount {
    /// Of all time.
    #[schema(minimum = 0)]
    pub deliveries: i64,
}

/// A page of webhooks.
#[derive(ToSchema)]
pub struct WebhookPage {
    pub data: Vec<WebhookRow>,
    pub pagination: Pagination,
}

/// How a secret is replaced.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookOverlap {
    /// For how many seconds the old secret is used besides the new one; a day when nothing is said.
    #[schema(minimum = 0, maximum = 604_800, default = 86_400)]
    pub overlap_seconds: Option<i64>,
}

/// A delivery: one event on its way to one webhook.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Delivery {
    /// The `webhook-id` of all its requests.
    #[schema(pattern = "^msg_[0-9a-f]{32}_[0-9a-f]{32}$")]
    pub id: String,
    #[schema(format = "uuid")]
    pub subscription_id: String,
    pub event_type: String,
    #[schema(schema_with = words::delivery_status)]
    pub status: String,
    /// Requests so far.
    #[schema(minimum = 0)]
    pub attempt_count: i64,
    /// Of the last request, if there was an answer.
    #[schema(required = true)]
    pub response_code: Option<i64>,
    /// Why the last request failed.
    #[schema(required = true)]
    pub error: Option<String>,
    /// When it is due, or was.
    #[schema(format = "date-time")]
    pub scheduled_for: String,
    #[schema(required = true, format = "date-time")]
    pub delivered_at: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
}

/// A delivery with the body that is sent.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookDelivery {
    #[schema(pattern = "^msg_[0-9a-f]{32}_[0-9a-f]{32}$")]
    pub id: String,
    #[schema(format = "uuid")]
    pub subscription_id: String,
    pub event_type: String,
    pub payload: WebhookBody,
    #[schema(schema_with = words::delivery_status)]
    pub status: String,
    #[schema(minimum = 0)]
    pub attempt_count: i64,
    #[schema(required = true)]
    pub response_code: Option<i64>,
    #[schema(required = true)]
    pub error: Option<String>,
    #[schema(format = "date-time")]
    pub scheduled_for: String,
    #[schema(required = true, format = "date-time")]
    pub delivered_at: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
}

/// What a webhook gets.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookBody {
    /// The event.
    #[schema(pattern = "^evt_[0-9a-f]{32}$")]
    pub id: String,
    pub event_type: String,
    #[schema(format = "date-time")]
    pub timestamp: String,
    /// `intake`, `crm`, `ingest:<app>`, `webhook`.
    pub source: String,
    /// What the event says; its schema is that of its type.
    pub data: Map<String, Value>,
    /// Of this form.
    #[schema(example = "1.0")]
    pub version: String,
}

/// A page of deliveries.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebhookDeliveryPage {
    pub data: Vec<WebhookDelivery>,
    /// Goes on behind this page; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Which deliveries are brought back.
#[derive(ToSchema)]
pub struct Recover {
    /// Of events from then on; within the last 35 days.
    #[schema(format = "date-time")]
    pub since: String,
    /// Of events up to then; now when nothing is said.
    #[schema(format = "date-time")]
    pub until: Option<String>,
    #[schema(schema_with = recoverable, required = false)]
    pub status: Option<String>,
    /// Only events of this type.
    #[schema(rename = "type", min_length = 1, max_length = 255)]
    pub kind: Option<String>,
    #[schema(schema_with = reason_or_null, required = false)]
    pub reason: Option<String>,
}

fn recoverable() -> Schema {
    let list =
        ArrayBuilder::new().items(words::recoverable_in_any_case()).min_items(Some(1)).max_items(Some(2));
    let one = words::or_null(words::recoverable_in_any_case());
    Schema::OneOf(
        OneOfBuilder::new()
            .description(Some("One status or a list of them; both when nothing is said."))
            .item(one)
            .item(list.build())
            .build(),
    )
}

fn reason_or_null() -> Object {
    let reasons = words::or_null(words::in_any_case(&["EXHAUSTED", "REJECTED", "EXPIRED"]));
    words::about(reasons, "Only dead letters that were given up for this.")
}

/// A recovery as it was begun.
#[derive(ToSchema)]
pub struct Recovery {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "date-time")]
    pub since: String,
    #[schema(format = "date-time")]
    pub until: String,
    #[schema(schema_with = recovered_states)]
    pub status: Vec<String>,
    /// How many are due already.
    #[schema(minimum = 0)]
    pub recovered: i64,
    /// Whether these are all; otherwise more follow by themselves.
    pub done: bool,
}

fn recovered_states() -> Array {
    Array::new(words::recoverable())
}
