//! Organisations, and the LEX names that belong to one alone.

use super::unknown;
use crate::domain::access::Reach;
use crate::domain::client::Paging;
use crate::domain::organization::{LexLevel, LexProfile, LexTier, Organization, Plan};
use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// The constraint of a slug that is taken.
pub const SLUG_UNIQUE: &str = "organizations_slug_unique";
/// The constraint of a LEX id or alias that is taken.
pub const LEX_NAMES_UNIQUE: &str = "lex_names_unique";

/// Stores a new organisation. False when its slug is taken.
///
/// # Errors
/// [`LEX_NAMES_UNIQUE`] when one of its LEX names is taken, or when the database is unavailable.
pub async fn insert(connection: &mut PgConnection, organization: &Organization) -> Result<bool, StoreError> {
    let (lex, plan) = (&organization.lex, &organization.plan);
    let inserted = sqlx::query!(
        "insert into organizations (id, slug, name, lex_organization_id, lex_aliases, lex_conformance_level,
             lex_tier, lex_notification_webhook, api_enabled, monthly_event_quota, requests_per_minute_per_key,
             requests_per_minute_per_organization, max_workers, metadata, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict on constraint organizations_slug_unique do nothing",
        organization.id.as_uuid(),
        organization.slug,
        organization.name,
        lex.organization_id,
        &lex.aliases,
        lex.conformance_level.map(LexLevel::as_str),
        lex.tier.as_str(),
        lex.notification_webhook,
        plan.api_enabled,
        plan.monthly_event_quota,
        plan.requests_per_minute_per_key,
        plan.requests_per_minute_per_organization,
        plan.max_workers,
        organization.metadata,
        organization.created_at,
        organization.updated_at
    )
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    let names: Vec<String> = lex.organization_id.iter().chain(&lex.aliases).cloned().collect();
    sqlx::query!(
        "insert into lex_names (organization_id, lex_name) select distinct $1::uuid, name from unnest($2::text[]) name",
        organization.id.as_uuid(),
        &names
    )
    .execute(connection)
    .await?;
    Ok(true)
}

struct Row {
    id: Uuid,
    slug: String,
    name: String,
    lex_organization_id: Option<String>,
    lex_aliases: Vec<String>,
    lex_conformance_level: Option<String>,
    lex_tier: String,
    lex_notification_webhook: Option<String>,
    api_enabled: bool,
    monthly_event_quota: i64,
    requests_per_minute_per_key: i64,
    requests_per_minute_per_organization: i64,
    max_workers: Option<i64>,
    metadata: Option<Value>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Organization {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let level = row
            .lex_conformance_level
            .map(|word| LexLevel::parse(&word).ok_or_else(|| unknown("conformance level", &word)));
        Ok(Self {
            id: OrganizationId::new(row.id),
            slug: row.slug,
            name: row.name,
            lex: LexProfile {
                organization_id: row.lex_organization_id,
                aliases: row.lex_aliases,
                conformance_level: level.transpose()?,
                tier: LexTier::parse(&row.lex_tier).ok_or_else(|| unknown("LEX tier", &row.lex_tier))?,
                notification_webhook: row.lex_notification_webhook,
            },
            plan: Plan {
                api_enabled: row.api_enabled,
                monthly_event_quota: row.monthly_event_quota,
                requests_per_minute_per_key: row.requests_per_minute_per_key,
                requests_per_minute_per_organization: row.requests_per_minute_per_organization,
                max_workers: row.max_workers,
            },
            metadata: row.metadata,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// One organisation within reach.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    reach: Reach,
    id: OrganizationId,
) -> Result<Option<Organization>, StoreError> {
    if !reach.includes(id) {
        return Ok(None);
    }
    let row = sqlx::query_as!(Row, "select * from organizations where id = $1", id.as_uuid())
        .fetch_optional(connection)
        .await?;
    row.map(Organization::try_from).transpose()
}

/// A page of the organisations within reach, newest first, and how many there are.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    reach: Reach,
    paging: Paging,
) -> Result<(Vec<Organization>, i64), StoreError> {
    let own = reach.organization().map(OrganizationId::as_uuid);
    let rows = sqlx::query_as!(
        Row,
        "select * from organizations where $1::uuid is null or id = $1
         order by created_at desc, id desc limit $2 offset $3",
        own,
        paging.limit,
        paging.offset()
    )
    .fetch_all(&mut *connection)
    .await?;
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from organizations where $1::uuid is null or id = $1"#,
        own
    )
    .fetch_one(connection)
    .await?;
    let organizations: Result<_, _> = rows.into_iter().map(Organization::try_from).collect();
    Ok((organizations?, total))
}
