//! `/api/v1/api-clients`.

use super::common::{Common, Pagination};
use super::keys::ApiKey;
use super::webhooks::WebhookRow;
use super::words;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::{one_of, text};
use crate::openapi::usual::REPLAYED;
use utoipa::ToSchema;

const TAG: &str = "API clients";
const ALL: &str = "/api/v1/api-clients";
const ONE: &str = "/api/v1/api-clients/{id}";

pub fn operations() -> Vec<Operation> {
    vec![
        operation("POST", ALL, TAG, "createApiClient")
            .summary("Make a client")
            .about(
                "Without `organizationId` it belongs to the caller's organisation; an administrator gets a new \
                 organisation named after it.",
            )
            .scope("clients:write")
            .once()
            .takes([json::<ApiClientCreate>()])
            .answers(201, "The client.", [json::<ApiClient>()])
            .with(REPLAYED)
            .may_be_missing("organisation"),
        operation("GET", ALL, TAG, "listApiClients")
            .summary("List clients")
            .scope("clients:read")
            .query("status", words::client_status_in_any_case(), "Only clients of this status.")
            .query("rateLimitTier", words::tier_in_any_case(), "Only clients of this tier.")
            .query("contactEmail", text(), "A part of the contact's address, in any case.")
            .query("search", text(), "A part of the name or of the contact's address, in any case.")
            .paged()
            .query("sortBy", one_of(SORTED_BY), "By what; `createdAt` when nothing is said.")
            .query("sortOrder", words::sort_order(), "`desc` when nothing is said.")
            .answers(200, "A page of clients.", [json::<ApiClientPage>()]),
        operation("GET", ONE, TAG, "getApiClient")
            .summary("Show a client with its keys and webhooks")
            .scope("clients:read")
            .of_client()
            .answers(200, "The client.", [json::<ApiClient>()]),
        operation("PUT", ONE, TAG, "updateApiClient")
            .summary("Change a client")
            .about(
                "What the body has takes the place of what was there, `null` clears; everything else stays. A client \
                 that is suspended is refused with all its credentials within a second.",
            )
            .scope("clients:write")
            .of_client()
            .takes([json::<ApiClientUpdate>()])
            .answers(200, "The client as it is now.", [json::<ApiClient>()])
            .may_conflict("a client does not suspend itself"),
        operation("DELETE", ONE, TAG, "deleteApiClient")
            .summary("Delete a client with its credentials and webhooks")
            .scope("clients:write")
            .of_client()
            .answers(204, "It is gone; its credentials are refused from now on.", [])
            .may_conflict("a client does not delete itself"),
    ]
}

const SORTED_BY: [&str; 6] = ["createdAt", "updatedAt", "name", "status", "rateLimitTier", "contactEmail"];

/// A new client.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ApiClientCreate {
    /// Not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "My Partner App")]
    pub name: String,
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// Absolute URIs without a fragment, of no scheme that a browser would run.
    #[schema(max_items = 50, example = json!(["https://example.com/callback"]))]
    pub redirect_uris: Vec<RedirectUri>,
    /// `http` or `https`, without user information.
    #[schema(min_length = 1, max_length = 2048, format = "uri")]
    pub website: Option<String>,
    /// `http` or `https`, without user information.
    #[schema(min_length = 1, max_length = 2048, format = "uri")]
    pub logo_url: Option<String>,
    #[schema(max_length = 255, format = "email", example = "tech@example.com")]
    pub contact_email: String,
    #[schema(schema_with = tier_or_null)]
    pub rate_limit_tier: Option<String>,
    /// Kept for the client; subscriptions have URLs of their own. `http` or `https`, without user information.
    #[schema(min_length = 1, max_length = 2048, format = "uri")]
    pub webhook_url: Option<String>,
    /// The most that its credentials may hold, of every surface. `null`: everything of its organisation but
    /// `platform:admin`, or as much as the client that makes it may.
    #[schema(max_items = 100, example = json!(["leads:read", "leads:write", "webhooks:write"]))]
    pub scopes: Option<Vec<Scope>>,
    #[schema(schema_with = words::metadata, required = false)]
    pub metadata: Option<String>,
    /// Whose client it is; for administrators.
    #[schema(format = "uuid")]
    pub organization_id: Option<String>,
}

/// A change of a client.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ApiClientUpdate {
    /// Not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", nullable = false)]
    pub name: Option<String>,
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    #[schema(max_items = 50, nullable = false)]
    pub redirect_uris: Option<Vec<RedirectUri>>,
    #[schema(min_length = 1, max_length = 2048, format = "uri")]
    pub website: Option<String>,
    #[schema(min_length = 1, max_length = 2048, format = "uri")]
    pub logo_url: Option<String>,
    #[schema(max_length = 255, format = "email", nullable = false)]
    pub contact_email: Option<String>,
    #[schema(schema_with = words::client_status_in_any_case)]
    pub status: Option<String>,
    #[schema(schema_with = tier_or_null)]
    pub rate_limit_tier: Option<String>,
    #[schema(min_length = 1, max_length = 2048, format = "uri")]
    pub webhook_url: Option<String>,
    /// `null` lifts the ceiling. What it did not allow before must be the caller's to give.
    #[schema(max_items = 100)]
    pub scopes: Option<Vec<Scope>>,
    #[schema(schema_with = words::metadata, required = false)]
    pub metadata: Option<String>,
}

/// An absolute URI.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 2048, format = "uri")]
pub struct RedirectUri(pub String);

/// `clients:read`, `read-products`, `lex:leads:write`, `acme:leads:write`: a scope of any surface, those of partners with
/// the slug of the organisation.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 128,
    pattern = r"^(platform:admin|(clients|webhooks|leads):(read|write)|usage:read|(read|create|update|delete)-(products|customers|leads|automations)|lex:(leads|assets):(read|write)|lex:(closures:write|subscriptions:manage|conformance)|[a-z][a-z0-9_]+:(leads|webhooks):(read|write))$"
)]
pub struct Scope(pub String);

fn tier_or_null() -> utoipa::openapi::schema::Object {
    words::about(words::or_null(words::tier_in_any_case()), "`STANDARD` for a new client, and for `null`.")
}

/// A client.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ApiClient {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "uuid")]
    pub organization_id: String,
    pub name: String,
    #[schema(required = true)]
    pub description: Option<String>,
    pub redirect_uris: Vec<String>,
    #[schema(required = true)]
    pub website: Option<String>,
    #[schema(required = true)]
    pub logo_url: Option<String>,
    pub contact_email: String,
    #[schema(schema_with = words::client_status)]
    pub status: String,
    #[schema(schema_with = words::tier)]
    pub rate_limit_tier: String,
    #[schema(required = true)]
    pub webhook_url: Option<String>,
    /// Always `null`: every subscription has a secret of its own.
    #[schema(required = true)]
    pub webhook_secret: Option<String>,
    /// The most that its credentials may hold; `null` when nothing limits them but the organisation.
    #[schema(required = true)]
    pub scopes: Option<Vec<String>>,
    #[schema(schema_with = words::metadata, required = true)]
    pub metadata: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// All of them, those that work no longer included.
    pub api_keys: Vec<ApiKey>,
    /// Of all families, newest first. `null`: not known at the moment.
    #[schema(required = true)]
    pub webhook_subscriptions: Option<Vec<WebhookRow>>,
}

/// A client as lists show it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ApiClientRow {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "uuid")]
    pub organization_id: String,
    pub name: String,
    #[schema(schema_with = words::client_status)]
    pub status: String,
    #[schema(schema_with = words::tier)]
    pub rate_limit_tier: String,
    pub contact_email: String,
    #[schema(format = "date-time")]
    pub created_at: String,
}

/// A page of clients.
#[derive(ToSchema)]
pub struct ApiClientPage {
    pub data: Vec<ApiClientRow>,
    pub pagination: Pagination,
}
