//! What applications send, and what they are told.

use crate::openapi::schema;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

fn type_name() -> Object {
    schema::matching("^[A-Za-z0-9][A-Za-z0-9_.-]{1,62}[A-Za-z0-9]$")
}

/// Whose the key is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PingResponse {
    pub ok: bool,
    pub organization_id: String,
    pub app: App,
}

/// The application of a key.
#[derive(ToSchema)]
pub struct App {
    pub id: String,
    /// Its events have the source `custom:<slug>`.
    pub slug: String,
    /// For people.
    pub name: String,
}

/// Events, in the order in which they are taken.
#[derive(ToSchema)]
pub struct EventBatch {
    #[schema(min_items = 1, max_items = 500)]
    pub events: Vec<Event>,
}

/// Something that a worker did. A field that is null counts as left out; members that are not named here are ignored;
/// one that appears twice is refused.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Event {
    /// 3 to 64 characters. Subscribers get it under this type.
    #[schema(schema_with = type_name)]
    pub event_type: String,
    pub category: EventCategory,
    /// When it happened; when it was received, if nothing is said. Kept to the microsecond.
    #[schema(format = DateTime)]
    pub timestamp: Option<String>,
    /// Seconds.
    #[schema(minimum = 0, maximum = 86_400)]
    pub duration: Option<i64>,
    pub actor: Actor,
    /// At most 16,384 bytes of compact JSON; kept byte for byte.
    #[schema(schema_with = maybe_object, required = false)]
    pub metadata: (),
}

/// What it was about.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum EventCategory {
    Communication,
    ProjectManagement,
    Code,
    Calendar,
    Design,
    AiTools,
    Other,
}

pub fn maybe_object() -> Object {
    let mut object = schema::any_object();
    object.schema_type = [Type::Object, Type::Null].into_iter().collect();
    object
}

/// Which worker is meant.
pub struct Actor;

impl PartialSchema for Actor {
    fn schema() -> RefOr<Schema> {
        let words = |longest, about| {
            let mut object = ObjectBuilder::new().max_length(longest).description(Some(about)).build();
            object.schema_type = [Type::String, Type::Null].into_iter().collect();
            object
        };
        let any_case =
            "The same for every application of the organisation, in any case; at most 254 characters.";
        let mut email = words(None, any_case);
        email.format = schema::email().format;
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .min_properties(Some(1))
            .description(Some(
                "Which worker is meant: `workerId`, else `externalId`, else `email`. Somebody whom nobody has named \
                 before becomes a worker, unless a `workerId` is there. An empty text says nothing.",
            ))
            .property("workerId", words(None, "A worker of the organisation; any other is `worker_not_found`."))
            .property("externalId", words(Some(200), "The application's own name for the worker."))
            .property("email", email)
            .property("displayName", words(Some(200), "Shown where none is known yet."))
            .into()
    }
}

impl ToSchema for Actor {}

/// What became of a batch.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BatchResponse {
    pub request_id: String,
    #[schema(schema_with = schema::count)]
    pub accepted: i64,
    #[schema(schema_with = schema::count)]
    pub rejected: i64,
    /// The most events that a batch may have.
    #[schema(schema_with = schema::count)]
    pub batch_limit: i64,
    pub results: BatchResults,
}

/// Both in the order of the batch.
#[derive(ToSchema)]
pub struct BatchResults {
    pub accepted: Vec<AcceptedEvent>,
    pub rejected: Vec<RejectedEvent>,
}

/// An event that is stored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AcceptedEvent {
    pub event_type: String,
    #[schema(schema_with = schema::date_time)]
    pub timestamp: String,
}

/// An event that is not.
#[derive(ToSchema)]
pub struct RejectedEvent {
    /// Its place in the batch, from 0.
    #[schema(schema_with = schema::count)]
    pub index: i64,
    /// `invalid_body`, `forbidden_event_type`, `missing_actor`, `worker_not_found` or `plan_limit`.
    #[schema(schema_with = rejections)]
    pub code: String,
    pub message: String,
}

fn rejections() -> Object {
    schema::one_of([
        "invalid_body",
        "forbidden_event_type",
        "missing_actor",
        "worker_not_found",
        "plan_limit",
    ])
}

/// Metrics of a worker at a moment. A field that is null counts as left out.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Snapshot {
    /// 3 to 64 characters.
    #[schema(schema_with = type_name)]
    pub snapshot_type: String,
    /// Of which moment; that of the receipt, if nothing is said.
    #[schema(format = DateTime)]
    pub timestamp: Option<String>,
    pub actor: Actor,
    /// By their names, of 1 to 200 characters each; at most 16,384 bytes of compact JSON in all.
    pub metrics: std::collections::BTreeMap<String, Metric>,
    /// At most 16,384 bytes of compact JSON.
    #[schema(schema_with = maybe_object, required = false)]
    pub metadata: (),
}

/// A number, a text, or a number with its unit.
pub enum Metric {
    Number(f64),
    Text(String),
    Measured(Measured),
}

impl PartialSchema for Metric {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .description(Some("A number, a text of at most 200 characters, or a number with its unit."))
            .item(Object::with_type(Type::Number))
            .item(schema::text())
            .item(Ref::from_schema_name(Measured::name()))
            .into()
    }
}

impl ToSchema for Metric {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Measured::name().into_owned(), Measured::schema()));
        Measured::schemas(schemas);
    }
}

/// A number with its unit.
#[derive(ToSchema)]
pub struct Measured {
    #[schema(nullable = false)]
    pub value: Option<f64>,
    #[schema(nullable = false)]
    pub unit: Option<Unit>,
    /// At most 200 characters.
    #[schema(nullable = false)]
    pub label: Option<String>,
}

/// What a metric is counted in.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Unit {
    Count,
    Minutes,
    Ratio,
    Percentage,
    Score,
}

/// A snapshot that is stored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SnapshotResponse {
    pub request_id: String,
    pub ok: bool,
    pub snapshot_type: String,
    pub worker: SnapshotWorker,
}

/// Whom it was found to be about.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SnapshotWorker {
    pub id: String,
    #[schema(nullable = false)]
    pub display_name: Option<String>,
}
