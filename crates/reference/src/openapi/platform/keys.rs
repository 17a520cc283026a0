//! `/api/v1/api-keys`, `/api/v1/api-clients/{id}/api-keys`, `/api/v1/whoami`.

use super::clients::Scope;
use super::common::{Common, Pagination};
use super::words;
use crate::openapi::operation::{Operation, json, operation};
use crate::openapi::schema::uuid;
use crate::openapi::usual::REPLAYED;
use utoipa::ToSchema;

const TAG: &str = "API keys";

pub fn operations() -> Vec<Operation> {
    vec![
        operation("POST", "/api/v1/api-keys", TAG, "createApiKey")
            .summary("Make an API key")
            .about("The key is shown this once: only a keyed hash of it is stored.")
            .scope("clients:write")
            .once()
            .takes([json::<ApiKeyCreate>()])
            .answers(201, "The key, for the only time.", [json::<ApiKeyCreated>()])
            .with(REPLAYED)
            .may_be_missing("client"),
        operation("GET", "/api/v1/api-clients/{id}/api-keys", TAG, "listApiKeys")
            .summary("List the keys of a client")
            .about("Of all surfaces, those that work no longer included.")
            .scope("clients:read")
            .of_client()
            .paged()
            .answers(200, "A page of keys, without their secrets.", [json::<ApiKeyPage>()]),
        operation("DELETE", "/api/v1/api-clients/{id}/api-keys/{apiKeyId}", TAG, "revokeApiKey")
            .summary("Revoke a key")
            .about("It is refused on every replica within a second. It stays in the list; revoking it again is 204 too.")
            .scope("clients:write")
            .of_client()
            .path("apiKeyId", uuid(), "The key.")
            .answers(204, "It works no longer.", [])
            .may_be_missing("key"),
        operation("GET", "/api/v1/whoami", TAG, "whoAmI")
            .summary("Show whose key this is and what it may do")
            .answers(200, "The caller.", [json::<WhoAmI>()]),
    ]
}

/// A new key.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ApiKeyCreate {
    /// The client that it is to belong to.
    #[schema(format = "uuid")]
    pub client_id: String,
    /// Not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S", example = "Production Key")]
    pub name: String,
    #[schema(schema_with = surface_in_any_case, required = false)]
    pub surface: Option<String>,
    /// Until when it works; must lie in the future.
    #[schema(format = "date-time")]
    pub expires_at: Option<String>,
    /// Scopes of its surface, each within the client's ceiling and the caller's to give. Left out: all of these. Keys of
    /// ingest have none.
    #[schema(max_items = 100)]
    pub scopes: Option<Vec<Scope>>,
    /// Requests per minute, in place of the tier's. On keys of crm and ingest for administrators only.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub rate_limit_override: Option<i64>,
    #[schema(schema_with = words::metadata, required = false)]
    pub metadata: Option<String>,
    /// The application that an ingest key stands for: required there, refused elsewhere.
    #[schema(nullable = false)]
    pub app: Option<AppCreate>,
    /// The origins that a crm key may be used from in browsers, exactly as browsers send them; refused elsewhere. Left
    /// out: from none and outside of browsers.
    #[schema(min_items = 1, max_items = 50, example = json!(["https://app.example.com"]))]
    pub allowed_origins: Option<Vec<Origin>>,
}

fn surface_in_any_case() -> utoipa::openapi::schema::Object {
    const ABOUT: &str = "The surface that it is for; `platform` when nothing is said. Decides what it looks like: `ins_…`, \
        `finova_sk_…`, `wp_live_…`.";
    words::about(words::in_any_case(&["PLATFORM", "CRM", "INGEST"]), ABOUT)
}

/// A web origin (RFC 6454).
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 255, format = "uri")]
pub struct Origin(pub String);

/// An application. One of the same slug is the same application.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AppCreate {
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9][a-z0-9_-]*$", example = "billing")]
    pub slug: String,
    /// Not blank; takes the place of the name that the application had.
    #[schema(min_length = 1, max_length = 255, pattern = r"\S")]
    pub name: String,
    /// The event types that it may send. Left out: all, or those that it has already.
    #[schema(max_items = 500)]
    pub allowed_event_types: Option<Vec<EventType>>,
}

/// The type of an event: `policy.created`.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 128)]
pub struct EventType(pub String);

/// An application.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct App {
    #[schema(format = "uuid")]
    pub id: String,
    pub slug: String,
    pub name: String,
    /// `null`: all.
    #[schema(required = true)]
    pub allowed_event_types: Option<Vec<String>>,
}

/// A key as lists show it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ApiKey {
    #[schema(format = "uuid")]
    pub id: String,
    /// The public part of the key.
    #[schema(example = "ins_abc123def456")]
    pub key_id: String,
    /// Its first characters.
    #[schema(example = "ins_abc1")]
    pub key_prefix: String,
    pub name: String,
    #[schema(inline)]
    pub status: CredentialStatus,
    #[schema(inline)]
    pub surface: KeySurface,
    /// Half a second behind at most.
    #[schema(required = true, format = "date-time")]
    pub last_used_at: Option<String>,
    #[schema(required = true, format = "date-time")]
    pub expires_at: Option<String>,
    pub scopes: Vec<String>,
    /// Requests per minute, in place of the tier's.
    #[schema(required = true)]
    pub rate_limit_override: Option<i64>,
    #[schema(schema_with = words::metadata, required = true)]
    pub metadata: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Of ingest keys.
    #[schema(nullable = false)]
    pub app: Option<App>,
    /// Of crm keys that have any.
    #[schema(nullable = false)]
    pub allowed_origins: Option<Vec<String>>,
}

/// A new key with its secret.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ApiKeyCreated {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "uuid")]
    pub client_id: String,
    /// The whole key, this once.
    #[schema(example = "ins_abc123def456_…")]
    pub key: String,
    #[schema(example = "ins_abc123def456")]
    pub key_id: String,
    #[schema(example = "ins_abc1")]
    pub key_prefix: String,
    pub name: String,
    #[schema(inline)]
    pub status: CredentialStatus,
    #[schema(inline)]
    pub surface: KeySurface,
    #[schema(required = true, format = "date-time")]
    pub last_used_at: Option<String>,
    #[schema(required = true, format = "date-time")]
    pub expires_at: Option<String>,
    pub scopes: Vec<String>,
    #[schema(required = true)]
    pub rate_limit_override: Option<i64>,
    #[schema(schema_with = words::metadata, required = true)]
    pub metadata: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(nullable = false)]
    pub app: Option<App>,
    #[schema(nullable = false)]
    pub allowed_origins: Option<Vec<String>>,
}

/// Whether a credential works.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum CredentialStatus {
    Active,
    Revoked,
    Expired,
}

/// The surface that a key is for.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum KeySurface {
    Platform,
    Crm,
    Ingest,
}

/// A page of keys.
#[derive(ToSchema)]
pub struct ApiKeyPage {
    pub data: Vec<ApiKey>,
    pub pagination: Pagination,
}

/// Who is calling.
#[derive(ToSchema)]
pub struct WhoAmI {
    pub organization: WhoseOrganization,
    pub client: Identified,
    pub credential: Identified,
    /// What the key holds.
    pub scopes: Vec<String>,
    /// Whether it has `platform:admin`.
    pub admin: bool,
}

/// An organisation by its names.
#[derive(ToSchema)]
pub struct WhoseOrganization {
    #[schema(format = "uuid")]
    pub id: String,
    pub slug: String,
}

/// A thing by its id.
#[derive(ToSchema)]
pub struct Identified {
    #[schema(format = "uuid")]
    pub id: String,
}
