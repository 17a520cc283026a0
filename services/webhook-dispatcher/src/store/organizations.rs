//! What is kept of organisations: their LEX names, and where they are told of their own messages.

use chrono::{DateTime, Utc};
use contracts::ids::{OrganizationId, SubscriptionId};
use platform_pg::StoreError;
use sqlx::PgConnection;

/// Where an organisation is told of its own messages.
#[derive(Clone, Debug)]
pub struct Notices {
    pub id: SubscriptionId,
    pub url: String,
}

/// Keeps the LEX names of an organisation, as of an event of it. Says whether the event is news.
///
/// # Errors
/// When the database is unavailable.
pub async fn remember(
    connection: &mut PgConnection,
    organization: OrganizationId,
    lex_ids: &[String],
    version: i64,
) -> Result<bool, StoreError> {
    let kept = sqlx::query!(
        "insert into organizations (organization_id, lex_ids, version) values ($1, $2, $3)
         on conflict (organization_id) do update set lex_ids = excluded.lex_ids, version = excluded.version
             where organizations.version < excluded.version",
        organization.as_uuid(),
        lex_ids,
        version
    )
    .execute(connection)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// The LEX names of an organisation, as far as they are known.
///
/// # Errors
/// When the database is unavailable.
pub async fn lex_ids(
    connection: &mut PgConnection,
    organization: OrganizationId,
) -> Result<Vec<String>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select lex_ids from organizations where organization_id = $1",
        organization.as_uuid()
    )
    .fetch_optional(connection)
    .await?;
    Ok(ids.unwrap_or_default())
}

/// Gives the subscriptions of an organisation its LEX names, as of a version. Says which.
///
/// # Errors
/// When the database is unavailable.
pub async fn rename(
    connection: &mut PgConnection,
    organization: OrganizationId,
    lex_ids: &[String],
    version: i64,
    now: DateTime<Utc>,
) -> Result<Vec<SubscriptionId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "update subscriptions set lex_ids = $2, changed = $3, updated_at = $4
         where organization_id = $1 and family = 'lex' and state <> 'deleted' and lex_ids <> $2 returning id",
        organization.as_uuid(),
        lex_ids,
        version,
        now
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(SubscriptionId::new).collect())
}

/// Where an organisation is told of its own messages, if it wants to be.
///
/// # Errors
/// When the database is unavailable.
pub async fn notices(
    connection: &mut PgConnection,
    organization: OrganizationId,
) -> Result<Option<Notices>, StoreError> {
    let row = sqlx::query!(
        "select id, url from subscriptions where organization_id = $1 and notices and state <> 'deleted'",
        organization.as_uuid()
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Notices { id: SubscriptionId::new(row.id), url: row.url }))
}

/// Sends the notices of an organisation elsewhere, as of a version. One that was disabled starts afresh.
///
/// # Errors
/// When the database is unavailable.
pub async fn redirect_notices(
    connection: &mut PgConnection,
    organization: OrganizationId,
    url: &str,
    version: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update subscriptions set url = $2, state = 'active', changed = $3, updated_at = $4
         where organization_id = $1 and notices and state <> 'deleted'",
        organization.as_uuid(),
        url,
        version,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a deleted subscription at once, so that one with the same id can take its place.
///
/// # Errors
/// When the database is unavailable.
pub async fn forget_deleted(
    connection: &mut PgConnection,
    organization: OrganizationId,
    id: SubscriptionId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from subscriptions where organization_id = $1 and id = $2 and state = 'deleted'",
        organization.as_uuid(),
        id.as_uuid()
    )
    .execute(connection)
    .await?;
    Ok(())
}
