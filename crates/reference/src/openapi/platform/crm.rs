//! `/api/v1/organizations/{id}/crm`: an organisation's records, to be read.

use super::common::Common;
use crate::openapi::crm::schemas::{Customer, Lead, Product};
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{date_time, matching, one_of, text, text_up_to};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

const TAG: &str = "CRM";
const READ: &str = "leads:read";

pub fn operations() -> Vec<Operation> {
    const PRODUCTS: &str = "/api/v1/organizations/{id}/crm/products";
    const PRODUCT: &str = "/api/v1/organizations/{id}/crm/products/{productId}";
    const CUSTOMERS: &str = "/api/v1/organizations/{id}/crm/customers";
    const CUSTOMER: &str = "/api/v1/organizations/{id}/crm/customers/{customerId}";
    const LEADS: &str = "/api/v1/organizations/{id}/crm/leads";
    const LEAD: &str = "/api/v1/organizations/{id}/crm/leads/{leadId}";
    vec![
        list(operation("GET", PRODUCTS, TAG, "listOrganizationProducts"), "products", activity()).answers(
            200,
            "A page of products.",
            [json::<ProductPage>()],
        ),
        one(operation("GET", PRODUCT, TAG, "getOrganizationProduct"), "product", "productId").answers(
            200,
            "The product.",
            [json::<Product>()],
        ),
        list(operation("GET", CUSTOMERS, TAG, "listOrganizationCustomers"), "customers", activity()).answers(
            200,
            "A page of customers.",
            [json::<CustomerPage>()],
        ),
        one(operation("GET", CUSTOMER, TAG, "getOrganizationCustomer"), "customer", "customerId").answers(
            200,
            "The customer.",
            [json::<Customer>()],
        ),
        list(operation("GET", LEADS, TAG, "listOrganizationLeads"), "leads", text_up_to(100)).answers(
            200,
            "A page of leads.",
            [json::<LeadPage>()],
        ),
        one(operation("GET", LEAD, TAG, "getOrganizationLead"), "lead", "leadId").answers(
            200,
            "The lead.",
            [json::<Lead>()],
        ),
    ]
}

fn activity() -> Object {
    one_of(["active", "inactive"])
}

fn list(operation: Operation, many: &str, status: Object) -> Operation {
    super::automations::paged(operation)
        .summary(&format!("List the {many} of an organisation"))
        .about(
            "As the crm surface shows them. By page number, or, flat in cost however long the list is, by cursor: an empty \
             `cursor` begins, and `nextCursor` goes on until it is null. On the way `limit` may change; order and filter may not.",
        )
        .scope(READ)
        .of_organization()
        .query("cursor", text(), "Empty to begin a walk, then the `nextCursor` of the page before.")
        .query(
            "sort",
            matching("^-?(created_at|updated_at|name)$"),
            "By what; descending with a `-` in front; `-created_at` when nothing is said.",
        )
        .query("status", status, "Only those of this status.")
        .query("search", text_up_to(100), "Only those that have this text, in any case, in a text field.")
        .query("updated_since", date_time(), "Only those that changed since then.")
}

fn one(operation: Operation, noun: &str, placeholder: &str) -> Operation {
    operation
        .summary(&format!("Show a {noun}"))
        .about("As the crm surface shows it.")
        .scope(READ)
        .of_organization()
        .path(placeholder, matching("^[0-9a-f]{24}$"), &format!("The {noun}."))
        .may_be_missing(noun)
}

/// Where a page of records stands in its list.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RecordPagination {
    /// On a walk by cursor the number of pages walked.
    #[schema(minimum = 1)]
    pub page: i64,
    #[schema(minimum = 1, maximum = 100)]
    pub limit: i64,
    /// Rows of all pages; on a walk by cursor as it was at its beginning.
    #[schema(minimum = 0)]
    pub total: i64,
    #[schema(minimum = 0)]
    pub total_pages: i64,
    /// On a walk by cursor: what to send as `cursor` for the next page, null at the end.
    pub next_cursor: Option<String>,
}

macro_rules! pages {
    ($($page:ident: $record:ident;)*) => {$(
        /// A page.
        #[derive(ToSchema)]
        pub struct $page {
            pub data: Vec<$record>,
            pub pagination: RecordPagination,
        }
    )*};
}

pages! {
    ProductPage: Product;
    CustomerPage: Customer;
    LeadPage: Lead;
}
