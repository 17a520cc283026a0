//! Leads of partners.

use super::{SLUG, slug};
use crate::openapi::operation::{Document, json, operation};
use crate::openapi::schema;
use crate::openapi::usual::REPLAYED;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

const LEADS: &str = "/api/v1/partners/{partner_slug}/leads";

/// A lead as a partner submits it. Members that are not named here are kept and otherwise ignored.
#[derive(ToSchema)]
pub struct LeadCreate {
    /// Made by the partner, once for each lead, for ever: the same one with the same body is the same lead. Case does
    /// not matter.
    #[schema(schema_with = schema::uuid)]
    pub correlation_id: String,
    pub customer: Customer,
    #[schema(nullable = false)]
    pub offer: Option<Offer>,
    #[schema(nullable = false)]
    pub commission: Option<Commission>,
    /// Whatever the partner wants to find again.
    #[schema(schema_with = schema::any_object, required = false)]
    pub partner_metadata: (),
}

/// The person.
#[derive(ToSchema)]
pub struct Customer {
    #[schema(max_length = 100)]
    pub first_name: String,
    #[schema(max_length = 100)]
    pub last_name: String,
    #[schema(nullable = false, format = "email", max_length = 200)]
    pub email: Option<String>,
    /// E.164 preferred; without a country it is read as a number of the US. One that cannot be read is taken all the
    /// same, and a person looks at the lead (`next_action`).
    pub phone: String,
    #[schema(nullable = false)]
    pub address: Option<Address>,
}

/// Where the person lives.
#[derive(ToSchema)]
pub struct Address {
    #[schema(nullable = false, max_length = 200)]
    pub line1: Option<String>,
    #[schema(nullable = false, max_length = 100)]
    pub city: Option<String>,
    /// Two letters.
    #[schema(nullable = false, min_length = 2, max_length = 2)]
    pub state: Option<String>,
    #[schema(nullable = false, max_length = 20)]
    pub postal_code: Option<String>,
}

/// What the person was offered.
#[derive(ToSchema)]
pub struct Offer {
    #[schema(rename = "type", nullable = false)]
    pub kind: Option<String>,
    /// Cents.
    #[schema(schema_with = schema::count, required = false)]
    pub monthly_amount_cents: i64,
    /// Months.
    #[schema(schema_with = term, required = false)]
    pub term_months: i64,
    #[schema(nullable = false, max_length = 2000)]
    pub notes: Option<String>,
}

fn term() -> Object {
    schema::between(1, 120)
}

/// What the partner gets for it.
#[derive(ToSchema)]
pub struct Commission {
    /// Cents.
    #[schema(schema_with = schema::count, required = false)]
    pub flat_cents: i64,
    /// Hundredths of a per cent of the revenue.
    #[schema(schema_with = share, required = false)]
    pub rev_share_bps: i64,
}

fn share() -> Object {
    schema::between(0, 10_000)
}

/// A lead.
#[derive(ToSchema)]
pub struct Lead {
    #[schema(schema_with = schema::uuid)]
    pub lead_id: String,
    pub partner_slug: String,
    /// In lower case.
    #[schema(schema_with = schema::uuid)]
    pub correlation_id: String,
    pub status: LeadStatus,
    /// To the millisecond.
    #[schema(schema_with = schema::date_time)]
    pub received_at: String,
    /// Once HubSpot has the deal; always null where the platform has no HubSpot account.
    #[schema(required)]
    pub hubspot_deal_id: Option<String>,
    /// Who is to do something next; absent when nothing is left to be done.
    #[schema(nullable = false)]
    pub next_action: Option<NextAction>,
}

/// How far a lead has come. `hubspot_upserted` is passed over where the platform has no HubSpot account.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum LeadStatus {
    Received,
    HubspotUpserted,
    /// Its deliveries exist.
    Dispatched,
    /// Every one of them has come to its end.
    Completed,
    /// HubSpot will not have it.
    Failed,
}

/// What is to be done.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum NextAction {
    PendingOrchestrator,
    /// A person must look at it: the phone cannot be read, there is no e-mail address, or it failed.
    ManualReview,
}

/// One lead.
#[derive(ToSchema)]
pub struct LeadEnvelope {
    #[schema(schema_with = schema::yes)]
    pub ok: bool,
    pub data: Lead,
}

/// A page of leads.
#[derive(ToSchema)]
pub struct LeadList {
    #[schema(schema_with = schema::yes)]
    pub ok: bool,
    pub data: LeadPage,
}

/// Newest first.
#[derive(ToSchema)]
pub struct LeadPage {
    pub items: Vec<Lead>,
    /// How many there are on this page.
    #[schema(schema_with = schema::count)]
    pub count: i64,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

fn statuses() -> Object {
    schema::one_of(["received", "hubspot_upserted", "dispatched", "completed", "failed"])
}

/// Adds the operations.
pub fn add(document: Document) -> Document {
    document.and(create()).and(list()).and(get())
}

fn create() -> crate::openapi::operation::Operation {
    operation("POST", LEADS, "leads", "createLead")
        .summary("Submits a lead")
        .about(
            "Once it is answered, the lead is stored for good. The same `correlation_id` with the same body gives the \
             first answer again, byte for byte, for ever; order of members and white space do not matter.",
        )
        .scope("<partner_slug>:leads:write")
        .path("partner_slug", slug(), SLUG)
        .takes([json::<LeadCreate>()])
        .answers(201, "The lead.", [json::<LeadEnvelope>()])
        .with(REPLAYED)
        .refuses(
            422,
            "`VALIDATION_FAILED`: every field that is wrong is named; a body that is not JSON, too. \
             `IDEMPOTENCY_MISMATCH`: the correlation id was used before with another body.",
        )
}

fn list() -> crate::openapi::operation::Operation {
    operation("GET", LEADS, "leads", "listLeads")
        .summary("Leads, newest first")
        .scope("<partner_slug>:leads:read")
        .path("partner_slug", slug(), SLUG)
        .query("limit", schema::between_or(1, 100, 50), "Leads of a page.")
        .query("cursor", schema::text(), "`next_cursor` of the page before, with the same filter.")
        .query("status", statuses(), "Only leads that are so far.")
        .answers(200, "A page.", [json::<LeadList>()])
        .refuses(422, "The slug or a parameter is malformed; each is named.")
}

fn get() -> crate::openapi::operation::Operation {
    operation("GET", "/api/v1/partners/{partner_slug}/leads/{lead_id}", "leads", "getLead")
        .summary("Where a lead is now")
        .scope("<partner_slug>:leads:read")
        .path("partner_slug", slug(), SLUG)
        .path("lead_id", schema::text(), "The lead's id. A malformed one is 404.")
        .answers(200, "The lead.", [json::<LeadEnvelope>()])
        .refuses(404, "The partner has no such lead.")
        .refuses(422, "The slug is malformed.")
}
