//! Credentials: what a client proves itself with.

use super::client::{ClientStatus, Tier};
use super::organization::{LexLevel, LexTier, Plan};
use super::words::words;
use chrono::{DateTime, Utc};
use contracts::identity::{AppFacts, CredentialKind, IngestFacts, LexFacts, OrganizationRef, SurfaceFacts};
use contracts::ids::{ClientId, CredentialId};
use contracts::limits::LimitWindow;
use platform::secrets::Sealed;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Whether a credential works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CredentialStatus {
    Active,
    Revoked,
    Expired,
}

words! {
    /// The surface that an API key is for.
    KeySurface { Platform = "platform", Crm = "crm", Ingest = "ingest", }
}

impl KeySurface {
    pub const fn kind(self) -> CredentialKind {
        match self {
            Self::Platform => CredentialKind::PlatformKey,
            Self::Crm => CredentialKind::CrmKey,
            Self::Ingest => CredentialKind::IngestKey,
        }
    }

    pub const fn of_kind(kind: CredentialKind) -> Option<Self> {
        match kind {
            CredentialKind::PlatformKey => Some(Self::Platform),
            CredentialKind::CrmKey => Some(Self::Crm),
            CredentialKind::IngestKey => Some(Self::Ingest),
            CredentialKind::ServiceJwt | CredentialKind::OauthClient => None,
        }
    }
}

/// The word for a kind in the table.
pub const fn kind_word(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::ServiceJwt => "service_jwt",
        CredentialKind::PlatformKey => "platform_key",
        CredentialKind::CrmKey => "crm_key",
        CredentialKind::IngestKey => "ingest_key",
        CredentialKind::OauthClient => "oauth_client",
    }
}

/// How the audit log calls a credential of a kind.
pub const fn audit_noun(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::PlatformKey | CredentialKind::CrmKey | CredentialKind::IngestKey => "api_key",
        CredentialKind::ServiceJwt => "service_credential",
        CredentialKind::OauthClient => "oauth_credential",
    }
}

/// The reverse of [`kind_word`].
pub fn kind_of_word(word: &str) -> Option<CredentialKind> {
    use CredentialKind::{CrmKey, IngestKey, OauthClient, PlatformKey, ServiceJwt};
    [ServiceJwt, PlatformKey, CrmKey, IngestKey, OauthClient]
        .into_iter()
        .find(|&kind| kind_word(kind) == word)
}

/// What an API key is asked to be.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub client_id: ClientId,
    pub surface: KeySurface,
    pub name: String,
    pub expires_at: Option<DateTime<Utc>>,
    /// `None`: all that its client may hold on the surface and the caller may grant.
    pub scopes: Option<Vec<String>>,
    pub rate_limit_override: Option<i64>,
    pub metadata: Option<Value>,
    /// For ingest keys, and only for them.
    pub app: Option<NewApp>,
    pub allowed_origins: Option<Vec<String>>,
}

/// The application that an ingest key stands for; one of the same slug is the same application.
#[derive(Clone, Debug)]
pub struct NewApp {
    pub slug: String,
    pub name: String,
    /// `None`: all types, or what the application has already.
    pub allowed_event_types: Option<Vec<String>>,
}

/// An application of an organisation.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub allowed_event_types: Option<Vec<String>>,
}

/// What a service or OAuth credential is asked to be.
#[derive(Clone, Debug)]
pub struct NewCredential {
    pub client_id: ClientId,
    pub kind: CredentialKind,
    pub name: String,
    pub scopes: Vec<String>,
    pub rate_limit_override: Option<i64>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A credential as its owner sees it. Nothing in it is secret.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    pub id: CredentialId,
    pub kind: CredentialKind,
    pub name: String,
    /// The public part: key id, first characters, or `kid`.
    pub lookup: String,
    pub scopes: Vec<String>,
    pub rate_limit_override: Option<i64>,
    pub app: Option<App>,
    pub allowed_origins: Option<Vec<String>>,
    pub metadata: Option<Value>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Credential {
    pub fn status(&self, now: DateTime<Utc>) -> CredentialStatus {
        if self.revoked_at.is_some() {
            CredentialStatus::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            CredentialStatus::Expired
        } else {
            CredentialStatus::Active
        }
    }
}

/// How a stored secret is compared.
#[derive(Clone, Debug)]
pub enum StoredSecret {
    /// Keyed hash of the whole key.
    Hashed(Vec<u8>),
    /// To be opened for its owner.
    Sealed(Sealed),
}

/// Everything that authentication asks about a credential, its client and its organisation.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub id: CredentialId,
    pub kind: CredentialKind,
    pub scopes: Vec<String>,
    pub rate_limit_override: Option<i64>,
    pub allowed_origins: Option<Vec<String>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// When this one of its secrets stops working.
    pub retires_at: Option<DateTime<Utc>>,
    pub secret: StoredSecret,
    /// Of an ingest key.
    pub app: Option<AppFacts>,
    pub client_id: ClientId,
    pub client_status: ClientStatus,
    pub client_scopes: Option<Vec<String>>,
    pub tier: Tier,
    pub organization: OrganizationRef,
    pub lex_organization_id: Option<String>,
    pub lex_aliases: Vec<String>,
    pub lex_level: Option<LexLevel>,
    pub lex_tier: LexTier,
    pub plan: Plan,
}

impl Resolved {
    /// Whether neither it nor this secret of it has come to its end.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        let ended = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= now);
        self.revoked_at.is_none() && !ended(self.expires_at) && !ended(self.retires_at)
    }

    /// What the surface's owner must know of this caller. `window` is the one that a message is charged to.
    pub fn facts(&self, window: Option<LimitWindow>) -> SurfaceFacts {
        match self.kind {
            CredentialKind::IngestKey => self.app.clone().map_or(SurfaceFacts::None, |app| {
                SurfaceFacts::Ingest(IngestFacts {
                    api_enabled: self.plan.api_enabled,
                    monthly_event_quota: self.plan.monthly_event_quota,
                    max_workers: self.plan.max_workers,
                    app,
                })
            }),
            CredentialKind::OauthClient => SurfaceFacts::Lex(LexFacts {
                organization_id: self.lex_organization_id.clone(),
                aliases: self.lex_aliases.clone(),
                level: self.lex_level.map(LexLevel::fact),
                tier: self.lex_tier.fact(),
                window,
            }),
            CredentialKind::ServiceJwt | CredentialKind::PlatformKey | CredentialKind::CrmKey => {
                SurfaceFacts::None
            }
        }
    }
}

/// What a sealed secret is bound to: a ciphertext that is copied to another row does not open there.
pub fn sealing_owner(organization: &OrganizationRef, credential: CredentialId) -> String {
    format!("{}|{credential}", organization.id)
}
