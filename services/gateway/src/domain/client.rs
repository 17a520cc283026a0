//! An API client: a program of an organisation, owner of credentials.

use super::words::words;
use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, OrganizationId};
use serde::Serialize;
use serde_json::Value;

words! {
    /// Whether its credentials work.
    ClientStatus { Active = "ACTIVE", Suspended = "SUSPENDED", }
    /// How many requests it may make on the platform surface.
    Tier { Basic = "BASIC", Standard = "STANDARD", Premium = "PREMIUM", Enterprise = "ENTERPRISE", }
    /// What lists of clients are sorted by.
    SortBy {
        CreatedAt = "createdAt",
        UpdatedAt = "updatedAt",
        Name = "name",
        Status = "status",
        RateLimitTier = "rateLimitTier",
        ContactEmail = "contactEmail",
    }
    /// In which direction.
    SortOrder { Asc = "asc", Desc = "desc", }
}

impl Tier {
    pub const ALL: [Self; 4] = [Self::Basic, Self::Standard, Self::Premium, Self::Enterprise];

    /// Requests per minute, hour and day (`GET /rate-limits`).
    pub const fn figures(self) -> [u64; 3] {
        match self {
            Self::Basic => [60, 1_000, 10_000],
            Self::Standard => [120, 5_000, 50_000],
            Self::Premium => [300, 15_000, 150_000],
            Self::Enterprise => [600, 50_000, 500_000],
        }
    }
}

/// What a client is asked to be.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// `None`: where the caller's right leads.
    pub organization_id: Option<OrganizationId>,
    pub name: String,
    pub description: Option<String>,
    pub redirect_uris: Vec<String>,
    pub website: Option<String>,
    pub logo_url: Option<String>,
    pub contact_email: String,
    pub tier: Tier,
    pub webhook_url: Option<String>,
    /// `None`: everything of its organisation but `platform:admin`.
    pub scopes: Option<Vec<String>>,
    pub metadata: Option<Value>,
}

/// What it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    pub id: ClientId,
    pub organization_id: OrganizationId,
    pub organization_slug: String,
    pub name: String,
    pub description: Option<String>,
    pub redirect_uris: Vec<String>,
    pub website: Option<String>,
    pub logo_url: Option<String>,
    pub contact_email: String,
    pub status: ClientStatus,
    pub tier: Tier,
    pub webhook_url: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub metadata: Option<Value>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// How often it was written.
    #[serde(skip)]
    pub version: i64,
}

/// Which clients a list shows.
#[derive(Clone, Debug, Default)]
pub struct ClientFilter {
    pub status: Option<ClientStatus>,
    pub tier: Option<Tier>,
    /// A part of the contact e-mail address, in any case.
    pub contact_email: Option<String>,
    /// A part of the name or of the contact e-mail address, in any case.
    pub search: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// From 1.
    pub page: i64,
    /// 1 to 100.
    pub limit: i64,
}

impl Paging {
    /// How many rows come before the page.
    pub const fn offset(self) -> i64 {
        (self.page - 1).saturating_mul(self.limit)
    }
}
