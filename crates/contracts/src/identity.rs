//! The claims of the internal identity token, which the gateway signs and every service verifies.
//!
//! One HMAC-SHA256 key and one audience per service; a token lives 60 seconds. A service needs no copy
//! of the caller's organisation: all that it may ask about the caller is in here.

use crate::ids::{ClientId, CredentialId, OrganizationId};
use crate::limits::LimitWindow;
use crate::surface::Surface;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the header that carries the token.
pub const IDENTITY_HEADER: &str = "x-leadwire-identity";

/// How long an identity token lives, in seconds.
pub const IDENTITY_LIFETIME_SECONDS: u64 = 60;

/// The issuer of every identity token.
pub const IDENTITY_ISSUER: &str = "leadwire-gateway";

/// The claims set of an identity token (RFC 7519 §4.1 names where they are registered).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityClaims {
    pub iss: String,
    /// [`crate::Service::name`] of the one service that may accept it.
    pub aud: String,
    pub iat: u64,
    pub exp: u64,
    pub caller: Caller,
}

/// On whose behalf a request is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Caller {
    /// An authenticated credential of a client.
    Principal(Box<Principal>),
    /// Nobody: an open route such as `healthz`.
    Anonymous,
    /// Another service of the platform, on an `/internal` route.
    Service { name: String },
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    pub organization: OrganizationRef,
    pub client_id: ClientId,
    pub credential: CredentialRef,
    /// What this request may do: already narrowed to token ∩ credential ∩ client.
    pub scopes: Vec<String>,
    pub surface: Surface,
    /// What the surface's owner must know of the caller beside the scopes. Absent in the tokens of older
    /// gateways.
    #[serde(default, skip_serializing_if = "SurfaceFacts::is_none")]
    pub facts: SurfaceFacts,
}

impl Principal {
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

/// The caller's organisation, as far as a service needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationRef {
    pub id: OrganizationId,
    pub slug: String,
}

/// What one surface's owner asks about its caller, so that it needs no copy of the organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SurfaceFacts {
    /// The scopes say all.
    #[default]
    None,
    Ingest(IngestFacts),
    Lex(LexFacts),
    Platform(PlatformFacts),
}

impl SurfaceFacts {
    const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// Whose things a request to the platform surface is about: the organisation or the client in its path. The
/// gateway has made sure that it exists and that the caller may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformFacts {
    pub organization: OrganizationRef,
    /// When the path names a client.
    pub client_id: Option<ClientId>,
}

/// The plan and the application behind an ingest key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestFacts {
    /// The organisation's API switch.
    pub api_enabled: bool,
    /// Events per calendar month.
    pub monthly_event_quota: i64,
    /// `None`: as many as it likes.
    pub max_workers: Option<i64>,
    pub app: AppFacts,
}

/// An application of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppFacts {
    pub id: uuid::Uuid,
    pub slug: String,
    /// Empty for as long as a gateway from before there was one stands beside newer services.
    #[serde(default)]
    pub name: String,
    /// `None`: all types.
    pub allowed_event_types: Option<Vec<String>>,
}

/// Who the caller's organisation is in LEX messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LexFacts {
    pub organization_id: Option<String>,
    pub aliases: Vec<String>,
    pub level: Option<LexLevel>,
    pub tier: LexTier,
    /// What the request was charged to. Absent in the tokens of older gateways.
    #[serde(default)]
    pub window: Option<LimitWindow>,
}

/// How much of the LEX standard an organisation has shown to master.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum LexLevel {
    L1,
    L2,
    L3,
}

/// How many LEX messages an organisation may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LexTier {
    Standard,
    Enterprise,
}

/// The credential that a request was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRef {
    pub id: CredentialId,
    pub kind: CredentialKind,
}

/// The five kinds of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// Partner surface: HS256 token minted by the client.
    ServiceJwt,
    /// Platform surface: `ins_…`.
    PlatformKey,
    /// CRM surface: `finova_sk_…`.
    CrmKey,
    /// Ingest surface: `wp_live_…`.
    IngestKey,
    /// LEX surface: OAuth 2.0 access token.
    OauthClient,
}
