//! What is answered to messages, and of messages.

use super::super::schema::any_object;
use serde_json::Value;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AnyOfBuilder, Array, ArrayBuilder, Object, ObjectBuilder, Ref, Schema, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// The message was accepted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MessageSubmitResponse {
    pub message_id: String,
    /// Always true.
    pub valid: bool,
    #[schema(format = DateTime)]
    pub processed_at: String,
    #[schema(minimum = 0)]
    pub processing_time_ms: i64,
    /// What the exchange would have liked better.
    pub warnings: Vec<ValidationIssue>,
    /// Whether the message had been accepted before, and nothing was done again.
    pub idempotent: bool,
}

/// The lead was accepted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LeadSubmitResponse {
    pub message_id: String,
    /// Always true.
    pub valid: bool,
    #[schema(format = DateTime)]
    pub processed_at: String,
    #[schema(minimum = 0)]
    pub processing_time_ms: i64,
    /// What the exchange would have liked better.
    pub warnings: Vec<ValidationIssue>,
    /// Whether the message had been accepted before, and nothing was done again.
    pub idempotent: bool,
    /// Absent when the message's name had been given to one of another type.
    #[schema(nullable = false)]
    pub lead_id: Option<String>,
    /// The receiver that the message names.
    #[schema(nullable = false)]
    pub routed_to: Option<String>,
}

/// The message, or the request, is not valid. Everything that is wrong is named.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ValidationFailureResponse {
    /// Empty for a request that has no message, or none with a usable id.
    pub message_id: String,
    /// Always false.
    pub valid: bool,
    pub errors: Vec<ValidationIssue>,
    pub warnings: Vec<ValidationIssue>,
    /// Of messages.
    #[schema(nullable = false, minimum = 0)]
    pub processing_time_ms: Option<i64>,
}

/// A broken rule. It may say more, under names of their own: `rejectedValue`, `allowedValues`, `constraint`, ….
#[derive(ToSchema)]
pub struct ValidationIssue {
    pub level: Level,
    /// Where: `payload.lead.customer.emailAddress`.
    pub field: String,
    pub message: String,
    #[schema(example = "REQUIRED_FIELD_MISSING")]
    pub code: String,
    /// What the sender can do about it.
    #[schema(nullable = false)]
    pub suggestion: Option<String>,
}

/// `CRITICAL`: the message cannot be understood. `ERROR`: it is refused. `WARNING`: it is accepted all the same.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum Level {
    Critical,
    Error,
    Warning,
}

/// What every other refusal says.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ErrorResponse {
    /// The kind of refusal, for programs: the status in capitals (`UNAUTHORIZED`, `NOT_FOUND`, `RATE_LIMITED`), or
    /// `INVALID_BATCH_SIZE`.
    #[schema(example = "UNAUTHORIZED")]
    pub error: String,
    /// For people.
    pub message: String,
    /// As in `X-Request-Id`.
    pub request_id: String,
    #[schema(nullable = false)]
    pub details: Option<ErrorDetails>,
}

/// What else there is to know of it.
#[derive(ToSchema)]
pub struct ErrorDetails {
    /// Every field or parameter that is wrong.
    pub fields: Vec<WrongField>,
}

/// A field or parameter that breaks a rule.
#[derive(ToSchema)]
pub struct WrongField {
    pub path: String,
    pub message: String,
}

/// What is wrong with a message, or with the request around it.
pub struct NotValid;

impl PartialSchema for NotValid {
    fn schema() -> RefOr<Schema> {
        let either = AnyOfBuilder::new()
            .item(Ref::from_schema_name("ValidationFailureResponse"))
            .item(Ref::from_schema_name("ErrorResponse"))
            .description(Some(
                "What is wrong with the message; or, of a request that is none, with the request.",
            ));
        Schema::AnyOf(either.build()).into()
    }
}

impl ToSchema for NotValid {
    fn name() -> Cow<'static, str> {
        "NotValid".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("ValidationFailureResponse".to_owned(), ValidationFailureResponse::schema()));
        ValidationFailureResponse::schemas(schemas);
        schemas.push(("ErrorResponse".to_owned(), ErrorResponse::schema()));
        ErrorResponse::schemas(schemas);
    }
}

/// What became of a batch.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BatchResponse {
    #[schema(minimum = 1, maximum = 100)]
    pub total_count: i64,
    #[schema(minimum = 0, maximum = 100)]
    pub success_count: i64,
    #[schema(minimum = 0, maximum = 100)]
    pub failure_count: i64,
    /// One for each message, in their order.
    pub results: Vec<BatchResult>,
}

/// What became of a message of a batch.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BatchResult {
    /// Empty for one without a usable id.
    pub message_id: String,
    /// Whether it was accepted.
    pub valid: bool,
    #[schema(format = DateTime)]
    pub processed_at: String,
    #[schema(minimum = 0)]
    pub processing_time_ms: i64,
    pub warnings: Vec<ValidationIssue>,
    /// Of an accepted one: whether it had been accepted before.
    #[schema(nullable = false)]
    pub idempotent: Option<bool>,
    /// Of a refused one: why.
    #[schema(nullable = false)]
    pub errors: Option<Vec<ValidationIssue>>,
}

/// A stored message.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MessageRecord {
    pub message_id: String,
    /// Absent where a refused message has none.
    #[schema(nullable = false, example = "LEAD")]
    pub message_type: Option<String>,
    #[schema(format = DateTime)]
    pub received_at: String,
    /// Absent where a refused message has none.
    #[schema(nullable = false)]
    pub sender_id: Option<String>,
    pub status: MessageStatus,
    /// Of a lead that was new.
    #[schema(nullable = false)]
    pub deduplication: Option<Deduplication>,
    #[schema(schema_with = kept)]
    pub message: Value,
}

fn kept() -> Schema {
    let about = "The message word for word; of a refused one whatever it was.";
    let message = Ref::from_schema_name("AnyLexMessage");
    Schema::AnyOf(AnyOfBuilder::new().item(message).item(any_object()).description(Some(about)).build())
}

/// A message that nobody got.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeadMessage {
    pub message_id: String,
    #[schema(nullable = false, example = "LEAD")]
    pub message_type: Option<String>,
    #[schema(format = DateTime)]
    pub received_at: String,
    #[schema(nullable = false)]
    pub sender_id: Option<String>,
    pub status: MessageStatus,
    /// Why.
    pub errors: Vec<ValidationIssue>,
}

/// A page of dead messages.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeadMessageList {
    /// Newest first. Those of types that the token may not read are left out, so that a page may be short.
    pub messages: Vec<DeadMessage>,
    /// What to send as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Where a message stands. `RECEIVED` and `PROCESSED` on acceptance, by its type; `PROCESSED` when its receiver says so;
/// `DELIVERED` when a subscription of its receiver got it; `DLQ` when none did, or it came too late; `REJECTED` when it
/// was not valid or was handed back.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum MessageStatus {
    Received,
    Processed,
    Rejected,
    Delivered,
    Dlq,
}

/// Whether somebody else had sent a lead of the same customer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Deduplication {
    pub status: DeduplicationStatus,
    #[schema(nullable = false)]
    pub duplicate_of_lead_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum DeduplicationStatus {
    Unique,
    Duplicate,
}

/// What became of a message: what the exchange said, then what its receiver said.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AcknowledgmentRecord {
    pub original_message_id: String,
    pub status: AcknowledgmentStatus,
    #[schema(format = DateTime)]
    pub processed_at: String,
    /// Empty unless something went wrong.
    pub errors: Vec<ValidationIssue>,
}

/// `REJECTED` and `ERROR` are the end: not valid or too late, and not deliverable.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum AcknowledgmentStatus {
    Received,
    Processed,
    Rejected,
    Error,
}

/// That the surface answers.
#[derive(ToSchema)]
pub struct Health {
    #[schema(example = "ok")]
    pub status: String,
    /// The version of this contract.
    pub version: String,
    #[schema(format = DateTime)]
    pub timestamp: String,
}

/// What to run.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConformanceRequest {
    /// The LEX id or an alias of the caller's organization; another's is 403.
    #[schema(min_length = 1, max_length = 255)]
    pub organization_id: String,
    #[schema(schema_with = level)]
    pub target_level: i64,
    #[schema(format = "email", max_length = 254)]
    pub contact_email: Option<String>,
    #[schema(schema_with = cases, required = false)]
    pub include_test_cases: Option<Vec<String>>,
}

fn cases() -> Array {
    let case = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    let about = "Only these cases; a level is passed by all of its own.";
    let mut cases = ArrayBuilder::new().items(case).max_items(Some(100)).description(Some(about)).build();
    cases.schema_type = SchemaType::from_iter([Type::Array, Type::Null]);
    cases
}

fn level() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([1, 2, 3])).build()
}

/// What came of the run.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConformanceReport {
    #[schema(example = "CONF-2026-0001")]
    pub session_id: String,
    pub organization_id: String,
    #[schema(minimum = 1, maximum = 3)]
    pub target_level: i64,
    #[schema(format = DateTime)]
    pub run_at: String,
    pub result: ConformanceResult,
    #[schema(minimum = 0)]
    pub pass_count: i64,
    #[schema(minimum = 0)]
    pub fail_count: i64,
    #[schema(minimum = 0)]
    pub warn_count: i64,
    pub test_results: Vec<TestResult>,
    /// Of a `PASS`: the certificate, good for twelve months.
    #[schema(nullable = false, example = "LEX-L1-CERT-2026-DEALER-001-…")]
    pub certification_token: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum ConformanceResult {
    Pass,
    Fail,
    Partial,
}

/// What came of a case.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TestResult {
    pub test_case_id: String,
    pub status: TestStatus,
    #[schema(minimum = 0)]
    pub duration_ms: i64,
    /// What was not as expected, or why it was not run.
    pub errors: Vec<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum TestStatus {
    Pass,
    Fail,
    Warn,
    Skip,
}

/// A JSON Schema (draft 7).
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub struct JsonSchema(pub Value);
