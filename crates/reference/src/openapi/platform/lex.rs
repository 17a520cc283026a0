//! `/api/v1/organizations/{id}/lex`: messages that were sent and came in, and conformance runs.

use super::common::Common;
use super::words::in_any_case;
use crate::openapi::lex::answers::{
    AcknowledgmentStatus, ConformanceReport, ConformanceResult, Deduplication, MessageStatus, ValidationIssue,
};
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{any_object, between, date_time, one_of, text, text_up_to, uuid};
use lex::header::MessageType;
use lex::ttl::OnExpiry;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

const TAG: &str = "LEX";
const DIRECTIONS: [&str; 2] = ["SENT", "RECEIVED"];
const STATUSES: [&str; 5] = ["RECEIVED", "PROCESSED", "REJECTED", "DELIVERED", "DLQ"];
const ACKNOWLEDGMENTS: [&str; 4] = ["RECEIVED", "PROCESSED", "REJECTED", "ERROR"];
const RESULTS: [&str; 3] = ["PASS", "FAIL", "PARTIAL"];

pub fn operations() -> Vec<Operation> {
    const MESSAGES: &str = "/api/v1/organizations/{id}/lex/messages";
    const MESSAGE: &str = "/api/v1/organizations/{id}/lex/messages/{recordId}";
    const REPORTS: &str = "/api/v1/organizations/{id}/lex/conformance-reports";
    const REPORT: &str = "/api/v1/organizations/{id}/lex/conformance-reports/{sessionId}";
    vec![
        operation("GET", MESSAGES, TAG, "listLexMessages")
            .summary("List the messages that an organisation sent and was sent")
            .about(
                "Newest first. A list that is narrowed down by more than direction and time looks at 2,000 messages for a \
                 page: a page may be short, or empty, and still have a `nextCursor`.",
            )
            .scope("leads:read")
            .of_organization()
            .query("direction", in_any_case(&DIRECTIONS), "Only messages that it sent, or that came to it.")
            .query("type", in_any_case(&MessageType::NAMES), "Only messages of this type.")
            .query("status", in_any_case(&STATUSES), "Only messages that stand so.")
            .query("acknowledgment", in_any_case(&ACKNOWLEDGMENTS), "Only messages that were so acknowledged.")
            .query("partner", text(), "Only messages to or from this LEX id.")
            .query("messageId", text(), "Only messages that their sender gave this id.")
            .query("leadId", text(), "Only messages about this lead.")
            .query("from", date_time(), "Only messages that came from then on.")
            .query("to", date_time(), "Only messages that came up to then.")
            .walked()
            .answers(200, "A page of messages.", [json::<LexMessagePage>()]),
        operation("GET", MESSAGE, TAG, "getLexMessage")
            .summary("Show a message, what became of it, and how its lead stands")
            .scope("leads:read")
            .of_organization()
            .path("recordId", uuid(), "The message: its `id` in lists, which is that of its event as well.")
            .answers(200, "The message.", [json::<LexMessageWhole>()])
            .may_be_missing("message"),
        operation("GET", REPORTS, TAG, "listConformanceReports")
            .summary("List the conformance runs of an organisation")
            .about("Newest first.")
            .scope("leads:read")
            .of_organization()
            .query("level", between(1, 3), "Only runs for this level.")
            .query("result", in_any_case(&RESULTS), "Only runs that ended so.")
            .walked()
            .answers(200, "A page of runs, without their cases.", [json::<ConformancePage>()]),
        operation("POST", REPORTS, TAG, "runConformance")
            .summary("Run the standard's conformance cases")
            .about("They go through the engine away from everything stored; only the report is kept.")
            .scope("leads:write")
            .of_organization()
            .takes([json::<RunConformance>()])
            .answers(201, "What came of the run.", [json::<ConformanceReport>()])
            .may_conflict("the organisation has no LEX id"),
        operation("GET", REPORT, TAG, "getConformanceReport")
            .summary("Show what came of a conformance run")
            .scope("leads:read")
            .of_organization()
            .path("sessionId", text_up_to(255), "The run.")
            .answers(200, "The report.", [json::<ConformanceReport>()])
            .may_be_missing("conformance report"),
    ]
}

/// Defines a message, as lists show one and with everything that is known of it.
macro_rules! message {
    ($($(#[$attribute:meta])* $field:ident: $kind:ty,)*) => {
        /// A message that was sent or came in.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct LexMessageRow { $($(#[$attribute])* pub $field: $kind,)* }

        /// A message with everything that is known of it.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct LexMessageWhole {
            $($(#[$attribute])* pub $field: $kind,)*
            /// Whether it was refused, and another took its id since.
            pub is_superseded: bool,
            /// Whether nobody had the receiver's name when it came, and it waits for somebody who takes it.
            pub awaits_receiver: bool,
            #[schema(required = true, minimum = 0)]
            pub processing_time_ms: Option<i64>,
            /// Until when deliveries of it are tried. `null` where the message cannot be read.
            #[schema(required = true, format = "date-time")]
            pub expires_at: Option<String>,
            #[schema(schema_with = on_expiry)]
            pub on_expiry: String,
            /// What the exchange would have liked better. Of messages that were sent.
            pub warnings: Vec<ValidationIssue>,
            /// What the exchange said of it, then what its receiver said; `null` for what is never acknowledged.
            #[schema(required = true)]
            pub acknowledgment: Option<LexAcknowledgment>,
            /// Of a lead that was new.
            #[schema(required = true)]
            pub deduplication: Option<Deduplication>,
            /// How the lead stands that it is about.
            #[schema(required = true)]
            pub lead: Option<LexLeadState>,
            /// The message word for word; of a refused one whatever it was.
            #[schema(schema_with = any_object)]
            pub message: Value,
        }
    };
}

message! {
    /// That of its event as well.
    #[schema(format = "uuid")]
    id: String,
    #[schema(schema_with = direction)]
    direction: String,
    /// Its sender's name of it.
    message_id: String,
    /// `null` where a refused message has none.
    #[schema(schema_with = message_type, required = true)]
    message_type: String,
    #[schema(required = true)]
    sender_id: Option<String>,
    #[schema(required = true)]
    receiver_id: Option<String>,
    #[schema(required = true)]
    lead_id: Option<String>,
    #[schema(format = "date-time")]
    received_at: String,
    status: MessageStatus,
    #[schema(schema_with = acknowledgment, required = true)]
    acknowledgment_status: String,
}

/// A page of messages.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LexMessagePage {
    pub data: Vec<LexMessageRow>,
    /// Goes on behind this page; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// What became of a message.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LexAcknowledgment {
    pub status: AcknowledgmentStatus,
    #[schema(format = "date-time")]
    pub processed_at: String,
    /// Empty unless something went wrong.
    pub errors: Vec<ValidationIssue>,
}

/// How a lead stands.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LexLeadState {
    pub lead_id: String,
    #[schema(example = "SHOPPING")]
    pub status: String,
    #[schema(format = "date-time")]
    pub opened_at: String,
    /// The LEX id of whoever sent it first.
    pub opened_by: String,
    pub receiver_id: String,
    #[schema(required = true)]
    pub closure_status: Option<String>,
    #[schema(required = true, format = "date-time")]
    pub closed_at: Option<String>,
}

/// What came of a run, without its cases.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConformanceSummary {
    #[schema(example = "CONF-2026-0001")]
    pub session_id: String,
    /// The LEX id that is certified.
    pub organization_id: String,
    #[schema(minimum = 1, maximum = 3)]
    pub target_level: i64,
    #[schema(format = "date-time")]
    pub run_at: String,
    pub result: ConformanceResult,
    #[schema(minimum = 0)]
    pub pass_count: i64,
    #[schema(minimum = 0)]
    pub fail_count: i64,
    #[schema(minimum = 0)]
    pub warn_count: i64,
    /// Of a `PASS`: the certificate, good for twelve months.
    #[schema(nullable = false)]
    pub certification_token: Option<String>,
}

/// A page of conformance runs.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConformancePage {
    pub data: Vec<ConformanceSummary>,
    /// Goes on behind this page; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// What to run.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RunConformance {
    /// The LEX id or an alias of the organisation; its LEX id when nothing is said.
    #[schema(min_length = 1, max_length = 255)]
    pub organization_id: Option<String>,
    #[schema(minimum = 1, maximum = 3)]
    pub target_level: i64,
    #[schema(schema_with = cases, required = false)]
    pub include_test_cases: Option<Vec<String>>,
}

fn direction() -> Object {
    one_of(DIRECTIONS)
}

fn message_type() -> Object {
    super::words::or_null(one_of(MessageType::NAMES))
}

fn acknowledgment() -> Object {
    super::words::or_null(one_of(ACKNOWLEDGMENTS))
}

fn on_expiry() -> Object {
    one_of(OnExpiry::NAMES)
}

fn cases() -> Array {
    let case = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    let about = "Only these cases; a level is passed by all of its own.";
    let mut cases = ArrayBuilder::new().items(case).max_items(Some(100)).description(Some(about)).build();
    cases.schema_type = SchemaType::from_iter([Type::Array, Type::Null]);
    cases
}
