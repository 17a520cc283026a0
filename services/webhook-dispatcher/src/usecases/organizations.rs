//! Following what becomes of an organisation: its LEX names, and where it is told of its own messages.

use super::secret::{SealedSecret, new_secret};
use crate::domain::lex::LexTerms;
use crate::domain::subscription::{Family, SubscriptionState, Terms};
use crate::state::State;
use crate::store::subscriptions::{self, Doomed, NewSubscription};
use crate::store::{gone, organizations};
use chrono::{DateTime, Utc};
use contracts::control::OrganizationFacts;
use contracts::ids::{ClientId, SubscriptionId};
use platform::secrets::SecretError;
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Why it was not followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes over what an organisation is now. What is older than what is known already is passed over.
///
/// # Errors
/// When the database is unavailable.
pub async fn follow_organization(
    state: &State,
    organization: &OrganizationFacts,
    version_of_it: i64,
) -> Result<(), FollowError> {
    let now = state.clock.now();
    let lex_ids: Vec<String> =
        organization.lex_organization_id.iter().chain(&organization.lex_aliases).cloned().collect();
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    // First, as everybody does who writes subscriptions.
    let version = subscriptions::bump_version(&mut transaction).await?;
    let nobody = ClientId::new(Uuid::nil());
    if gone::is_gone(&mut transaction, organization.id, nobody).await?
        || !organizations::remember(&mut transaction, organization.id, &lex_ids, version_of_it).await?
    {
        return Ok(());
    }
    let mut changed =
        organizations::rename(&mut transaction, organization.id, &lex_ids, version, now).await?;
    changed.extend(follow_notices(state, &mut transaction, organization, version, now).await?);
    transaction.commit().await.map_err(StoreError::from)?;
    state.changed(&changed).await;
    Ok(())
}

/// Makes notices go where the organisation wants them, or nowhere.
async fn follow_notices(
    state: &State,
    connection: &mut PgConnection,
    organization: &OrganizationFacts,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Vec<SubscriptionId>, FollowError> {
    let known = organizations::notices(connection, organization.id).await?;
    match (known, &organization.lex_notification_webhook) {
        (None, None) => Ok(Vec::new()),
        (Some(known), Some(url)) if known.url == *url => Ok(Vec::new()),
        (Some(known), Some(url)) => {
            organizations::redirect_notices(connection, organization.id, url, version, now).await?;
            Ok(vec![known.id])
        }
        (Some(known), None) => {
            let doomed = Doomed::One(known.id);
            Ok(subscriptions::delete(connection, organization.id, doomed, version, now).await?)
        }
        (None, Some(url)) => {
            let id = SubscriptionId::new(state.ids.at(now));
            let SealedSecret { sealed, hint, .. } = new_secret(&state.keys, organization.id, id)?;
            let new = NewSubscription {
                id,
                organization: organization.id,
                organization_slug: organization.slug.clone(),
                client: ClientId::new(Uuid::nil()),
                family: Family::Lex,
                terms: terms(url),
                secret: sealed,
                secret_hint: hint,
                secret_known: false,
                lex_ids: Vec::new(),
                notices: true,
                created_at: now,
            };
            subscriptions::insert(connection, &new, version).await?;
            Ok(vec![id])
        }
    }
}

fn terms(url: &str) -> Terms {
    Terms {
        url: url.to_owned(),
        events: Vec::new(),
        description: None,
        state: SubscriptionState::Active,
        retry: None,
        rate_limit: None,
        metadata: None,
        lex: Some(LexTerms::default()),
    }
}
