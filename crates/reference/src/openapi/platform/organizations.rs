//! `/api/v1/organizations` and what is forgotten of people.

use super::common::{Common, Pagination};
use super::words;
use crate::openapi::operation::{Operation, body, json, operation};
use crate::openapi::usual::REPLAYED;
use utoipa::ToSchema;

const TAG: &str = "Organisations";
const ALL: &str = "/api/v1/organizations";
const ONE: &str = "/api/v1/organizations/{id}";

pub fn operations() -> Vec<Operation> {
    vec![
        operation("POST", ALL, TAG, "createOrganization")
            .summary("Make an organisation")
            .scope("platform:admin")
            .once()
            .takes([json::<OrganizationCreate>()])
            .answers(201, "The organisation.", [json::<Organization>()])
            .with(REPLAYED)
            .may_conflict("the slug, a LEX id or an alias is taken"),
        operation("GET", ALL, TAG, "listOrganizations")
            .summary("List organisations")
            .about("Newest first. Without `platform:admin`: one's own.")
            .scope("clients:read")
            .paged()
            .answers(200, "A page of organisations.", [json::<OrganizationPage>()]),
        operation("GET", ONE, TAG, "getOrganization")
            .summary("Show an organisation")
            .scope("clients:read")
            .of_organization()
            .answers(200, "The organisation.", [json::<Organization>()]),
        operation("PATCH", ONE, TAG, "updateOrganization")
            .summary("Change an organisation")
            .about(
                "The body is merged (RFC 7396), `plan` included: `null` brings a default back or clears. The slug cannot \
                 be changed, because it stands in scopes and tokens.",
            )
            .scope("platform:admin")
            .of_organization()
            .takes([json::<OrganizationPatch>(), body::<OrganizationPatch>("application/merge-patch+json")])
            .answers(200, "The organisation as it is now.", [json::<Organization>()])
            .may_conflict("a LEX id or alias belongs to another organisation"),
        operation("DELETE", ONE, TAG, "deleteOrganization")
            .summary("Delete an organisation with all that is its own, in every service")
            .scope("platform:admin")
            .of_organization()
            .answers(204, "It is gone.", [])
            .may_conflict("it is the caller's own"),
        operation("POST", "/api/v1/organizations/{id}/erase", TAG, "erasePerson")
            .summary("Forget a person in the data of an organisation")
            .about(
                "Every service strips what it stores of whoever has the address or the number; records and their ids \
                 remain. Safe to repeat. 503 names the services that did not say they have done it, while the others \
                 have.",
            )
            .scope("platform:admin")
            .of_organization()
            .takes([json::<Person>()])
            .answers(200, "How many records each service has stripped.", [json::<ErasedByService>()]),
    ]
}

/// A new organisation.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OrganizationCreate {
    /// Its name in paths, scopes and tokens; unique. Not `admin`, `api`, `internal`, `lex`, `platform`, `www`.
    #[schema(min_length = 2, max_length = 63, pattern = "^[a-z][a-z0-9_]+$", example = "acme")]
    pub slug: String,
    /// Not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "Acme Inc.")]
    pub name: String,
    /// Who it is in LEX messages; unique among ids and aliases.
    #[schema(min_length = 1, max_length = 255)]
    pub lex_organization_id: Option<String>,
    /// Other names that it has there.
    #[schema(max_items = 100)]
    pub lex_aliases: Option<Vec<LexName>>,
    #[schema(schema_with = lex_level_in_any_case)]
    pub lex_conformance_level: Option<String>,
    #[schema(schema_with = lex_tier_in_any_case)]
    pub lex_tier: Option<String>,
    /// Where it is told of messages that nobody got. `http` or `https`, without user information.
    #[schema(min_length = 1, max_length = 2048, format = "uri")]
    pub lex_notification_webhook: Option<String>,
    #[schema(nullable = false)]
    pub plan: Option<PlanCreate>,
    #[schema(schema_with = words::metadata, required = false)]
    pub metadata: Option<String>,
}

/// A name in LEX messages.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 255)]
pub struct LexName(pub String);

/// What an organisation may use on the ingest surface. What is left out has its default.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PlanCreate {
    #[schema(default = true, nullable = false)]
    pub api_enabled: Option<bool>,
    /// Events per calendar month, in UTC.
    #[schema(minimum = 0, default = 1_000_000, nullable = false)]
    pub monthly_event_quota: Option<i64>,
    #[schema(minimum = 0, maximum = 2_147_483_647, default = 600, nullable = false)]
    pub requests_per_minute_per_key: Option<i64>,
    #[schema(minimum = 0, maximum = 2_147_483_647, default = 3000, nullable = false)]
    pub requests_per_minute_per_organization: Option<i64>,
    /// `null`: as many as there are.
    #[schema(minimum = 0)]
    pub max_workers: Option<i64>,
}

/// A change of an organisation. `null` clears, or brings a default back.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OrganizationPatch {
    /// Not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", nullable = false)]
    pub name: Option<String>,
    #[schema(min_length = 1, max_length = 255)]
    pub lex_organization_id: Option<String>,
    #[schema(max_items = 100)]
    pub lex_aliases: Option<Vec<LexName>>,
    #[schema(schema_with = lex_level_in_any_case)]
    pub lex_conformance_level: Option<String>,
    #[schema(schema_with = lex_tier_in_any_case)]
    pub lex_tier: Option<String>,
    #[schema(min_length = 1, max_length = 2048, format = "uri")]
    pub lex_notification_webhook: Option<String>,
    pub plan: Option<PlanPatch>,
    #[schema(schema_with = words::metadata, required = false)]
    pub metadata: Option<String>,
}

/// A change of a plan. `null` brings the default back.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PlanPatch {
    pub api_enabled: Option<bool>,
    #[schema(minimum = 0)]
    pub monthly_event_quota: Option<i64>,
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub requests_per_minute_per_key: Option<i64>,
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub requests_per_minute_per_organization: Option<i64>,
    #[schema(minimum = 0)]
    pub max_workers: Option<i64>,
}

fn lex_level_in_any_case() -> utoipa::openapi::schema::Object {
    let levels = words::or_null(words::in_any_case(&["L1", "L2", "L3"]));
    words::about(levels, "How much of the LEX standard it has shown to master.")
}

fn lex_tier_in_any_case() -> utoipa::openapi::schema::Object {
    let tiers = words::or_null(words::in_any_case(&["STANDARD", "ENTERPRISE"]));
    words::about(tiers, "1,000 or 10,000 messages a minute; `standard` when nothing is said.")
}

/// An organisation.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Organization {
    #[schema(format = "uuid")]
    pub id: String,
    pub slug: String,
    pub name: String,
    #[schema(required = true)]
    pub lex_organization_id: Option<String>,
    pub lex_aliases: Vec<String>,
    #[schema(required = true)]
    pub lex_conformance_level: Option<LexLevel>,
    #[schema(inline)]
    pub lex_tier: LexTier,
    #[schema(required = true)]
    pub lex_notification_webhook: Option<String>,
    pub plan: Plan,
    #[schema(schema_with = words::metadata, required = true)]
    pub metadata: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// How much of the LEX standard an organisation has shown to master.
#[derive(ToSchema)]
pub enum LexLevel {
    L1,
    L2,
    L3,
}

/// How many LEX messages an organisation may send.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum LexTier {
    Standard,
    Enterprise,
}

/// What an organisation may use on the ingest surface.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Plan {
    pub api_enabled: bool,
    #[schema(minimum = 0)]
    pub monthly_event_quota: i64,
    #[schema(minimum = 0)]
    pub requests_per_minute_per_key: i64,
    #[schema(minimum = 0)]
    pub requests_per_minute_per_organization: i64,
    /// `null`: as many as there are.
    #[schema(required = true, minimum = 0)]
    pub max_workers: Option<i64>,
}

/// A page of organisations.
#[derive(ToSchema)]
pub struct OrganizationPage {
    pub data: Vec<Organization>,
    pub pagination: Pagination,
}

/// Who is to be forgotten; one of the two must be there.
#[derive(ToSchema)]
pub struct Person {
    /// Compared without regard to case.
    #[schema(max_length = 320, format = "email")]
    pub email: Option<String>,
    /// E.164.
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+15125550100")]
    pub phone: Option<String>,
}

/// What was forgotten.
#[derive(ToSchema)]
pub struct ErasedByService {
    pub data: ErasedRecords,
}

/// How many records each service has stripped.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ErasedRecords {
    #[schema(minimum = 0)]
    pub lead_intake: i64,
    #[schema(minimum = 0)]
    pub ingest: i64,
    #[schema(minimum = 0)]
    pub lex_router: i64,
    #[schema(minimum = 0)]
    pub crm_resources: i64,
    #[schema(minimum = 0)]
    pub webhook_dispatcher: i64,
}
