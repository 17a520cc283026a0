//! Subscriptions as they are written and matched, and the version that every write to them bumps.

use crate::domain::filter::EventFilter;
use crate::domain::lex::{LexTerms, LexWish};
use crate::domain::retry::RetryConfig;
use crate::domain::subscription::{Family, Subscription, SubscriptionState, Terms};
use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, OrganizationId, SubscriptionId};
use platform::secrets::Sealed;
use platform_pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use std::num::NonZeroU32;
use uuid::Uuid;

/// Each subscription has its own id, of all organisations together.
pub const KEY: &str = "subscriptions_pkey";

/// A subscription that is to be stored.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    pub id: SubscriptionId,
    pub organization: OrganizationId,
    pub organization_slug: String,
    pub client: ClientId,
    pub family: Family,
    pub terms: Terms,
    pub secret: Sealed,
    pub secret_hint: String,
    /// Whether the subscriber is told it, or chose it.
    pub secret_known: bool,
    /// The organisation's LEX names, as far as they are known.
    pub lex_ids: Vec<String>,
    pub notices: bool,
    pub created_at: DateTime<Utc>,
}

/// Takes the next version, and the lock that orders writes to subscriptions, until the transaction ends.
///
/// # Errors
/// When the database is unavailable.
pub async fn bump_version(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let version =
        sqlx::query_scalar!("update subscription_version set version = version + 1 returning version")
            .fetch_one(connection)
            .await?;
    Ok(version)
}

/// The newest committed version.
///
/// # Errors
/// When the database is unavailable.
pub async fn version(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let version =
        sqlx::query_scalar!("select version from subscription_version").fetch_one(connection).await?;
    Ok(version)
}

/// Stores a subscription as of a version.
///
/// # Errors
/// When the database refuses or is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    new: &NewSubscription,
    version: i64,
) -> Result<(), StoreError> {
    let terms = &new.terms;
    sqlx::query!(
        "insert into subscriptions (organization_id, id, organization_slug, client_id, family, url, events,
             description, state, retry_policy, rate_limit, metadata, secret, secret_key_id, secret_hint,
             changed, created_at, updated_at, lex, lex_ids, secret_known, notices)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $19, $20,
             $21)",
        new.organization.as_uuid(),
        new.id.as_uuid(),
        new.organization_slug,
        new.client.as_uuid(),
        new.family.name(),
        terms.url,
        &terms.events,
        terms.description,
        terms.state.name(),
        terms.retry.map(Json) as _,
        terms.rate_limit,
        terms.metadata,
        new.secret.bytes,
        new.secret.key_id,
        new.secret_hint,
        version,
        new.created_at,
        terms.lex.as_ref().map(Json) as _,
        &new.lex_ids,
        new.secret_known,
        new.notices
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what the owner of a subscription decided anew, as of a version.
///
/// # Errors
/// When the database is unavailable.
pub async fn update(
    connection: &mut PgConnection,
    organization: OrganizationId,
    id: SubscriptionId,
    terms: &Terms,
    version: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update subscriptions set url = $3, events = $4, description = $5, state = $6, retry_policy = $7,
             rate_limit = $8, metadata = $9, changed = $10, updated_at = $11, lex = $12
         where organization_id = $1 and id = $2 and state <> 'deleted'",
        organization.as_uuid(),
        id.as_uuid(),
        terms.url,
        &terms.events,
        terms.description,
        terms.state.name(),
        terms.retry.map(Json) as _,
        terms.rate_limit,
        terms.metadata,
        version,
        now,
        terms.lex.as_ref().map(Json) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a subscription a new secret, as of a version. The present one lives on until `overlap_until`, if
/// that is given.
///
/// # Errors
/// When the database is unavailable.
pub async fn rotate(
    connection: &mut PgConnection,
    organization: OrganizationId,
    id: SubscriptionId,
    new: (&Sealed, &str),
    overlap_until: Option<DateTime<Utc>>,
    version: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (secret, hint) = new;
    sqlx::query!(
        "update subscriptions set
             previous_secret = case when $6::timestamptz is null then null else secret end,
             previous_secret_key_id = case when $6::timestamptz is null then null else secret_key_id end,
             previous_secret_until = $6,
             secret = $3, secret_key_id = $4, secret_hint = $5, secret_known = true, changed = $7, updated_at = $8
         where organization_id = $1 and id = $2 and state <> 'deleted'",
        organization.as_uuid(),
        id.as_uuid(),
        secret.bytes,
        secret.key_id,
        hint,
        overlap_until,
        version,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Which subscriptions of an organisation are deleted.
#[derive(Clone, Copy, Debug)]
pub enum Doomed {
    One(SubscriptionId),
    OfClient(ClientId),
    All,
}

/// Deletes subscriptions, as of a version: they are emptied of what they were, and no longer matched. Says
/// which.
///
/// # Errors
/// When the database is unavailable.
pub async fn delete(
    connection: &mut PgConnection,
    organization: OrganizationId,
    doomed: Doomed,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Vec<SubscriptionId>, StoreError> {
    let (one, client) = match doomed {
        Doomed::One(id) => (Some(id.as_uuid()), None),
        Doomed::OfClient(client) => (None, Some(client.as_uuid())),
        Doomed::All => (None, None),
    };
    let ids = sqlx::query_scalar!(
        "update subscriptions set state = 'deleted', organization_slug = '', url = '', events = '{}', description = null,
             metadata = null, retry_policy = null, rate_limit = null, lex = null, lex_ids = '{}', secret = '', secret_key_id = '',
             secret_hint = '', previous_secret = null, previous_secret_key_id = null,
             previous_secret_until = null, changed = $4, updated_at = $5
         where organization_id = $1 and ($2::uuid is null or id = $2) and ($3::uuid is null or client_id = $3)
           and state <> 'deleted'
         returning id",
        organization.as_uuid(),
        one,
        client,
        version,
        now
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(SubscriptionId::new).collect())
}

/// Disables subscriptions that are not disabled or deleted yet, as of a version. Says which.
///
/// # Errors
/// When the database is unavailable.
pub async fn disable(
    connection: &mut PgConnection,
    ids: &[Uuid],
    version: i64,
    now: DateTime<Utc>,
) -> Result<Vec<SubscriptionId>, StoreError> {
    let disabled = sqlx::query_scalar!(
        "update subscriptions set state = 'disabled', changed = $2, updated_at = $3
         where id = any($1) and state in ('active', 'paused') returning id",
        ids,
        version,
        now
    )
    .fetch_all(connection)
    .await?;
    Ok(disabled.into_iter().map(SubscriptionId::new).collect())
}

struct SubscriptionRow {
    id: Uuid,
    organization_id: Uuid,
    organization_slug: String,
    client_id: Uuid,
    family: String,
    url: String,
    events: Vec<String>,
    state: String,
    retry: Option<Json<RetryConfig>>,
    rate_limit: Option<i32>,
    secret: Vec<u8>,
    secret_key_id: String,
    previous_secret: Option<Vec<u8>>,
    previous_secret_key_id: Option<String>,
    previous_secret_until: Option<DateTime<Utc>>,
    changed: i64,
    created_at: DateTime<Utc>,
    lex: Option<Json<LexTerms>>,
    lex_ids: Vec<String>,
    secret_known: bool,
    notices: bool,
}

/// Everything that was written after a version, and the newest version among it.
///
/// # Errors
/// When the database is unavailable.
pub async fn changed_since(
    connection: &mut PgConnection,
    version: i64,
) -> Result<(Vec<Subscription>, i64), StoreError> {
    let rows = sqlx::query_as!(
        SubscriptionRow,
        r#"select id, organization_id, organization_slug, client_id, family, url, events, state,
             retry_policy as "retry: Json<RetryConfig>", rate_limit, secret, secret_key_id, previous_secret,
             previous_secret_key_id, previous_secret_until, changed, created_at,
             lex as "lex: Json<LexTerms>", lex_ids, secret_known, notices
         from subscriptions where changed > $1"#,
        version
    )
    .fetch_all(connection)
    .await?;
    let newest = rows.iter().map(|row| row.changed).max().unwrap_or(version);
    Ok((rows.into_iter().filter_map(SubscriptionRow::read).collect(), newest))
}

impl SubscriptionRow {
    /// `None` for a word that only a newer version of this service knows.
    fn read(self) -> Option<Subscription> {
        let (Some(family), Some(state)) =
            (Family::of_name(&self.family), SubscriptionState::of_name(&self.state))
        else {
            tracing::error!(subscription = %self.id, family = self.family, state = self.state, "subscription is not understood, leaving it out");
            return None;
        };
        let previous_secret =
            match (self.previous_secret, self.previous_secret_key_id, self.previous_secret_until) {
                (Some(bytes), Some(key_id), Some(until)) => Some((Sealed { key_id, bytes }, until)),
                _ => None,
            };
        // A deleted one asks for nothing any more.
        let wish = |Json(terms): Json<LexTerms>| LexWish::new(&self.events, terms, self.lex_ids);
        Some(Subscription {
            lex: self.lex.map(wish),
            notices: self.notices,
            secret_known: self.secret_known,
            id: SubscriptionId::new(self.id),
            organization: OrganizationId::new(self.organization_id),
            organization_slug: self.organization_slug,
            client: ClientId::new(self.client_id),
            family,
            url: self.url,
            filters: self.events.iter().map(|text| EventFilter::stored(text)).collect(),
            state,
            retry: self.retry.map(|Json(retry)| retry),
            rate_limit: self.rate_limit.and_then(|limit| u32::try_from(limit).ok()).and_then(NonZeroU32::new),
            secret: Sealed { key_id: self.secret_key_id, bytes: self.secret },
            previous_secret,
            created_at: self.created_at,
        })
    }
}
