//! The first key of an installation, which all others descend from.
//!
//! The one place outside the gateway that writes its tables: before there is a key, nobody can ask the
//! gateway for one.

use crate::audit::{Operator, directly};
use anyhow::Context;
use chrono::{DateTime, Utc};
use contracts::identity::CredentialKind;
use contracts::ids::{CredentialId, OrganizationId};
use contracts::internal::AuditEntry;
use platform::api_keys::{NewKey, new_platform_key, parse};
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::secrets::Pepper;
use secrecy::SecretString;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

const SLUG: &str = "leadwire";
const CLIENT: &str = "Platform administration";
const KEY_NAME: &str = "Admin key";
/// Enough for tests and tools: requests per minute.
const RATE_LIMIT: i64 = 100_000;
/// Every scope of the platform surface.
const SCOPES: [&str; 8] = [
    "platform:admin",
    "clients:read",
    "clients:write",
    "webhooks:read",
    "webhooks:write",
    "usage:read",
    "leads:read",
    "leads:write",
];
/// Any constant: two runs at once make one organisation.
const LOCK: i64 = 0x626f_6f74;

/// Moments and ids of one run.
struct Run {
    now: DateTime<Utc>,
    ids: IdSource,
}

/// An admin key that works: the existing one when it does, otherwise a new one.
pub async fn admin_key(
    url: &str,
    pepper: &SecretString,
    existing: Option<&str>,
    operator: &Operator,
) -> anyhow::Result<String> {
    let pepper = Pepper::parse(pepper)?;
    directly::prepare(url).await.context("the audit log cannot be written")?;
    let run = Run { now: Clock::system().now(), ids: IdSource::random() };
    let mut connection = PgConnection::connect(url).await.context("the database does not answer")?;
    let mut transaction = connection.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let key = match existing {
        Some(key) if works(&mut transaction, &pepper, key, run.now).await? => key.to_owned(),
        _ => {
            let organization = organization(&mut transaction, &run).await?;
            let client = client(&mut transaction, &run, organization).await?;
            let (key, credential) = issue(&mut transaction, &run, &pepper, organization, client).await?;
            let entry = AuditEntry {
                organization_id: Some(OrganizationId::new(organization)),
                after: Some(json!({"kind": "platform_key", "name": KEY_NAME, "scopes": SCOPES})),
                ..operator.entry("admin_key.bootstrapped", format!("credential:{credential}"))
            };
            directly::note(&mut transaction, &entry).await?;
            key
        }
    };
    transaction.commit().await?;
    connection.close().await?;
    Ok(key)
}

/// Whether a key is an administrator's and would be accepted now.
async fn works(
    connection: &mut PgConnection,
    pepper: &Pepper,
    key: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let Some((CredentialKind::PlatformKey, lookup)) = parse(key) else { return Ok(false) };
    let hash: Option<Vec<u8>> = sqlx::query_scalar(
        "select s.hash from gateway.credential_secrets s
         join gateway.credentials c on c.id = s.credential_id
         join gateway.api_clients cl on cl.organization_id = c.organization_id and cl.id = c.client_id
         where s.lookup = $1 and s.hash is not null and (s.retires_at is null or s.retires_at > $2)
           and c.kind = 'platform_key' and c.revoked_at is null and (c.expires_at is null or c.expires_at > $2)
           and 'platform:admin' = any(c.scopes) and 'platform:admin' = any(cl.scopes) and cl.status = 'ACTIVE'",
    )
    .bind(lookup)
    .bind(now)
    .fetch_optional(connection)
    .await?;
    Ok(hash.is_some_and(|hash| pepper.matches(key, &hash)))
}

/// The platform's own organisation.
async fn organization(connection: &mut PgConnection, run: &Run) -> anyhow::Result<Uuid> {
    sqlx::query(
        "insert into gateway.organizations (id, slug, name, lex_aliases, lex_tier, api_enabled,
             monthly_event_quota, requests_per_minute_per_key, requests_per_minute_per_organization,
             created_at, updated_at)
         values ($1, $2, 'Leadwire', '{}', 'standard', true, 1000000, 600, 3000, $3, $3)
         on conflict on constraint organizations_slug_unique do nothing",
    )
    .bind(run.ids.at(run.now))
    .bind(SLUG)
    .bind(run.now)
    .execute(&mut *connection)
    .await?;
    let id = sqlx::query_scalar("select id from gateway.organizations where slug = $1").bind(SLUG);
    Ok(id.fetch_one(connection).await?)
}

/// Its client for administration.
async fn client(connection: &mut PgConnection, run: &Run, organization: Uuid) -> anyhow::Result<Uuid> {
    let found = sqlx::query_scalar(
        "select id from gateway.api_clients
         where organization_id = $1 and name = $2 and status = 'ACTIVE' and 'platform:admin' = any(scopes)
         order by created_at limit 1",
    )
    .bind(organization)
    .bind(CLIENT)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(id) = found {
        return Ok(id);
    }
    let id = run.ids.at(run.now);
    sqlx::query(
        "insert into gateway.api_clients (organization_id, id, name, redirect_uris, contact_email, status,
             rate_limit_tier, scopes, created_at, updated_at)
         values ($1, $2, $3, '{}', 'admin@leadwire.invalid', 'ACTIVE', 'ENTERPRISE', $4, $5, $5)",
    )
    .bind(organization)
    .bind(id)
    .bind(CLIENT)
    .bind(&SCOPES[..])
    .bind(run.now)
    .execute(connection)
    .await?;
    Ok(id)
}

/// A new key of that client, and its id.
async fn issue(
    connection: &mut PgConnection,
    run: &Run,
    pepper: &Pepper,
    organization: Uuid,
    client: Uuid,
) -> anyhow::Result<(String, CredentialId)> {
    let NewKey { key, lookup } = new_platform_key()?;
    let id = run.ids.at(run.now);
    sqlx::query(
        "insert into gateway.credentials (organization_id, client_id, id, kind, name, scopes,
             rate_limit_override, created_at)
         values ($1, $2, $3, 'platform_key', $4, $5, $6, $7)",
    )
    .bind(organization)
    .bind(client)
    .bind(id)
    .bind(KEY_NAME)
    .bind(&SCOPES[..])
    .bind(RATE_LIMIT)
    .bind(run.now)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "insert into gateway.credential_secrets (lookup, credential_id, hash, created_at) values ($1, $2, $3, $4)",
    )
    .bind(lookup)
    .bind(id)
    .bind(pepper.hash(&key).to_vec())
    .bind(run.now)
    .execute(connection)
    .await?;
    Ok((key, CredentialId::new(id)))
}
