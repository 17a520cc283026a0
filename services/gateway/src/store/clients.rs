//! API clients.

use super::unknown;
use crate::domain::access::Reach;
use crate::domain::client::{Client, ClientFilter, ClientStatus, Paging, SortBy, SortOrder, Tier};
use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, OrganizationId};
use platform_pg::StoreError;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// Stores a new client.
///
/// # Errors
/// When the database is unavailable.
pub async fn insert(connection: &mut PgConnection, client: &Client) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into api_clients (organization_id, id, name, description, redirect_uris, website, logo_url,
             contact_email, status, rate_limit_tier, webhook_url, scopes, metadata, created_at, updated_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        client.organization_id.as_uuid(),
        client.id.as_uuid(),
        client.name,
        client.description,
        &client.redirect_uris,
        client.website,
        client.logo_url,
        client.contact_email,
        client.status.as_str(),
        client.tier.as_str(),
        client.webhook_url,
        client.scopes.as_deref(),
        client.metadata,
        client.created_at,
        client.updated_at,
        client.version
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    organization_id: Uuid,
    organization_slug: String,
    name: String,
    description: Option<String>,
    redirect_uris: Vec<String>,
    website: Option<String>,
    logo_url: Option<String>,
    contact_email: String,
    status: String,
    rate_limit_tier: String,
    webhook_url: Option<String>,
    scopes: Option<Vec<String>>,
    metadata: Option<Value>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
}

impl TryFrom<Row> for Client {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ClientId::new(row.id),
            organization_id: OrganizationId::new(row.organization_id),
            organization_slug: row.organization_slug,
            name: row.name,
            description: row.description,
            redirect_uris: row.redirect_uris,
            website: row.website,
            logo_url: row.logo_url,
            contact_email: row.contact_email,
            status: ClientStatus::parse(&row.status).ok_or_else(|| unknown("client status", &row.status))?,
            tier: Tier::parse(&row.rate_limit_tier).ok_or_else(|| unknown("tier", &row.rate_limit_tier))?,
            webhook_url: row.webhook_url,
            scopes: row.scopes,
            metadata: row.metadata,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// One client within reach.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    reach: Reach,
    id: ClientId,
) -> Result<Option<Client>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select c.id, c.organization_id, o.slug as organization_slug, c.name, c.description, c.redirect_uris, c.website,
             c.logo_url, c.contact_email, c.status, c.rate_limit_tier, c.webhook_url, c.scopes, c.metadata,
             c.created_at, c.updated_at, c.version
         from api_clients c join organizations o on o.id = c.organization_id
         where ($1::uuid is null or c.organization_id = $1) and c.id = $2",
        reach.organization().map(OrganizationId::as_uuid),
        id.as_uuid()
    )
    .fetch_optional(connection)
    .await?;
    row.map(Client::try_from).transpose()
}

/// One client within reach, that stays until the end of the transaction: for what is about to belong to it.
///
/// # Errors
/// When the database is unavailable.
pub async fn hold(
    connection: &mut PgConnection,
    reach: Reach,
    id: ClientId,
) -> Result<Option<Client>, StoreError> {
    let own = reach.organization().map(OrganizationId::as_uuid);
    sqlx::query!(
        "select id from api_clients where ($1::uuid is null or organization_id = $1) and id = $2 for key share",
        own,
        id.as_uuid()
    )
    .fetch_optional(&mut *connection)
    .await?;
    find(connection, reach, id).await
}

/// One client within reach, locked until the end of the transaction.
///
/// # Errors
/// When the database is unavailable.
pub async fn lock(
    connection: &mut PgConnection,
    reach: Reach,
    id: ClientId,
) -> Result<Option<Client>, StoreError> {
    let own = reach.organization().map(OrganizationId::as_uuid);
    sqlx::query!(
        "select id from api_clients where ($1::uuid is null or organization_id = $1) and id = $2 for update",
        own,
        id.as_uuid()
    )
    .fetch_optional(&mut *connection)
    .await?;
    find(connection, reach, id).await
}

/// Writes what may change of a client, its version included.
///
/// # Errors
/// When the database is unavailable.
pub async fn update(connection: &mut PgConnection, client: &Client) -> Result<(), StoreError> {
    sqlx::query!(
        "update api_clients set name = $3, description = $4, redirect_uris = $5, website = $6, logo_url = $7,
             contact_email = $8, status = $9, rate_limit_tier = $10, webhook_url = $11, scopes = $12,
             metadata = $13, updated_at = $14, version = $15
         where organization_id = $1 and id = $2",
        client.organization_id.as_uuid(),
        client.id.as_uuid(),
        client.name,
        client.description,
        &client.redirect_uris,
        client.website,
        client.logo_url,
        client.contact_email,
        client.status.as_str(),
        client.tier.as_str(),
        client.webhook_url,
        client.scopes.as_deref(),
        client.metadata,
        client.updated_at,
        client.version
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a client with its credentials and their secrets.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    id: ClientId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from api_clients where organization_id = $1 and id = $2",
        organization_id.as_uuid(),
        id.as_uuid()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A page of the clients within reach, and how many there are.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    reach: Reach,
    filter: &ClientFilter,
    sorting: (SortBy, SortOrder),
    paging: Paging,
) -> Result<(Vec<Client>, i64), StoreError> {
    let mut rows = QueryBuilder::new(
        "select c.*, o.slug as organization_slug from api_clients c join organizations o on o.id = c.organization_id",
    );
    restrict(&mut rows, reach, filter);
    let (column, order) = (column(sorting.0), sorting.1.as_str());
    rows.push(format!(" order by {column} {order}, c.id {order} limit ")).push_bind(paging.limit);
    rows.push(" offset ").push_bind(paging.offset());
    let rows: Vec<Row> = rows.build_query_as().fetch_all(&mut *connection).await?;

    let mut count = QueryBuilder::new("select count(*) from api_clients c");
    restrict(&mut count, reach, filter);
    let total = count.build_query_scalar().fetch_one(connection).await?;
    let clients: Result<_, _> = rows.into_iter().map(Client::try_from).collect();
    Ok((clients?, total))
}

fn restrict(query: &mut QueryBuilder<Postgres>, reach: Reach, filter: &ClientFilter) {
    let own = reach.organization().map(OrganizationId::as_uuid);
    query
        .push(" where (")
        .push_bind(own)
        .push("::uuid is null or c.organization_id = ")
        .push_bind(own)
        .push(")");
    if let Some(status) = filter.status {
        query.push(" and c.status = ").push_bind(status.as_str());
    }
    if let Some(tier) = filter.tier {
        query.push(" and c.rate_limit_tier = ").push_bind(tier.as_str());
    }
    if let Some(part) = &filter.contact_email {
        query.push(" and strpos(lower(c.contact_email), lower(").push_bind(part.clone()).push(")) > 0");
    }
    if let Some(part) = &filter.search {
        query.push(" and (strpos(lower(c.name), lower(").push_bind(part.clone()).push(")) > 0");
        query.push(" or strpos(lower(c.contact_email), lower(").push_bind(part.clone()).push(")) > 0)");
    }
}

const fn column(sort_by: SortBy) -> &'static str {
    match sort_by {
        SortBy::CreatedAt => "c.created_at",
        SortBy::UpdatedAt => "c.updated_at",
        SortBy::Name => "lower(c.name)",
        SortBy::Status => "c.status",
        SortBy::RateLimitTier => "c.rate_limit_tier",
        SortBy::ContactEmail => "lower(c.contact_email)",
    }
}
