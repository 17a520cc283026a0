//! The SQL of `console_sessions`, in the gateway's schema. A session is found by what its browser proves to hold, and
//! by nothing else; whose it is comes first wherever more than one is meant.

use chrono::{DateTime, Utc};
use platform_pg::StoreError;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// A session as it is stored.
#[derive(Debug)]
pub struct SessionRow {
    /// The digest of what the browser holds.
    pub id: [u8; 32],
    pub sealed: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(
    connection: &mut PgConnection,
    organization: Uuid,
    credential: Uuid,
    row: &SessionRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into console_sessions (organization_id, credential_id, id, sealed, created_at, used_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(organization)
    .bind(credential)
    .bind(row.id.as_slice())
    .bind(&row.sealed)
    .bind(row.created_at)
    .bind(row.used_at)
    .bind(row.expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn find(connection: &mut PgConnection, id: &[u8; 32]) -> Result<Option<SessionRow>, StoreError> {
    let row =
        sqlx::query("select sealed, created_at, used_at, expires_at from console_sessions where id = $1")
            .bind(id.as_slice())
            .fetch_optional(connection)
            .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(SessionRow {
        id: *id,
        sealed: row.try_get("sealed")?,
        created_at: row.try_get("created_at")?,
        used_at: row.try_get("used_at")?,
        expires_at: row.try_get("expires_at")?,
    }))
}

pub async fn note_use(
    connection: &mut PgConnection,
    id: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let query = sqlx::query("update console_sessions set used_at = $2 where id = $1");
    query.bind(id.as_slice()).bind(now).execute(connection).await?;
    Ok(())
}

pub async fn delete(connection: &mut PgConnection, id: &[u8; 32]) -> Result<(), StoreError> {
    sqlx::query("delete from console_sessions where id = $1").bind(id.as_slice()).execute(connection).await?;
    Ok(())
}

/// Ends all sessions of an API key; how many there were.
pub async fn delete_of_credential(
    connection: &mut PgConnection,
    organization: Uuid,
    credential: Uuid,
) -> Result<u64, StoreError> {
    let query = sqlx::query("delete from console_sessions where organization_id = $1 and credential_id = $2");
    Ok(query.bind(organization).bind(credential).execute(connection).await?.rows_affected())
}

/// Forgets what has expired, or was not used since `idle_since`.
pub async fn delete_ended(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    idle_since: DateTime<Utc>,
) -> Result<(), StoreError> {
    let query = sqlx::query("delete from console_sessions where expires_at <= $1 or used_at <= $2");
    query.bind(now).bind(idle_since).execute(connection).await?;
    Ok(())
}
