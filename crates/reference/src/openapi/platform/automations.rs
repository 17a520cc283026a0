//! `/api/v1/organizations/{id}/automations`: seeing automations and their runs, authoring and looking after them.

use super::common::{Common, Pagination};
use super::words;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{any_object, date_time, matching, one_of, text, text_up_to, uuid};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, SchemaType, Type};

const TAG: &str = "Automations";
const ADMIN: &str = "platform:admin";
const READ: &str = "leads:read";
const ALL: &str = "/api/v1/organizations/{id}/automations";
const VALIDATE: &str = "/api/v1/organizations/{id}/automations/validate";
const ONE: &str = "/api/v1/organizations/{id}/automations/{automationId}";
const RUNS: &str = "/api/v1/organizations/{id}/automations/{automationId}/runs";
const RUN: &str = "/api/v1/organizations/{id}/automations/{automationId}/runs/{runId}";
const REPLAY: &str = "/api/v1/organizations/{id}/automations/{automationId}/runs/{runId}/replay";
const TRIGGERS: [&str; 7] = [
    "lead_created",
    "lead_updated",
    "lead_converted",
    "customer_created",
    "customer_updated",
    "product_created",
    "product_updated",
];
const RUN_STATES: [&str; 3] = ["pending", "completed", "dead_letter"];

pub fn operations() -> Vec<Operation> {
    vec![
        paged(operation("GET", ALL, TAG, "listOrganizationAutomations"))
            .summary("List the automations of an organisation")
            .scope(READ)
            .of_organization()
            .query("sort", matching("^-?(created_at|updated_at|name)$"), "By what; descending with a `-` in front.")
            .query("status", one_of(["active", "inactive"]), "Only automations that are switched on, or off.")
            .query("search", text_up_to(100), "A part of the name.")
            .query("updated_since", date_time(), "Only automations that changed since then.")
            .answers(200, "A page of automations.", [json::<AutomationPage>()]),
        operation("PUT", ALL, TAG, "applyAutomation")
            .summary("Make an automation, or give the one of this name its new form")
            .about(
                "The same form again changes nothing. Members that are not known are refused. Runs that are on their way keep \
                 their steps.",
            )
            .scope(ADMIN)
            .of_organization()
            .takes([json::<AutomationDefinition>()])
            .answers(200, "The automation in its new form.", [json::<AppliedAutomation>()])
            .answers(201, "The new automation; with the secret that its requests are signed with, this once.", [json::<AppliedAutomation>()]),
        operation("POST", VALIDATE, TAG, "validateAutomation")
            .summary("Say what is wrong with a file, and where, or what applying it would do")
            .about(
                "Nothing is stored. The file is what `leadwire automation apply` takes; the `definition` of a valid one is what \
                 applying takes here.",
            )
            .scope(ADMIN)
            .of_organization()
            .takes([json::<AutomationFile>()])
            .answers(200, "The file was looked at, whether it is valid or not.", [json::<AutomationVerdict>()]),
        of_automation(operation("GET", ONE, TAG, "getOrganizationAutomation"), READ)
            .summary("Show an automation with its steps")
            .answers(200, "The automation.", [json::<AutomationWithSteps>()]),
        of_automation(operation("PATCH", ONE, TAG, "switchAutomation"), ADMIN)
            .summary("Switch an automation on or off")
            .about("Off, it starts no more runs; those on their way go on.")
            .takes([json::<AutomationSwitch>()])
            .answers(200, "The automation.", [json::<Automation>()]),
        paged(of_automation(operation("GET", RUNS, TAG, "listOrganizationAutomationRuns"), READ))
            .summary("List the runs of an automation")
            .about("Newest first; finished ones are kept for 30 days.")
            .query("state", one_of(RUN_STATES), "Only runs in this state.")
            .answers(200, "A page of runs.", [json::<RunPage>()]),
        of_automation(operation("GET", RUN, TAG, "getOrganizationAutomationRun"), READ)
            .summary("Show a run with its steps and its data")
            .path("runId", uuid(), "The run.")
            .answers(200, "The run.", [json::<RunWithSteps>()])
            .may_be_missing("run"),
        of_automation(operation("POST", RUNS, TAG, "startAutomationRun"), ADMIN)
            .summary("Run an automation by hand")
            .about("As if its trigger had been pulled for a record just now.")
            .takes([json::<RunByHand>()])
            .answers(201, "The run.", [json::<StartedRun>()]),
        of_automation(operation("POST", REPLAY, TAG, "replayAutomationRun"), ADMIN)
            .summary("Let a dead letter go on at the step where it died")
            .path("runId", uuid(), "The run.")
            .answers(204, "It goes on.", [])
            .may_conflict("there is no dead letter of this id"),
    ]
}

fn of_automation(operation: Operation, scope: &str) -> Operation {
    operation
        .scope(scope)
        .of_organization()
        .path("automationId", matching("^[0-9a-f]{24}$"), "The automation.")
        .may_be_missing("automation")
}

/// Figures that lie outside are brought into range.
pub fn paged(operation: Operation) -> Operation {
    use crate::openapi::schema::integer;
    operation
        .query("page", integer(), "Which page, from 1, when nothing is said 1; brought into range.")
        .query("limit", integer(), "Rows of a page, 1 to 100, when nothing is said 25; brought into range.")
}

/// An automation as its author writes it. Other members are refused.
#[derive(ToSchema)]
pub struct AutomationDefinition {
    /// Ignored: the path says whose it is. Files have it.
    #[schema(nullable = false)]
    pub organization: Option<String>,
    /// Identifies it in its organisation.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    #[schema(max_length = 10_000)]
    pub description: Option<String>,
    #[schema(default = true, nullable = false)]
    pub active: Option<bool>,
    pub trigger: TriggerDefinition,
    /// Each an object of one member: `condition`, `update_lead`, `set_metadata`, `convert_lead`, `create_customer`,
    /// `emit_event`, `http_request`, `delay`.
    #[schema(schema_with = steps)]
    pub steps: Vec<Value>,
}

fn steps() -> Array {
    ArrayBuilder::new().items(any_object()).min_items(Some(1)).max_items(Some(50)).build()
}

/// What sets an automation off.
#[derive(ToSchema)]
pub struct TriggerDefinition {
    #[schema(rename = "type", schema_with = trigger)]
    pub kind: String,
}

fn trigger() -> Object {
    one_of(TRIGGERS)
}

/// A file to look at.
#[derive(ToSchema)]
pub struct AutomationFile {
    /// YAML, as it is written.
    pub file: String,
}

/// What is to be said of a file.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AutomationVerdict {
    pub valid: bool,
    /// In the order in which they stand in the file.
    pub problems: Vec<AutomationProblem>,
    /// What applying it would do to the automation of its name; null when it is not valid.
    #[schema(schema_with = action, required = true)]
    pub action: Option<String>,
    /// The automation of its name, if there is one.
    #[schema(required = true, pattern = "^[0-9a-f]{24}$")]
    pub automation_id: Option<String>,
    /// What would make that one as it is.
    #[schema(schema_with = definition_or_null, required = true)]
    pub current: Option<Value>,
    /// What the file says, with what it leaves out filled in; null when it is not valid.
    #[schema(schema_with = definition_or_null, required = true)]
    pub definition: Option<Value>,
}

fn action() -> Object {
    words::or_null(one_of(["create", "update", "none"]))
}

fn definition_or_null() -> Object {
    let mut definition = any_object();
    definition.schema_type = SchemaType::from_iter([Type::Object, Type::Null]);
    definition
}

/// What is wrong in a file, and where.
#[derive(ToSchema)]
pub struct AutomationProblem {
    /// Of what is wrong, with dots: `steps.0.condition.if`. Empty for the whole file.
    pub path: String,
    /// Which rule it breaks.
    pub message: String,
    /// From 1. What is missing is missing where it would belong.
    #[schema(minimum = 1)]
    pub line: i64,
    /// In characters, from 1.
    #[schema(minimum = 1)]
    pub column: i64,
}

/// Whether an automation is to be on.
#[derive(ToSchema)]
pub struct AutomationSwitch {
    pub active: bool,
}

/// Defines an automation: in lists, when it was applied, with its steps.
macro_rules! automation {
    ($($(#[$attribute:meta])* $field:ident: $kind:ty,)*) => {
        /// An automation.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct Automation { $($(#[$attribute])* pub $field: $kind,)* }

        /// An automation that was applied.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct AppliedAutomation {
            $($(#[$attribute])* pub $field: $kind,)*
            /// Of a new one that sends requests: verifies them as Standard Webhooks say.
            #[schema(nullable = false)]
            pub signing_secret: Option<String>,
        }

        /// An automation with its steps.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct AutomationWithSteps {
            $($(#[$attribute])* pub $field: $kind,)*
            #[schema(schema_with = steps)]
            pub steps: Vec<Value>,
            /// YAML that would make it as it is; comments of the file that it was made from are not kept.
            pub file: String,
        }
    };
}

automation! {
    #[schema(pattern = "^[0-9a-f]{24}$")]
    id: String,
    name: String,
    #[schema(required = true)]
    description: Option<String>,
    active: bool,
    #[schema(schema_with = trigger)]
    trigger_type: String,
    #[schema(minimum = 0)]
    steps_count: i64,
    #[schema(format = "date-time")]
    created_at: String,
    #[schema(format = "date-time")]
    updated_at: String,
}

/// A page of automations.
#[derive(ToSchema)]
pub struct AutomationPage {
    pub data: Vec<Automation>,
    pub pagination: Pagination,
}

/// What an automation is run for.
#[derive(ToSchema)]
pub struct RunByHand {
    /// The id of a record of the kind that the trigger is of.
    pub subject: String,
}

/// A run that was started.
#[derive(ToSchema)]
pub struct StartedRun {
    #[schema(format = "uuid")]
    pub id: String,
}

/// Defines a run: in lists, and with what it began with.
macro_rules! run {
    ($($(#[$attribute:meta])* $field:ident: $kind:ty,)*) => {
        /// One event's way through the steps of an automation.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct Run { $($(#[$attribute])* pub $field: $kind,)* }

        /// A run with what it began with.
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct RunWithSteps {
            $($(#[$attribute])* pub $field: $kind,)*
            /// The automation's steps when the run began.
            #[schema(schema_with = steps)]
            pub steps: Vec<Value>,
            /// The data of its event, which expressions read.
            #[schema(schema_with = any_object)]
            pub data: Value,
        }
    };
}

run! {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    event_id: String,
    /// `manual` for a run by hand.
    event_type: String,
    /// The record that the event is about.
    subject: String,
    #[schema(schema_with = run_state)]
    state: String,
    /// The step that is next, from 0.
    #[schema(minimum = 0)]
    position: i64,
    #[schema(minimum = 0)]
    steps_count: i64,
    /// Of that step.
    #[schema(minimum = 0)]
    attempts: i64,
    /// How many automations have set each other off before it, itself included.
    #[schema(minimum = 0)]
    depth: i64,
    #[schema(required = true)]
    error: Option<String>,
    /// Since when that step waits for a receiver that does not work.
    #[schema(required = true, format = "date-time")]
    waiting_since: Option<String>,
    log: Vec<RunLogEntry>,
    #[schema(format = "date-time")]
    created_at: String,
    #[schema(format = "date-time")]
    next_at: String,
    #[schema(required = true, format = "date-time")]
    finished_at: Option<String>,
}

fn run_state() -> Object {
    one_of(RUN_STATES)
}

/// One try of one step.
#[derive(ToSchema)]
pub struct RunLogEntry {
    #[schema(minimum = 0)]
    pub position: i64,
    pub step: String,
    #[schema(minimum = 0)]
    pub attempt: i64,
    /// `done`, `stopped`, `failed`, `waiting`, `dead_letter`.
    pub outcome: String,
    #[schema(schema_with = text, required = false)]
    pub error: Option<String>,
    #[schema(format = "date-time")]
    pub at: String,
}

/// A page of runs.
#[derive(ToSchema)]
pub struct RunPage {
    pub data: Vec<Run>,
    pub pagination: Pagination,
}
