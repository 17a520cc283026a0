//! Subscriptions, the version that every write to them bumps, and their health.

use crate::domain::filter::EventFilter;
use crate::domain::subscription::{Family, ListedSubscription, Subscription, SubscriptionState};
use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, OrganizationId, SubscriptionId};
use platform::secrets::Sealed;
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// A subscription that is to be stored.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    pub id: SubscriptionId,
    pub organization: OrganizationId,
    pub organization_slug: String,
    pub client: ClientId,
    pub family: Family,
    pub url: String,
    pub events: Vec<String>,
    pub description: Option<String>,
    pub secret: Sealed,
    pub secret_hint: String,
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
    sqlx::query!(
        "insert into subscriptions (organization_id, id, organization_slug, client_id, family, url, events,
             description, secret, secret_key_id, secret_hint, changed, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)",
        new.organization.as_uuid(),
        new.id.as_uuid(),
        new.organization_slug,
        new.client.as_uuid(),
        new.family.name(),
        new.url,
        &new.events,
        new.description,
        new.secret.bytes,
        new.secret.key_id,
        new.secret_hint,
        version,
        new.created_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The subscriptions of an organisation and family, oldest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    organization: OrganizationId,
    family: Family,
) -> Result<Vec<ListedSubscription>, StoreError> {
    let rows = sqlx::query!(
        r#"select id, url, events, description, secret_hint, state, created_at, last_success_at as "last_success_at?",
             last_failure_at as "last_failure_at?", coalesce(consecutive_failures, 0) as "consecutive_failures!"
         from subscriptions left join subscription_health on subscription_id = id
         where organization_id = $1 and family = $2
         order by created_at, id"#,
        organization.as_uuid(),
        family.name()
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ListedSubscription {
            id: SubscriptionId::new(row.id),
            url: row.url,
            events: row.events,
            description: row.description,
            secret_hint: row.secret_hint,
            // The table's check constraint admits the words of the domain alone.
            state: SubscriptionState::of_name(&row.state).unwrap_or(SubscriptionState::Disabled),
            created_at: row.created_at,
            last_success_at: row.last_success_at,
            last_failure_at: row.last_failure_at,
            consecutive_failures: row.consecutive_failures,
        })
        .collect())
}

/// Whether an organisation has a subscription of a family with this id.
///
/// # Errors
/// When the database is unavailable.
pub async fn exists(
    connection: &mut PgConnection,
    organization: OrganizationId,
    family: Family,
    id: SubscriptionId,
) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"select exists (
             select from subscriptions where organization_id = $1 and family = $2 and id = $3
         ) as "exists!""#,
        organization.as_uuid(),
        family.name(),
        id.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    Ok(found)
}

/// Disables subscriptions that are not disabled yet, as of a version.
///
/// # Errors
/// When the database is unavailable.
pub async fn disable(
    connection: &mut PgConnection,
    ids: &[Uuid],
    version: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update subscriptions set state = 'disabled', changed = $2, updated_at = $3
         where id = any($1) and state <> 'disabled'",
        ids,
        version,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
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
    secret: Vec<u8>,
    secret_key_id: String,
    previous_secret: Option<Vec<u8>>,
    previous_secret_key_id: Option<String>,
    previous_secret_until: Option<DateTime<Utc>>,
    changed: i64,
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
        "select id, organization_id, organization_slug, client_id, family, url, events, state, secret,
             secret_key_id, previous_secret, previous_secret_key_id, previous_secret_until, changed
         from subscriptions where changed > $1",
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
        Some(Subscription {
            id: SubscriptionId::new(self.id),
            organization: OrganizationId::new(self.organization_id),
            organization_slug: self.organization_slug,
            client: ClientId::new(self.client_id),
            family,
            url: self.url,
            filters: self.events.iter().map(|text| EventFilter::stored(text)).collect(),
            state,
            secret: Sealed { key_id: self.secret_key_id, bytes: self.secret },
            previous_secret,
        })
    }
}
