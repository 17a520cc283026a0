//! Webhook subscriptions of partners, and what was delivered to them.

use super::{SLUG, slug};
use crate::openapi::operation::{Document, Operation, json, operation};
use crate::openapi::schema;
use utoipa::ToSchema;
use utoipa::openapi::schema::{
    Array, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};

const ALL: &str = "/api/v1/partners/{partner_slug}/webhook-subscriptions";
const ONE: &str = "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}";
const ROTATE: &str = "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/rotate-secret";
const TEST: &str = "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/test";
const RECOVER: &str = "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/recover";
const LOG: &str = "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/deliveries";
const RETRY: &str =
    "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/deliveries/{delivery_id}/retry";

/// Where events go, and which.
#[derive(ToSchema)]
pub struct WebhookSubscriptionCreate {
    /// `https` alone, to an address that is not private, local or reserved, without user info; at most 2,048
    /// characters. Redirects are not followed; an answer must come within 10 seconds.
    #[schema(schema_with = url)]
    pub url: String,
    /// What is wanted: a type (`lead.created`), all that begin alike (`lead.*`), everything (`*`). Filters that are
    /// said twice count once.
    #[schema(schema_with = filters)]
    pub events: Vec<String>,
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Requests per second; none for as many as there are.
    #[schema(minimum = 1, maximum = 1_000)]
    pub rate_limit: Option<i64>,
}

fn url() -> Object {
    let mut url = schema::uri();
    url.max_length = Some(2_048);
    url
}

fn filters() -> Array {
    let mut filter = schema::matching(r"^(\*|[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*(\.\*)?)$");
    filter.max_length = Some(255);
    ArrayBuilder::new().items(filter).min_items(Some(1)).max_items(Some(100)).build()
}

/// What is to become different (RFC 7396): what is left out stays, null clears what may be absent.
#[derive(ToSchema)]
pub struct WebhookSubscriptionChange {
    #[schema(schema_with = url, required = false)]
    pub url: String,
    #[schema(schema_with = filters, required = false)]
    pub events: Vec<String>,
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// `false` holds deliveries back until it is `true` again, which also enables one that was disabled.
    #[schema(nullable = false)]
    pub active: Option<bool>,
    /// Requests per second; none for as many as there are.
    #[schema(minimum = 1, maximum = 1_000)]
    pub rate_limit: Option<i64>,
}

/// A subscription.
#[derive(ToSchema)]
pub struct WebhookSubscription {
    #[schema(schema_with = schema::uuid)]
    pub id: String,
    #[schema(schema_with = schema::uri)]
    pub url: String,
    #[schema(min_items = 1)]
    pub events: Vec<String>,
    #[schema(nullable = false, max_length = 500)]
    pub description: Option<String>,
    /// Requests per second.
    #[schema(nullable = false)]
    pub rate_limit: Option<i64>,
    /// What deliveries are signed with: `X-Fulfillment-Signature` is the hex HMAC-SHA256 of the raw body under these
    /// very characters. Whole in the answer to the creation and to a rotation; otherwise its beginning and `…`.
    pub hmac_secret: String,
    /// Until when the secret before signs as well, in `X-Fulfillment-Signature-Previous`.
    #[schema(schema_with = schema::date_time, required = false)]
    pub previous_secret_until: (),
    /// `false` when it was paused, or disabled because its receiver is gone.
    pub active: bool,
    #[schema(schema_with = schema::date_time)]
    pub created_at: String,
    #[schema(required, format = DateTime)]
    pub last_success_at: Option<String>,
    #[schema(required, format = DateTime)]
    pub last_failure_at: Option<String>,
    /// Deliveries in a row that were given up.
    #[schema(schema_with = schema::count)]
    pub consecutive_failures: i64,
}

/// One subscription.
#[derive(ToSchema)]
pub struct WebhookSubscriptionEnvelope {
    #[schema(schema_with = schema::yes)]
    pub ok: bool,
    pub data: WebhookSubscription,
}

/// All subscriptions.
#[derive(ToSchema)]
pub struct WebhookSubscriptionList {
    #[schema(schema_with = schema::yes)]
    pub ok: bool,
    pub data: WebhookSubscriptions,
}

/// Oldest first.
#[derive(ToSchema)]
pub struct WebhookSubscriptions {
    pub items: Vec<WebhookSubscription>,
    #[schema(schema_with = schema::count)]
    pub count: i64,
}

/// How to rotate.
#[derive(ToSchema)]
pub struct Rotation {
    /// For how long the secret before signs as well; a day when nothing is said.
    #[schema(minimum = 0, maximum = 604_800)]
    pub overlap_seconds: Option<i64>,
}

/// Which deliveries are to be made again.
#[derive(ToSchema)]
pub struct RecoverRequest {
    /// Of events that were accepted at this time or later.
    #[schema(schema_with = schema::date_time)]
    pub since: String,
    /// And before this time; now when nothing is said.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// In which state they are; both when nothing is said.
    #[schema(schema_with = states, required = false)]
    pub status: (),
    /// Of events of this type alone.
    #[schema(min_length = 1, max_length = 255)]
    #[schema(rename = "type")]
    pub kind: Option<String>,
    /// Of dead letters that became so for this reason.
    #[schema(schema_with = reason, required = false)]
    pub reason: (),
}

const RECOVERABLE: [&str; 2] = ["dead_letter", "skipped_disabled"];

fn states() -> Schema {
    let list =
        ArrayBuilder::new().items(schema::one_of(RECOVERABLE)).min_items(Some(1)).max_items(Some(2)).build();
    let nothing = Object::with_type(Type::Null);
    Schema::OneOf(OneOfBuilder::new().item(schema::one_of(RECOVERABLE)).item(list).item(nothing).build())
}

fn reason() -> Object {
    let words = ["exhausted", "rejected", "expired"].map(serde_json::Value::from).into_iter();
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(words.chain([serde_json::Value::Null])))
        .build()
}

/// A recovery that has begun.
#[derive(ToSchema)]
pub struct RecoveryEnvelope {
    #[schema(schema_with = schema::yes)]
    pub ok: bool,
    pub data: Recovery,
}

/// What is made again.
#[derive(ToSchema)]
pub struct Recovery {
    #[schema(schema_with = schema::uuid)]
    pub id: String,
    #[schema(schema_with = schema::date_time)]
    pub since: String,
    #[schema(schema_with = schema::date_time)]
    pub until: String,
    #[schema(schema_with = listed_states)]
    pub status: Vec<String>,
    /// Deliveries that are due again already.
    #[schema(schema_with = schema::count)]
    pub recovered: i64,
    /// Whether these are all; otherwise the rest follows by itself.
    pub done: bool,
}

fn listed_states() -> Array {
    Array::new(schema::one_of(RECOVERABLE))
}

/// A page of deliveries.
#[derive(ToSchema)]
pub struct DeliveryList {
    #[schema(schema_with = schema::yes)]
    pub ok: bool,
    pub data: DeliveryPage,
}

/// Newest event first.
#[derive(ToSchema)]
pub struct DeliveryPage {
    pub items: Vec<Delivery>,
    #[schema(schema_with = schema::count)]
    pub count: i64,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// One delivery.
#[derive(ToSchema)]
pub struct DeliveryEnvelope {
    #[schema(schema_with = schema::yes)]
    pub ok: bool,
    pub data: Delivery,
}

/// What became of an event on its way to a subscription.
#[derive(ToSchema)]
pub struct Delivery {
    /// The `webhook-id` that the receiver sees, the same at every attempt.
    pub id: String,
    #[schema(schema_with = schema::uuid)]
    pub event_id: String,
    pub event_type: String,
    pub status: DeliveryStatus,
    #[schema(schema_with = schema::count)]
    pub attempt_count: i64,
    /// Of the last attempt that was answered.
    #[schema(required)]
    pub response_code: Option<i64>,
    /// Of the last attempt.
    #[schema(required)]
    pub error: Option<String>,
    /// When the next attempt is due.
    #[schema(required, format = DateTime)]
    pub scheduled_for: Option<String>,
    #[schema(required, format = DateTime)]
    pub delivered_at: Option<String>,
    #[schema(schema_with = schema::date_time)]
    pub created_at: String,
}

/// How far a delivery has come. The last four are ends; `dead_letter` and `skipped_disabled` can be recovered.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Pending,
    Delivered,
    DeadLetter,
    /// The subscription was disabled.
    SkippedDisabled,
    /// The subscription was deleted.
    Cancelled,
}

/// Adds the operations.
pub fn add(document: Document) -> Document {
    document
        .and(create())
        .and(list())
        .and(get())
        .and(change())
        .and(delete())
        .and(rotate())
        .and(test())
        .and(recover())
        .and(log())
        .and(retry())
}

fn of_partner(method: &'static str, template: &'static str, id: &str, scope: &str) -> Operation {
    operation(method, template, "webhooks", id)
        .scope(format!("<partner_slug>:webhooks:{scope}"))
        .path("partner_slug", slug(), SLUG)
        .refuses(422, "The slug or a field is malformed; each is named.")
}

fn of_subscription(method: &'static str, template: &'static str, id: &str, scope: &str) -> Operation {
    of_partner(method, template, id, scope)
        .path("subscription_id", schema::text(), "The subscription's id. A malformed one is 404.")
        .refuses(404, "The partner has no such subscription.")
}

fn create() -> Operation {
    of_partner("POST", ALL, "createWebhookSubscription", "write")
        .summary("Subscribes")
        .about("The secret is shown whole here, and never again.")
        .takes([json::<WebhookSubscriptionCreate>()])
        .answers(201, "The subscription.", [json::<WebhookSubscriptionEnvelope>()])
        .refuses(409, "`CONFLICT`: the partner has as many subscriptions as it may have.")
}

fn list() -> Operation {
    of_partner("GET", ALL, "listWebhookSubscriptions", "read").summary("Subscriptions, oldest first").answers(
        200,
        "All of them.",
        [json::<WebhookSubscriptionList>()],
    )
}

fn get() -> Operation {
    of_subscription("GET", ONE, "getWebhookSubscription", "read").summary("A subscription").answers(
        200,
        "The subscription.",
        [json::<WebhookSubscriptionEnvelope>()],
    )
}

fn change() -> Operation {
    of_subscription("PATCH", ONE, "changeWebhookSubscription", "write")
        .summary("Changes, pauses or enables a subscription")
        .takes([json::<WebhookSubscriptionChange>()])
        .answers(200, "The subscription as it is then.", [json::<WebhookSubscriptionEnvelope>()])
}

fn delete() -> Operation {
    of_subscription("DELETE", ONE, "deleteWebhookSubscription", "write")
        .summary("Ends a subscription")
        .answers(204, "It is gone; deliveries that were pending are cancelled.", [])
}

fn rotate() -> Operation {
    of_subscription("POST", ROTATE, "rotateWebhookSecret", "write")
        .summary("Gives a subscription a new secret")
        .about("Both sign until the overlap is over. The new one is shown whole here, and never again.")
        .may_take([json::<Rotation>()])
        .answers(200, "The subscription.", [json::<WebhookSubscriptionEnvelope>()])
}

fn test() -> Operation {
    of_subscription("POST", TEST, "testWebhookSubscription", "write")
        .summary("Sends an event of type `webhook.test`")
        .answers(202, "Its delivery.", [json::<DeliveryEnvelope>()])
        .refuses(409, "`CONFLICT`: the subscription is not active.")
}

fn recover() -> Operation {
    of_subscription("POST", RECOVER, "recoverDeliveries", "write")
        .summary("Makes deliveries again that were given up or skipped")
        .takes([json::<RecoverRequest>()])
        .answers(202, "It has begun.", [json::<RecoveryEnvelope>()])
        .refuses(409, "`CONFLICT`: the subscription is disabled, or is being recovered already.")
}

fn log() -> Operation {
    of_subscription("GET", LOG, "listDeliveries", "read")
        .summary("Deliveries, newest event first")
        .query("limit", schema::between_or(1, 100, 50), "Deliveries of a page.")
        .query("cursor", schema::text(), "`next_cursor` of the page before, of the same subscription.")
        .answers(200, "A page.", [json::<DeliveryList>()])
}

fn retry() -> Operation {
    of_subscription("POST", RETRY, "retryDelivery", "write")
        .summary("Makes a delivery again now")
        .path("delivery_id", schema::text(), "The delivery's id.")
        .answers(202, "The delivery, which is due now.", [json::<DeliveryEnvelope>()])
        .refuses(404, "The partner has no such subscription, or that no such delivery.")
        .refuses(409, "`CONFLICT`: the subscription is disabled.")
}
