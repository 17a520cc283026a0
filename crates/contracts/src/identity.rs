//! The claims of the internal identity token, which the gateway signs and every service verifies.
//!
//! One HMAC-SHA256 key and one audience per service; a token lives 60 seconds. A service needs no copy
//! of the caller's organisation: all that it may ask about the caller is in here.

use crate::ids::{ClientId, CredentialId, OrganizationId};
use crate::surface::Surface;
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
