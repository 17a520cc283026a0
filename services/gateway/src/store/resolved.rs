//! What authentication asks about a credential, its client and its organisation, in one query.

use super::unknown;
use crate::domain::client::{ClientStatus, Tier};
use crate::domain::credential::{Resolved, StoredSecret, kind_of_word};
use crate::domain::organization::{LexLevel, LexTier, Plan};
use chrono::{DateTime, Utc};
use contracts::identity::{AppFacts, OrganizationRef};
use contracts::ids::{ClientId, CredentialId, OrganizationId};
use platform::secrets::Sealed;
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

struct Row {
    id: Uuid,
    kind: String,
    scopes: Vec<String>,
    rate_limit_override: Option<i64>,
    allowed_origins: Option<Vec<String>>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    retires_at: Option<DateTime<Utc>>,
    hash: Option<Vec<u8>>,
    sealed_key_id: Option<String>,
    sealed: Option<Vec<u8>>,
    app_id: Option<Uuid>,
    app_slug: Option<String>,
    app_name: Option<String>,
    allowed_event_types: Option<Vec<String>>,
    client_id: Uuid,
    client_status: String,
    client_scopes: Option<Vec<String>>,
    rate_limit_tier: String,
    organization_id: Uuid,
    slug: String,
    lex_organization_id: Option<String>,
    lex_aliases: Vec<String>,
    lex_conformance_level: Option<String>,
    lex_tier: String,
    api_enabled: bool,
    monthly_event_quota: i64,
    requests_per_minute_per_key: i64,
    requests_per_minute_per_organization: i64,
    max_workers: Option<i64>,
}

impl TryFrom<Row> for Resolved {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let secret = match (row.hash, row.sealed_key_id, row.sealed) {
            (Some(hash), _, _) => StoredSecret::Hashed(hash),
            (None, Some(key_id), Some(bytes)) => StoredSecret::Sealed(Sealed { key_id, bytes }),
            _ => return Err(unknown("secret of credential", &row.id.to_string())),
        };
        let level = row
            .lex_conformance_level
            .map(|word| LexLevel::parse(&word).ok_or_else(|| unknown("conformance level", &word)));
        let app = row.app_id.zip(row.app_slug).zip(row.app_name);
        Ok(Self {
            id: CredentialId::new(row.id),
            kind: kind_of_word(&row.kind).ok_or_else(|| unknown("credential kind", &row.kind))?,
            scopes: row.scopes,
            rate_limit_override: row.rate_limit_override,
            allowed_origins: row.allowed_origins,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            retires_at: row.retires_at,
            secret,
            app: app.map(|((id, slug), name)| AppFacts {
                id,
                slug,
                name,
                allowed_event_types: row.allowed_event_types,
            }),
            client_id: ClientId::new(row.client_id),
            client_status: ClientStatus::parse(&row.client_status)
                .ok_or_else(|| unknown("client status", &row.client_status))?,
            client_scopes: row.client_scopes,
            tier: Tier::parse(&row.rate_limit_tier).ok_or_else(|| unknown("tier", &row.rate_limit_tier))?,
            organization: OrganizationRef { id: OrganizationId::new(row.organization_id), slug: row.slug },
            lex_organization_id: row.lex_organization_id,
            lex_aliases: row.lex_aliases,
            lex_level: level.transpose()?,
            lex_tier: LexTier::parse(&row.lex_tier).ok_or_else(|| unknown("LEX tier", &row.lex_tier))?,
            plan: Plan {
                api_enabled: row.api_enabled,
                monthly_event_quota: row.monthly_event_quota,
                requests_per_minute_per_key: row.requests_per_minute_per_key,
                requests_per_minute_per_organization: row.requests_per_minute_per_organization,
                max_workers: row.max_workers,
            },
        })
    }
}

/// The credential that a presented key or `kid` claims to be. The tenant is not known yet: this is what
/// finds it out.
///
/// # Errors
/// When the database is unavailable.
pub async fn by_lookup(connection: &mut PgConnection, lookup: &str) -> Result<Option<Resolved>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select c.id, c.kind, c.scopes, c.rate_limit_override, c.allowed_origins, c.expires_at, c.revoked_at,
             s.retires_at, s.hash, s.sealed_key_id, s.sealed, c.app_id, a.slug as "app_slug?",
             a.name as "app_name?", a.allowed_event_types, c.client_id, cl.status as client_status, cl.scopes as client_scopes,
             cl.rate_limit_tier, c.organization_id, o.slug, o.lex_organization_id, o.lex_aliases,
             o.lex_conformance_level, o.lex_tier, o.api_enabled, o.monthly_event_quota,
             o.requests_per_minute_per_key, o.requests_per_minute_per_organization, o.max_workers
         from credential_secrets s
         join credentials c on c.id = s.credential_id
         join api_clients cl on cl.organization_id = c.organization_id and cl.id = c.client_id
         join organizations o on o.id = c.organization_id
         left join apps a on a.organization_id = c.organization_id and a.id = c.app_id
         where s.lookup = $1"#,
        lookup
    )
    .fetch_optional(connection)
    .await?;
    row.map(Resolved::try_from).transpose()
}

/// A credential by its id, once for each of its secrets, the newest first. The tenant is not known yet here
/// either: the id is what an access token or an OAuth client says of itself.
///
/// # Errors
/// When the database is unavailable.
pub async fn by_id(connection: &mut PgConnection, id: CredentialId) -> Result<Vec<Resolved>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select c.id, c.kind, c.scopes, c.rate_limit_override, c.allowed_origins, c.expires_at, c.revoked_at,
             s.retires_at, s.hash, s.sealed_key_id, s.sealed, c.app_id, a.slug as "app_slug?",
             a.name as "app_name?", a.allowed_event_types, c.client_id, cl.status as client_status, cl.scopes as client_scopes,
             cl.rate_limit_tier, c.organization_id, o.slug, o.lex_organization_id, o.lex_aliases,
             o.lex_conformance_level, o.lex_tier, o.api_enabled, o.monthly_event_quota,
             o.requests_per_minute_per_key, o.requests_per_minute_per_organization, o.max_workers
         from credential_secrets s
         join credentials c on c.id = s.credential_id
         join api_clients cl on cl.organization_id = c.organization_id and cl.id = c.client_id
         join organizations o on o.id = c.organization_id
         left join apps a on a.organization_id = c.organization_id and a.id = c.app_id
         where c.id = $1
         order by s.retires_at desc nulls first"#,
        id.as_uuid()
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Resolved::try_from).collect()
}
