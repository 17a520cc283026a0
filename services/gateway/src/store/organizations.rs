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
             requests_per_minute_per_organization, max_workers, metadata, created_at, updated_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
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
        organization.updated_at,
        organization.version
    )
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    insert_lex_names(connection, organization).await?;
    Ok(true)
}

async fn insert_lex_names(
    connection: &mut PgConnection,
    organization: &Organization,
) -> Result<(), StoreError> {
    let lex = &organization.lex;
    let names: Vec<String> = lex.organization_id.iter().chain(&lex.aliases).cloned().collect();
    sqlx::query!(
        "insert into lex_names (organization_id, lex_name)
         select distinct $1::uuid, name from unnest($2::text[]) name order by name",
        organization.id.as_uuid(),
        &names
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what may change of an organisation, its version included.
///
/// # Errors
/// [`LEX_NAMES_UNIQUE`] when one of its LEX names is taken, or when the database is unavailable.
pub async fn update(connection: &mut PgConnection, organization: &Organization) -> Result<(), StoreError> {
    let (lex, plan) = (&organization.lex, &organization.plan);
    sqlx::query!(
        "update organizations set name = $2, lex_organization_id = $3, lex_aliases = $4,
             lex_conformance_level = $5, lex_tier = $6, lex_notification_webhook = $7, api_enabled = $8,
             monthly_event_quota = $9, requests_per_minute_per_key = $10,
             requests_per_minute_per_organization = $11, max_workers = $12, metadata = $13, updated_at = $14,
             version = $15
         where id = $1",
        organization.id.as_uuid(),
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
        organization.updated_at,
        organization.version
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("delete from lex_names where organization_id = $1", organization.id.as_uuid())
        .execute(&mut *connection)
        .await?;
    insert_lex_names(connection, organization).await
}

/// Removes an organisation with its clients and their credentials.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete(connection: &mut PgConnection, id: OrganizationId) -> Result<(), StoreError> {
    sqlx::query!("delete from organizations where id = $1", id.as_uuid()).execute(connection).await?;
    Ok(())
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
    version: i64,
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
            version: row.version,
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
    let row = sqlx::query_as!(
        Row,
        "select id, slug, name, lex_organization_id, lex_aliases, lex_conformance_level, lex_tier,
             lex_notification_webhook, api_enabled, monthly_event_quota, requests_per_minute_per_key,
             requests_per_minute_per_organization, max_workers, metadata, created_at, updated_at, version
         from organizations
         where id = $1",
        id.as_uuid()
    )
    .fetch_optional(connection)
    .await?;
    row.map(Organization::try_from).transpose()
}

/// One organisation within reach, that stays until the end of the transaction: for what is about to belong
/// to it.
///
/// # Errors
/// When the database is unavailable.
pub async fn hold(
    connection: &mut PgConnection,
    reach: Reach,
    id: OrganizationId,
) -> Result<Option<Organization>, StoreError> {
    if !reach.includes(id) {
        return Ok(None);
    }
    sqlx::query!("select id from organizations where id = $1 for key share", id.as_uuid())
        .fetch_optional(&mut *connection)
        .await?;
    find(connection, reach, id).await
}

/// One organisation, locked until the end of the transaction.
///
/// # Errors
/// When the database is unavailable.
pub async fn lock(
    connection: &mut PgConnection,
    id: OrganizationId,
) -> Result<Option<Organization>, StoreError> {
    sqlx::query!("select id from organizations where id = $1 for update", id.as_uuid())
        .fetch_optional(&mut *connection)
        .await?;
    find(connection, Reach::Everyone, id).await
}

/// The organisation that bears a LEX name.
///
/// # Errors
/// When the database is unavailable.
pub async fn find_by_lex_name(
    connection: &mut PgConnection,
    name: &str,
) -> Result<Option<Organization>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select o.* from lex_names n join organizations o on o.id = n.organization_id where n.lex_name = $1",
        name
    )
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
        "select id, slug, name, lex_organization_id, lex_aliases, lex_conformance_level, lex_tier,
             lex_notification_webhook, api_enabled, monthly_event_quota, requests_per_minute_per_key,
             requests_per_minute_per_organization, max_workers, metadata, created_at, updated_at, version
         from organizations
         where $1::uuid is null or id = $1
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
