//! Bodies of the CRM surface: resources, what can be sent of them, pages, errors.

use super::fields::input_and_change;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, SchemaType, Type};

/// Something the company sells.
#[derive(ToSchema)]
pub struct Product {
    /// 24 lower-case hexadecimal characters; the first eight are the Unix time of its making, in seconds.
    #[schema(pattern = "^[a-f0-9]{24}$", example = "65a0c0f1e4b0a1b2c3d4e5f6")]
    pub id: String,
    pub name: String,
    /// Lower-case letters, digits and single hyphens; unique in the company.
    #[schema(required = true)]
    pub slug: Option<String>,
    /// The company's own number of it; unique in the company.
    #[schema(required = true)]
    pub sku: Option<String>,
    #[schema(required = true)]
    pub description: Option<String>,
    pub product_type: ProductType,
    pub is_active: bool,
    pub tags: Vec<String>,
    #[schema(required = true)]
    pub category_name: Option<String>,
    /// ISO 4217, three lower-case letters.
    #[schema(example = "mxn")]
    pub currency: String,
    /// The price in hundredths of the currency.
    #[schema(minimum = 0)]
    pub price_cents: i64,
    /// Whether a stock is kept of it.
    pub inventory_enabled: bool,
    pub inventory_mode: InventoryMode,
    /// Whether tax is added to the price.
    pub taxable: bool,
    /// The rate of that tax, in per cent.
    #[schema(minimum = 0, maximum = 100)]
    pub tax_rate_percent: f32,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When a field last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// What kind of thing a product is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ProductType {
    Simple,
    Service,
    Variable,
    Composite,
}

/// What a sale takes from stock: the materials, the product itself, or both.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum InventoryMode {
    Materials,
    #[schema(rename = "self")]
    Itself,
    Hybrid,
}

input_and_change! {
    /// A new product. Unknown fields are ignored.
    ProductInput,
    /// A change of a product: what is not sent stays as it is, `null` clears what may be null.
    ProductChange,
    {
        /// In the address of the product; unique in the company. At creation one is made of the name when none is
        /// sent; a new name does not change it.
        #[schema(max_length = 100, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
        slug: Option<String>,
        /// The company's own number of it; unique in the company.
        #[schema(max_length = 100)]
        sku: Option<String>,
        #[schema(max_length = 10000)]
        description: Option<String>,
        /// `simple` when nothing is said at creation.
        #[schema(required = false)]
        product_type: ProductType,
        /// True when nothing is said at creation.
        #[schema(required = false)]
        is_active: bool,
        #[schema(max_length = 255)]
        category_name: Option<String>,
        /// ISO 4217, in any case; kept in lower case. `mxn` when nothing is said at creation.
        #[schema(required = false, pattern = "^[A-Za-z]{3}$")]
        currency: String,
        /// The price in hundredths of the currency; 0 when nothing is said at creation.
        #[schema(required = false, minimum = 0, maximum = 9_223_372_036_854_775_807_i64)]
        price_cents: i64,
        /// Whether a stock is kept of it; false when nothing is said at creation.
        #[schema(required = false)]
        inventory_enabled: bool,
        /// `self` when nothing is said at creation.
        #[schema(required = false)]
        inventory_mode: InventoryMode,
        /// Whether tax is added to the price; false when nothing is said at creation.
        #[schema(required = false)]
        taxable: bool,
        /// The rate of that tax, in per cent; 0 when nothing is said at creation.
        #[schema(required = false, minimum = 0, maximum = 100)]
        tax_rate_percent: f32,
        #[schema(schema_with = tags, required = false)]
        tags: Option<Vec<String>>,
    }
}

/// `null` stands for none.
fn tags() -> Array {
    let tag = ObjectBuilder::new().schema_type(Type::String).max_length(Some(100));
    let mut tags = ArrayBuilder::new().items(tag).max_items(Some(50)).build();
    tags.schema_type = SchemaType::from_iter([Type::Array, Type::Null]);
    tags
}

/// A person or company that does business with the company.
#[derive(ToSchema)]
pub struct Customer {
    /// 24 lower-case hexadecimal characters; the first eight are the Unix time of its making, in seconds.
    #[schema(pattern = "^[a-f0-9]{24}$", example = "65a0c0f1e4b0a1b2c3d4e5f7")]
    pub id: String,
    pub name: String,
    #[schema(required = true)]
    pub short_name: Option<String>,
    #[schema(required = true, format = "email")]
    pub email: Option<String>,
    #[schema(required = true)]
    pub phone: Option<String>,
    #[schema(required = true, format = Date)]
    pub birthdate: Option<String>,
    /// Where the customer came from, in the company's own words.
    #[schema(required = true)]
    pub source: Option<String>,
    #[schema(required = true)]
    pub notes: Option<String>,
    pub is_active: bool,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When a field last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

input_and_change! {
    /// A new customer. Unknown fields are ignored.
    CustomerInput,
    /// A change of a customer: what is not sent stays as it is, `null` clears what may be null.
    CustomerChange,
    {
        #[schema(max_length = 100)]
        short_name: Option<String>,
        #[schema(max_length = 254, format = "email")]
        email: Option<String>,
        #[schema(max_length = 50)]
        phone: Option<String>,
        #[schema(format = Date)]
        birthdate: Option<String>,
        /// Where the customer came from, in the company's own words.
        #[schema(max_length = 100)]
        source: Option<String>,
        #[schema(max_length = 10000)]
        notes: Option<String>,
        /// True when nothing is said at creation.
        #[schema(required = false)]
        is_active: bool,
    }
}

/// A prospect.
#[derive(ToSchema)]
pub struct Lead {
    /// 24 lower-case hexadecimal characters; the first eight are the Unix time of its making, in seconds.
    #[schema(pattern = "^[a-f0-9]{24}$", example = "65a0c0f1e4b0a1b2c3d4e5f8")]
    pub id: String,
    pub name: String,
    #[schema(required = true, format = "email")]
    pub email: Option<String>,
    #[schema(required = true)]
    pub phone: Option<String>,
    #[schema(required = true)]
    pub company_name: Option<String>,
    #[schema(required = true)]
    pub job_title: Option<String>,
    #[schema(required = true)]
    pub source: Option<String>,
    #[schema(required = true)]
    pub preferred_contact_method: Option<String>,
    /// A word of the company's own; `new` at first. `qualified`, `rejected` and `converted` are events of their own.
    #[schema(example = "new")]
    pub status: String,
    #[schema(required = true)]
    pub notes: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// Whether it has become a customer.
    pub converted: bool,
    /// The customer that it became; null before, and once that customer is deleted.
    #[schema(required = true, pattern = "^[a-f0-9]{24}$")]
    pub customer_id: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When a field last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

input_and_change! {
    /// A new lead. Unknown fields are ignored.
    LeadInput,
    /// A change of a lead: what is not sent stays as it is, `null` clears what may be null.
    LeadChange,
    {
        #[schema(max_length = 254, format = "email")]
        email: Option<String>,
        #[schema(max_length = 50)]
        phone: Option<String>,
        #[schema(max_length = 255)]
        company_name: Option<String>,
        #[schema(max_length = 255)]
        job_title: Option<String>,
        #[schema(max_length = 100)]
        source: Option<String>,
        #[schema(max_length = 100)]
        preferred_contact_method: Option<String>,
        /// A word of the company's own; `new` when nothing is said at creation.
        #[schema(required = false, min_length = 1, max_length = 100, pattern = r"\S")]
        status: String,
        #[schema(max_length = 10000)]
        notes: Option<String>,
        /// At most 4,096 bytes as JSON; what is sent takes the place of what was there, `null` empties it.
        metadata: Option<BTreeMap<String, String>>,
    }
}

/// A workflow that changes of resources set off. Its steps are not part of what is shown here.
#[derive(ToSchema)]
pub struct Automation {
    /// 24 lower-case hexadecimal characters; the first eight are the Unix time of its making, in seconds.
    #[schema(pattern = "^[a-f0-9]{24}$", example = "65a0c0f1e4b0a1b2c3d4e5f9")]
    pub id: String,
    pub name: String,
    #[schema(required = true)]
    pub description: Option<String>,
    /// One that is not active starts no runs; those under way go on.
    pub active: bool,
    /// What sets it off.
    #[schema(example = "lead_created")]
    pub trigger_type: String,
    #[schema(minimum = 0)]
    pub steps_count: i64,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When a field last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A change of an automation: what is not sent stays as it is. A body that names `trigger_type`, `trigger_config` or
/// `steps` is refused: those are written by the author of the workflow.
#[derive(ToSchema)]
pub struct AutomationInput {
    /// Must say something.
    #[schema(required = false, min_length = 1, max_length = 255, pattern = r"\S")]
    pub name: String,
    #[schema(max_length = 10000)]
    pub description: Option<String>,
    #[schema(required = false)]
    pub active: bool,
}

/// One way of one event through an automation.
#[derive(ToSchema)]
pub struct AutomationRun {
    #[schema(format = Uuid)]
    pub id: String,
    /// The event that set it off.
    #[schema(format = Uuid)]
    pub event_id: String,
    #[schema(example = "lead.created")]
    pub event_type: String,
    /// The id of the resource that the event is about.
    pub subject: String,
    pub state: RunState,
    /// The step that is next, from 0.
    #[schema(minimum = 0)]
    pub position: i32,
    #[schema(minimum = 0)]
    pub steps_count: i64,
    /// Failed attempts of that step.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// How many automations set each other off before it; those after the fifth are not run.
    #[schema(minimum = 0)]
    pub depth: i32,
    /// What went wrong last.
    #[schema(required = true)]
    pub error: Option<String>,
    /// Since when the step waits for a receiver that does not work.
    #[schema(required = true, format = DateTime)]
    pub waiting_since: Option<String>,
    pub log: Vec<RunLogEntry>,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When the step is due.
    #[schema(format = DateTime)]
    pub next_at: String,
    #[schema(required = true, format = DateTime)]
    pub finished_at: Option<String>,
}

/// Where a run is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum RunState {
    Pending,
    Completed,
    DeadLetter,
}

/// An attempt of a step.
#[derive(ToSchema)]
pub struct RunLogEntry {
    #[schema(minimum = 0)]
    pub position: i32,
    /// What kind of step it is.
    #[schema(example = "update_lead")]
    pub step: String,
    #[schema(minimum = 0)]
    pub attempt: i32,
    pub outcome: StepOutcome,
    #[schema(nullable = false)]
    pub error: Option<String>,
    #[schema(format = DateTime)]
    pub at: String,
}

/// What came of an attempt: `stopped` is a condition that was not met.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum StepOutcome {
    Done,
    Stopped,
    Failed,
    Waiting,
    DeadLetter,
}

/// Where in a list a page is.
#[derive(ToSchema)]
pub struct Meta {
    /// From 1; on a walk by cursor the number of pages walked.
    #[schema(minimum = 1)]
    pub page: i64,
    /// Resources of a page.
    #[schema(minimum = 1, maximum = 100)]
    pub limit: i64,
    /// Resources of the whole list; on a walk by cursor as it was at its beginning.
    #[schema(minimum = 0)]
    pub total: i64,
    #[schema(minimum = 0)]
    pub total_pages: i64,
    /// On a walk by cursor: what to send as `cursor` for the next page, null at the end.
    pub next_cursor: Option<String>,
}

/// What every refusal says.
#[derive(ToSchema)]
pub struct Error {
    /// The kind of refusal, for programs: `invalid_key` (401), `insufficient_scope`, `origin_not_allowed`,
    /// `client_suspended` (403), `not_found` (404), `precondition_failed` (412), `validation_failed` (422),
    /// `rate_limited` (429); `bad_request`, `payload_too_large`, `unsupported_media_type`, `internal_error`,
    /// `unavailable` where their names say so.
    #[schema(example = "validation_failed")]
    pub error: String,
    /// The first thing that is wrong, for people.
    #[schema(example = "Name can't be blank")]
    pub message: String,
    /// Of a body or a query that breaks rules: everything that is wrong, by field.
    #[schema(nullable = false)]
    pub errors: Option<BTreeMap<String, Vec<String>>>,
    /// The scope that the key would need.
    #[schema(nullable = false, example = "create-products")]
    pub required: Option<String>,
}

macro_rules! envelopes {
    ($($resource:ident: $envelope:ident, $list:ident;)*) => {$(
        #[derive(ToSchema)]
        pub struct $envelope {
            pub data: $resource,
        }

        /// A page.
        #[derive(ToSchema)]
        pub struct $list {
            pub data: Vec<$resource>,
            pub meta: Meta,
        }
    )*};
}

envelopes! {
    Product: ProductEnvelope, ProductList;
    Customer: CustomerEnvelope, CustomerList;
    Lead: LeadEnvelope, LeadList;
    Automation: AutomationEnvelope, AutomationList;
}

macro_rules! bodies {
    ($($body:ident: $fields:ident;)*) => {$(
        #[derive(ToSchema)]
        pub struct $body {
            pub data: $fields,
        }
    )*};
}

bodies! {
    ProductInputBody: ProductInput;
    ProductChangeBody: ProductChange;
    CustomerInputBody: CustomerInput;
    CustomerChangeBody: CustomerChange;
    LeadInputBody: LeadInput;
    LeadChangeBody: LeadChange;
    AutomationInputBody: AutomationInput;
}

/// A page of runs.
#[derive(ToSchema)]
pub struct AutomationRunList {
    pub data: Vec<AutomationRun>,
    pub meta: RunMeta,
}

/// Where in the list of runs a page is.
#[derive(ToSchema)]
pub struct RunMeta {
    #[schema(minimum = 1)]
    pub page: i64,
    #[schema(minimum = 1, maximum = 100)]
    pub limit: i64,
    #[schema(minimum = 0)]
    pub total: i64,
    #[schema(minimum = 0)]
    pub total_pages: i64,
}
