//! `/api/v1/organizations/{id}/automations`: authoring and looking after automations.

use super::common::{Common, Pagination};
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{any_object, date_time, matching, one_of, text, text_up_to, uuid};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object};

const TAG: &str = "Automations";
const ADMIN: &str = "platform:admin";
const ALL: &str = "/api/v1/organizations/{id}/automations";
const ONE: &str = "/api/v1/organizations/{id}/automations/{automationId}";
const RUNS: &str = "/api/v1/organizations/{id}/automations/{automationId}/runs";
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
            .scope(ADMIN)
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
        of_automation(operation("GET", ONE, TAG, "getOrganizationAutomation"))
            .summary("Show an automation with its steps")
            .answers(200, "The automation.", [json::<AutomationWithSteps>()]),
        paged(of_automation(operation("GET", RUNS, TAG, "listOrganizationAutomationRuns")))
            .summary("List the runs of an automation")
            .about("Newest first; finished ones are kept for 30 days.")
            .query("state", one_of(RUN_STATES), "Only runs in this state.")
            .answers(200, "A page of runs.", [json::<RunPage>()]),
        of_automation(operation("POST", RUNS, TAG, "startAutomationRun"))
            .summary("Run an automation by hand")
            .about("As if its trigger had been pulled for a record just now.")
            .takes([json::<RunByHand>()])
            .answers(201, "The run.", [json::<StartedRun>()]),
        of_automation(operation("POST", REPLAY, TAG, "replayAutomationRun"))
            .summary("Let a dead letter go on at the step where it died")
            .path("runId", uuid(), "The run.")
            .answers(204, "It goes on.", [])
            .may_conflict("there is no dead letter of this id"),
    ]
}

fn of_automation(operation: Operation) -> Operation {
    operation
        .scope(ADMIN)
        .of_organization()
        .path("automationId", matching("^[0-9a-f]{24}$"), "The automation.")
        .may_be_missing("automation")
}

/// Figures that lie outside are brought into range.
fn paged(operation: Operation) -> Operation {
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

/// One event's way through the steps of an automation.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Run {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "uuid")]
    pub event_id: String,
    /// `manual` for a run by hand.
    pub event_type: String,
    /// The record that the event is about.
    pub subject: String,
    #[schema(schema_with = run_state)]
    pub state: String,
    /// The step that is next, from 0.
    #[schema(minimum = 0)]
    pub position: i64,
    #[schema(minimum = 0)]
    pub steps_count: i64,
    /// Of that step.
    #[schema(minimum = 0)]
    pub attempts: i64,
    /// How many automations have set each other off before it, itself included.
    #[schema(minimum = 0)]
    pub depth: i64,
    #[schema(required = true)]
    pub error: Option<String>,
    /// Since when that step waits for a receiver that does not work.
    #[schema(required = true, format = "date-time")]
    pub waiting_since: Option<String>,
    pub log: Vec<RunLogEntry>,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(format = "date-time")]
    pub next_at: String,
    #[schema(required = true, format = "date-time")]
    pub finished_at: Option<String>,
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
