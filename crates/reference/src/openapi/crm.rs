//! The CRM surface: products, customers, leads and automations of the key's company.

mod fields;
pub mod schemas;

use super::operation::{Dialect, Document, Header, Operation, body, json, operation};
use super::schema::{between_or, count, date_time, matching, one_of, text, text_up_to};
use super::usual::{self, IETF_LIMITS, REPLAYED, REQUEST_ID};
use contracts::Surface;
use schemas as is;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

const ABOUT: &str = "Products, customers, leads and automations. Bodies are `{\"data\": {…}}`; ids are 24 lower-case \
    hexadecimal characters; one that is malformed, or that another company's resource has, is not found. A key that \
    lists origins is good for pages of these origins alone. 600 requests per minute and key, 60 per minute and address \
    that do not authenticate. Bodies are at most 256 KiB of uncompressed JSON.";
const ID: &str = "^[a-f0-9]{24}$";

const ETAG: Header = Header::always("ETag", text, "The version, for `If-Match`.");
const MAYBE_ETAG: Header = Header::maybe("ETag", text, "The version, for `If-Match`; a replay has none.");

/// The document.
pub fn document() -> Document {
    Document::new(Surface::Crm, "Leadwire CRM", ABOUT, dialect())
        .tag("Products", "What the company sells.")
        .tag("Customers", "Whom it does business with.")
        .tag("Leads", "Who may become a customer.")
        .tag("Automations", "What happens by itself when resources change.")
        .and(list::<is::ProductList>(&PRODUCT))
        .and(create::<is::ProductInputBody, is::ProductEnvelope>(&PRODUCT))
        .and(get::<is::ProductEnvelope>(&PRODUCT))
        .and(update::<is::ProductChangeBody, is::ProductEnvelope>(&PRODUCT))
        .and(delete(&PRODUCT))
        .and(list::<is::CustomerList>(&CUSTOMER))
        .and(create::<is::CustomerInputBody, is::CustomerEnvelope>(&CUSTOMER))
        .and(get::<is::CustomerEnvelope>(&CUSTOMER))
        .and(update::<is::CustomerChangeBody, is::CustomerEnvelope>(&CUSTOMER))
        .and(delete(&CUSTOMER))
        .and(list::<is::LeadList>(&LEAD))
        .and(create::<is::LeadInputBody, is::LeadEnvelope>(&LEAD))
        .and(get::<is::LeadEnvelope>(&LEAD))
        .and(update::<is::LeadChangeBody, is::LeadEnvelope>(&LEAD))
        .and(delete(&LEAD))
        .and(convert())
        .and(list::<is::AutomationList>(&AUTOMATION))
        .and(create_automation())
        .and(get::<is::AutomationEnvelope>(&AUTOMATION))
        .and(update::<is::AutomationInputBody, is::AutomationEnvelope>(&AUTOMATION))
        .and(delete(&AUTOMATION))
        .and(runs())
}

/// A kind of resource, as texts and paths name it.
struct Noun {
    one: &'static str,
    many: &'static str,
    capital: &'static str,
    all: &'static str,
    by_id: &'static str,
    /// What the list can be filtered by.
    status: fn() -> Object,
    about_status: &'static str,
}

const PRODUCT: Noun = Noun {
    one: "product",
    many: "products",
    capital: "Product",
    all: "/api/v1/products",
    by_id: "/api/v1/products/{id}",
    status: activity,
    about_status: "Only those that are active, or only those that are not.",
};
const CUSTOMER: Noun = Noun {
    one: "customer",
    many: "customers",
    capital: "Customer",
    all: "/api/v1/customers",
    by_id: "/api/v1/customers/{id}",
    status: activity,
    about_status: "Only those that are active, or only those that are not.",
};
const LEAD: Noun = Noun {
    one: "lead",
    many: "leads",
    capital: "Lead",
    all: "/api/v1/leads",
    by_id: "/api/v1/leads/{id}",
    status: word,
    about_status: "Only those of this status.",
};
const AUTOMATION: Noun = Noun {
    one: "automation",
    many: "automations",
    capital: "Automation",
    all: "/api/v1/automations",
    by_id: "/api/v1/automations/{id}",
    status: activity,
    about_status: "Only those that are active, or only those that are not.",
};

fn activity() -> Object {
    one_of(["active", "inactive"])
}

fn word() -> Object {
    text_up_to(100)
}

/// Out-of-range integers are brought into range.
fn page() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).default(Some(1.into())).build()
}

impl Noun {
    fn operation(&self, method: &'static str, path: &'static str, verb: &str, id: &str) -> Operation {
        let tag = format!("{}s", self.capital);
        operation(method, path, &tag, id).scope(format!("{verb}-{}", self.many))
    }

    fn with_id(&self, operation: Operation) -> Operation {
        let missing = format!("There is no such {}.", self.one);
        operation.path("id", matching(ID), &format!("The {}'s id.", self.one)).refuses(404, &missing)
    }
}

fn list<L: ToSchema>(noun: &Noun) -> Operation {
    paged(noun.operation("GET", noun.all, "read", &format!("list{}s", noun.capital)))
        .summary(&format!("Lists {}", noun.many))
        .about(
            "By page number, or, flat in cost however long the list is, by cursor: an empty `cursor` begins, and \
             `meta.next_cursor` goes on until it is null. On the way `limit` may change; order and filter may not.",
        )
        .query("cursor", text(), "Empty to begin a walk, then the `meta.next_cursor` of the page before.")
        .query(
            "sort",
            one_of(["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"]),
            "What to sort by, descending with a - in front; -created_at when nothing is said.",
        )
        .query("status", (noun.status)(), noun.about_status)
        .query("search", text_up_to(100), "Only those that have this text, in any case, in a text field.")
        .query("updated_since", date_time(), "Only those that changed at or after this moment.")
        .answers(200, "A page.", [json::<L>()])
        .refuses(422, "A parameter cannot be followed; `errors` names each.")
}

fn paged(operation: Operation) -> Operation {
    operation.query("page", page(), "From 1; a smaller number counts as 1.").query(
        "limit",
        between_or(1, 100, 25),
        "How many a page has; a number out of range is brought into it.",
    )
}

fn create<I: ToSchema, E: ToSchema>(noun: &Noun) -> Operation {
    let operation = noun.operation("POST", noun.all, "create", &format!("create{}", noun.capital));
    repeatable(operation)
        .summary(&format!("Makes a {}", noun.one))
        .takes([json::<I>()])
        .answers(201, "It is made.", [json::<E>()])
        .with(MAYBE_ETAG)
        .with(REPLAYED)
        .refuses(422, "The body or a header breaks rules; `errors` names every field that does.")
}

fn get<E: ToSchema>(noun: &Noun) -> Operation {
    noun.with_id(noun.operation("GET", noun.by_id, "read", &format!("get{}", noun.capital)))
        .summary(&format!("Reads a {}", noun.one))
        .answers(200, "As it is now.", [json::<E>()])
        .with(ETAG)
}

fn update<I: ToSchema, E: ToSchema>(noun: &Noun) -> Operation {
    let operation = noun.operation("PATCH", noun.by_id, "update", &format!("update{}", noun.capital));
    conditional(repeatable(noun.with_id(operation)))
        .summary(&format!("Changes a {}", noun.one))
        .takes([json::<I>(), body::<I>("application/merge-patch+json")])
        .answers(200, "As it is then.", [json::<E>()])
        .with(MAYBE_ETAG)
        .with(REPLAYED)
        .refuses(422, "The body or a header breaks rules; `errors` names every field that does.")
}

fn delete(noun: &Noun) -> Operation {
    conditional(noun.with_id(noun.operation(
        "DELETE",
        noun.by_id,
        "delete",
        &format!("delete{}", noun.capital),
    )))
    .summary(&format!("Deletes a {}", noun.one))
    .answers(204, "It is gone.", [])
}

fn convert() -> Operation {
    let operation =
        operation("POST", "/api/v1/leads/{id}/convert", "Leads", "convertLead").scope("update-leads");
    conditional(repeatable(LEAD.with_id(operation)))
        .summary("Makes a customer of a lead")
        .about(
            "Links the oldest customer that has the lead's e-mail address, else makes one. The second time it answers \
             the lead as it is.",
        )
        .answers(200, "The lead, with `customer_id`.", [json::<is::LeadEnvelope>()])
        .with(MAYBE_ETAG)
        .with(REPLAYED)
        .refuses(422, "A header breaks rules.")
}

fn create_automation() -> Operation {
    operation("POST", AUTOMATION.all, "Automations", "createAutomation")
        .scope("create-automations")
        .summary("Is refused")
        .about("Automations are written as files by their authors, not through this API.")
        .refuses(422, "Always.")
}

fn runs() -> Operation {
    let operation = operation("GET", "/api/v1/automations/{id}/runs", "Automations", "listAutomationRuns");
    paged(AUTOMATION.with_id(operation.scope("read-automations")))
        .summary("Lists the runs of an automation, newest first")
        .query("state", one_of(["pending", "completed", "dead_letter"]), "Only those that are there.")
        .answers(200, "A page.", [json::<is::AutomationRunList>()])
        .refuses(422, "A parameter cannot be followed; `errors` names each.")
}

fn repeatable(operation: Operation) -> Operation {
    operation.header(
        "Idempotency-Key",
        text_up_to(255),
        "For a request that may be sent again: for 24 hours the same key with the same method, path and body is \
         answered the same bytes, and nothing is done twice. With another request it is a 422. Refused requests are \
         not kept: they can be mended under the same key.",
    )
}

fn conditional(operation: Operation) -> Operation {
    operation
        .header(
            "If-Match",
            text(),
            "Only if the resource is at one of these versions (RFC 9110 §13.1.1), or `*`.",
        )
        .refuses(412, "The resource is at another version than `If-Match` says.")
}

fn dialect() -> Dialect {
    Dialect {
        scheme: (
            "BearerAuth",
            usual::bearer_scheme(
                "finova_sk_<secret>",
                "A secret key of the company. Its scopes are `<read|create|update|delete>-<resource>`.",
            ),
        ),
        error: json::<is::Error>(),
        headers: [
            REQUEST_ID,
            Header::maybe("X-RateLimit-Limit", count, "Requests that the window allows."),
            Header::maybe("X-RateLimit-Remaining", count, "Requests that are left of it."),
            Header::maybe("X-RateLimit-Reset", count, "Whole seconds until it begins anew."),
        ]
        .into_iter()
        .chain(IETF_LIMITS)
        .collect(),
        refusals: usual::refusals(),
    }
}
