//! Credentials, their secrets, and the applications of ingest keys.

use super::unknown;
use crate::domain::credential::{App, Credential, NewApp, StoredSecret, kind_of_word, kind_word};
use chrono::{DateTime, Utc};
use contracts::identity::CredentialKind;
use contracts::ids::{ClientId, CredentialId, OrganizationId};
use platform_pg::StoreError;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Stores a new credential with its secret.
///
/// # Errors
/// When the database is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    client_id: ClientId,
    credential: &Credential,
    secret: &StoredSecret,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into credentials (organization_id, client_id, id, kind, name, scopes, rate_limit_override, app_id,
             allowed_origins, metadata, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        organization_id.as_uuid(),
        client_id.as_uuid(),
        credential.id.as_uuid(),
        kind_word(credential.kind),
        credential.name,
        &credential.scopes,
        credential.rate_limit_override,
        credential.app.as_ref().map(|app| app.id),
        credential.allowed_origins.as_deref(),
        credential.metadata,
        credential.expires_at,
        credential.created_at
    )
    .execute(&mut *connection)
    .await?;
    insert_secret(connection, credential.id, &credential.lookup, secret, credential.created_at).await
}

/// Stores another secret of a credential.
///
/// # Errors
/// When the database is unavailable.
pub async fn insert_secret(
    connection: &mut PgConnection,
    id: CredentialId,
    lookup: &str,
    secret: &StoredSecret,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (hash, sealed) = match secret {
        StoredSecret::Hashed(hash) => (Some(hash), None),
        StoredSecret::Sealed(sealed) => (None, Some(sealed)),
    };
    sqlx::query!(
        "insert into credential_secrets (lookup, credential_id, hash, sealed_key_id, sealed, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        lookup,
        id.as_uuid(),
        hash,
        sealed.map(|sealed| &sealed.key_id),
        sealed.map(|sealed| &sealed.bytes),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the present secret of a credential work until a moment, and forgets those that have retired.
///
/// # Errors
/// When the database is unavailable.
pub async fn retire_secret(
    connection: &mut PgConnection,
    id: CredentialId,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from credential_secrets where credential_id = $1 and retires_at <= $2",
        id.as_uuid(),
        now
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update credential_secrets set retires_at = $2 where credential_id = $1 and retires_at is null",
        id.as_uuid(),
        at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The application of this slug, made or brought up to date.
///
/// # Errors
/// When the database is unavailable.
pub async fn upsert_app(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    id: Uuid,
    app: &NewApp,
    now: DateTime<Utc>,
) -> Result<App, StoreError> {
    let app = sqlx::query_as!(
        App,
        "insert into apps (organization_id, id, slug, name, allowed_event_types, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)
         on conflict on constraint apps_slug_unique do update set name = excluded.name,
             allowed_event_types = coalesce(excluded.allowed_event_types, apps.allowed_event_types),
             updated_at = excluded.updated_at
         returning id, slug, name, allowed_event_types",
        organization_id.as_uuid(),
        id,
        app.slug,
        app.name,
        app.allowed_event_types.as_deref(),
        now
    )
    .fetch_one(connection)
    .await?;
    Ok(app)
}

struct Row {
    id: Uuid,
    kind: String,
    name: String,
    lookup: String,
    scopes: Vec<String>,
    rate_limit_override: Option<i64>,
    app_id: Option<Uuid>,
    app_slug: Option<String>,
    app_name: Option<String>,
    app_allowed_event_types: Option<Vec<String>>,
    allowed_origins: Option<Vec<String>>,
    metadata: Option<Value>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Credential {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let app = row.app_id.zip(row.app_slug).zip(row.app_name).map(|((id, slug), name)| App {
            id,
            slug,
            name,
            allowed_event_types: row.app_allowed_event_types,
        });
        Ok(Self {
            id: CredentialId::new(row.id),
            kind: kind_of_word(&row.kind).ok_or_else(|| unknown("credential kind", &row.kind))?,
            name: row.name,
            lookup: row.lookup,
            scopes: row.scopes,
            rate_limit_override: row.rate_limit_override,
            app,
            allowed_origins: row.allowed_origins,
            metadata: row.metadata,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
            created_at: row.created_at,
        })
    }
}

/// The credentials of a client that are of these kinds, oldest first. Never their secrets.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    client_id: ClientId,
    kinds: &[CredentialKind],
) -> Result<Vec<Credential>, StoreError> {
    let kinds: Vec<String> = kinds.iter().map(|&kind| kind_word(kind).to_owned()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select c.id, c.kind, c.name, s.lookup, c.scopes, c.rate_limit_override, c.app_id,
             a.slug as "app_slug?", a.name as "app_name?", a.allowed_event_types as app_allowed_event_types,
             c.allowed_origins, c.metadata, c.expires_at, c.revoked_at, c.last_used_at, c.created_at
         from credentials c
         join credential_secrets s on s.credential_id = c.id and s.retires_at is null
         left join apps a on a.organization_id = c.organization_id and a.id = c.app_id
         where c.organization_id = $1 and c.client_id = $2 and c.kind = any($3)
         order by c.created_at, c.id"#,
        organization_id.as_uuid(),
        client_id.as_uuid(),
        &kinds
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Credential::try_from).collect()
}

/// One credential of a client that is of these kinds, locked until the end of the transaction.
///
/// # Errors
/// When the database is unavailable.
pub async fn lock(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    client_id: ClientId,
    id: CredentialId,
    kinds: &[CredentialKind],
) -> Result<Option<Credential>, StoreError> {
    let kinds: Vec<String> = kinds.iter().map(|&kind| kind_word(kind).to_owned()).collect();
    let row = sqlx::query_as!(
        Row,
        r#"select c.id, c.kind, c.name, s.lookup, c.scopes, c.rate_limit_override, c.app_id,
             a.slug as "app_slug?", a.name as "app_name?", a.allowed_event_types as app_allowed_event_types,
             c.allowed_origins, c.metadata, c.expires_at, c.revoked_at, c.last_used_at, c.created_at
         from credentials c
         join credential_secrets s on s.credential_id = c.id and s.retires_at is null
         left join apps a on a.organization_id = c.organization_id and a.id = c.app_id
         where c.organization_id = $1 and c.client_id = $2 and c.id = $3 and c.kind = any($4)
         for update of c"#,
        organization_id.as_uuid(),
        client_id.as_uuid(),
        id.as_uuid(),
        &kinds
    )
    .fetch_optional(connection)
    .await?;
    row.map(Credential::try_from).transpose()
}

/// Ends a locked credential, and says how often it was written.
///
/// # Errors
/// When the database is unavailable.
pub async fn revoke(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    id: CredentialId,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let version = sqlx::query_scalar!(
        "update credentials set revoked_at = $3, version = version + 1
         where organization_id = $1 and id = $2 returning version",
        organization_id.as_uuid(),
        id.as_uuid(),
        now
    )
    .fetch_one(connection)
    .await?;
    Ok(version)
}

/// Counts a change of a locked credential, and says how often it was written.
///
/// # Errors
/// When the database is unavailable.
pub async fn count_change(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    id: CredentialId,
) -> Result<i64, StoreError> {
    let version = sqlx::query_scalar!(
        "update credentials set version = version + 1 where organization_id = $1 and id = $2 returning version",
        organization_id.as_uuid(),
        id.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    Ok(version)
}
