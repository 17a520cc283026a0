//! Subscriptions to messages, and what is delivered to them.

use super::super::schema;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

/// A new subscription. Unknown fields are ignored, names said twice count once.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubscriptionRequest {
    #[schema(schema_with = events)]
    pub event_types: Vec<String>,
    pub filters: Option<SubscriptionFilters>,
    #[schema(schema_with = endpoint)]
    pub delivery_endpoint: String,
    #[schema(schema_with = format, required = false)]
    pub delivery_format: DeliveryFormat,
    /// What deliveries are signed with. Without one the exchange makes one, which `rotate-secret` shows.
    #[schema(min_length = 1, max_length = 256)]
    pub hmac_secret: Option<String>,
    /// Requests per second at most; as many as there are when nothing is said.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit: Option<i64>,
}

/// A change (RFC 7396): what is left out stays, filter by filter; `null` clears what may be absent.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubscriptionChange {
    #[schema(schema_with = events, required = false)]
    pub event_types: Vec<String>,
    pub filters: Option<SubscriptionFilters>,
    #[schema(schema_with = endpoint, required = false)]
    pub delivery_endpoint: String,
    pub delivery_format: Option<DeliveryFormat>,
    /// Requests per second at most.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit: Option<i64>,
    /// Of a paused subscription the deliveries wait.
    #[schema(schema_with = switch, required = false)]
    pub status: String,
}

/// Which messages: between filters all must match, within one any; an empty one matches everything. A region is `US`, or
/// `US-TX` for a state.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubscriptionFilters {
    #[schema(schema_with = names, required = false)]
    pub product_types: Option<Vec<String>>,
    #[schema(schema_with = names, required = false)]
    pub lead_statuses: Option<Vec<String>>,
    #[schema(schema_with = names, required = false)]
    pub regions: Option<Vec<String>>,
    #[schema(schema_with = names, required = false)]
    pub sender_ids: Option<Vec<String>>,
}

/// How messages are written.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryFormat {
    JsonEdi,
    XmlEdi,
}

/// A subscription, without its secret.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubscriptionRecord {
    #[schema(format = Uuid)]
    pub subscription_id: String,
    pub organization_id: String,
    pub event_types: Vec<String>,
    #[schema(schema_with = filters)]
    pub filters: SubscriptionFilters,
    pub delivery_endpoint: String,
    pub delivery_format: DeliveryFormat,
    pub status: SubscriptionStatus,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When a delivery last succeeded.
    #[schema(format = DateTime, nullable = false)]
    pub last_delivery_at: Option<String>,
    /// Deliveries that succeeded.
    #[schema(minimum = 0)]
    pub delivery_count: i64,
    /// Requests per second at most.
    #[schema(nullable = false)]
    pub rate_limit: Option<i64>,
    /// Until when deliveries are signed with the old secret besides.
    #[schema(format = DateTime, nullable = false)]
    pub previous_secret_until: Option<String>,
}

/// A subscription whose secret is new.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RotatedSubscription {
    /// The new secret, this once; absent when the caller chose it.
    #[schema(nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub hmac_secret: Option<String>,
    #[schema(format = Uuid)]
    pub subscription_id: String,
    pub organization_id: String,
    pub event_types: Vec<String>,
    #[schema(schema_with = filters)]
    pub filters: SubscriptionFilters,
    pub delivery_endpoint: String,
    pub delivery_format: DeliveryFormat,
    pub status: SubscriptionStatus,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime, nullable = false)]
    pub last_delivery_at: Option<String>,
    #[schema(minimum = 0)]
    pub delivery_count: i64,
    #[schema(nullable = false)]
    pub rate_limit: Option<i64>,
    /// Until when deliveries are signed with the old secret besides.
    #[schema(format = DateTime, nullable = false)]
    pub previous_secret_until: Option<String>,
}

/// `PAUSED` is what its owner paused and what the exchange gave up; `CANCELLED` what was deleted.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum SubscriptionStatus {
    Active,
    Paused,
    Cancelled,
}

#[derive(ToSchema)]
pub struct SubscriptionList {
    /// Oldest first.
    pub subscriptions: Vec<SubscriptionRecord>,
}

/// How the secret is renewed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RotateRequest {
    /// The new secret; one is made when none is sent.
    #[schema(min_length = 1, max_length = 256)]
    pub hmac_secret: Option<String>,
    /// For how many seconds deliveries are signed with the old one besides; a day when nothing is said.
    #[schema(minimum = 0, maximum = 604_800, default = 86_400)]
    pub overlap_seconds: Option<i64>,
}

/// Which deliveries are made again.
#[derive(ToSchema)]
pub struct RecoverRequest {
    /// Those of messages from this moment on; at most 35 days back.
    #[schema(format = DateTime)]
    pub since: String,
    /// Those of messages before this moment; until now when nothing is said.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    #[schema(schema_with = ended, required = false)]
    pub status: Vec<String>,
    /// Only events of this type.
    #[schema(min_length = 1, max_length = 255)]
    pub r#type: Option<String>,
    /// Only dead letters that were given up for this reason.
    #[schema(schema_with = reason, required = false)]
    pub reason: String,
}

/// A recovery as it was begun.
#[derive(ToSchema)]
pub struct Recovery {
    #[schema(format = Uuid)]
    pub id: String,
    #[schema(format = DateTime)]
    pub since: String,
    #[schema(format = DateTime)]
    pub until: String,
    #[schema(schema_with = recovered)]
    pub status: Vec<String>,
    /// Deliveries that are due again already.
    #[schema(minimum = 0)]
    pub recovered: i64,
    /// Whether these are all.
    pub done: bool,
}

/// A message on its way to a subscription.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Delivery {
    /// The `webhook-id` that the receiver sees.
    #[schema(example = "msg_018f3c0a7b6d7c6e8f90a1b2c3d4e5f6_018f3c0a7b6d7c6e8f90a1b2c3d4e5f7")]
    pub id: String,
    #[schema(format = Uuid)]
    pub subscription_id: String,
    pub event_type: String,
    pub status: DeliveryStatus,
    #[schema(minimum = 0)]
    pub attempt_count: i64,
    /// The status of the receiver's last answer.
    #[schema(required = true)]
    pub response_code: Option<i64>,
    /// What went wrong last.
    #[schema(required = true)]
    pub error: Option<String>,
    /// When it is tried next.
    #[schema(required = true, format = DateTime)]
    pub scheduled_for: Option<String>,
    #[schema(required = true, format = DateTime)]
    pub delivered_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// Where a delivery stands; everything but `PENDING` is an end.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    Pending,
    Delivered,
    DeadLetter,
    SkippedDisabled,
    Cancelled,
}

/// A page of deliveries.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeliveryList {
    /// Newest message first.
    pub deliveries: Vec<Delivery>,
    /// What to send as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// `null` stands for none.
fn names() -> Array {
    let name = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    let mut names = ArrayBuilder::new().items(name).max_items(Some(100)).build();
    names.schema_type = SchemaType::from_iter([Type::Array, Type::Null]);
    names
}

fn events() -> Array {
    const NAMES: [&str; 14] = [
        "LEAD_RECEIVED",
        "LEAD_CREATED",
        "LEAD_UPDATED",
        "LEAD_STATUS_CHANGED",
        "LEAD_CLOSED",
        "LEAD_ASSIGNED",
        "LEAD_REASSIGNED",
        "ASSET_ADDED",
        "ASSET_UPDATED",
        "ASSET_SOLD",
        "ASSET_REMOVED",
        "MESSAGE_FAILED",
        "MESSAGE_PROCESSED",
        "ALL",
    ];
    ArrayBuilder::new().items(schema::one_of(NAMES)).min_items(Some(1)).max_items(Some(100)).build()
}

/// Addresses are vetted besides: https, and no private, local or reserved address.
fn endpoint() -> Object {
    ObjectBuilder::new()
        .min_length(Some(1))
        .max_length(Some(2048))
        .description(Some(
            "Where deliveries are posted: https, without user-info, not to a private, local or reserved address.",
        ))
        .schema_type(Type::String)
        .format(schema::uri().format)
        .build()
}

fn format() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some([Some("JSON_EDI"), Some("XML_EDI"), None]))
        .default(Some("JSON_EDI".into()))
        .description(Some("How messages are written."))
        .build()
}

fn switch() -> Object {
    schema::one_of(["ACTIVE", "PAUSED"])
}

/// Those that are not empty.
fn filters() -> Object {
    let names = || Array::new(schema::text());
    ["productTypes", "leadStatuses", "regions", "senderIds"]
        .into_iter()
        .fold(ObjectBuilder::new().schema_type(Type::Object), |object, name| object.property(name, names()))
        .description(Some("Those that are not empty."))
        .build()
}

fn ended() -> Array {
    ArrayBuilder::new()
        .items(schema::one_of(["dead_letter", "skipped_disabled"]))
        .min_items(Some(1))
        .max_items(Some(2))
        .description(Some("How they ended; both when nothing is said. One word alone is taken as well."))
        .build()
}

fn recovered() -> Array {
    Array::new(schema::one_of(["DEAD_LETTER", "SKIPPED_DISABLED"]))
}

fn reason() -> Object {
    schema::one_of(["exhausted", "rejected", "expired"])
}
