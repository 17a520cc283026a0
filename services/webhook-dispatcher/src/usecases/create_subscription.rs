//! Creating a subscription with a secret that is shown once.

use super::secret::{SealedSecret, new_secret};
use crate::domain::subscription::{Owner, ShownSubscription, Terms};
use crate::state::State;
use crate::store::gone;
use crate::store::shown::{self, Selection};
use crate::store::subscriptions::{self, NewSubscription};
use contracts::ids::SubscriptionId;
use platform::secrets::SecretError;
use platform_http::outbound::RefusedUrl;
use platform_pg::StoreError;
use secrecy::SecretString;
use url::Url;

/// The most subscriptions of one client, of all families together.
pub const MAX_PER_CLIENT: i64 = 100;

/// Why a subscription was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateSubscriptionError {
    #[error("the url {0}")]
    Url(RefusedUrl),
    #[error("the client has {MAX_PER_CLIENT} subscriptions already")]
    TooMany,
    /// The client or its organisation was deleted in the meantime.
    #[error("the client is gone")]
    Gone,
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores the subscription, and answers it with its secret. Every event that is accepted after the answer
/// reaches it.
pub async fn create_subscription(
    state: &State,
    owner: &Owner,
    terms: Terms,
    url: &Url,
) -> Result<(ShownSubscription, SecretString), CreateSubscriptionError> {
    state.outbound.vet(url).await.map_err(CreateSubscriptionError::Url)?;
    let created_at = state.clock.now();
    let id = SubscriptionId::new(state.ids.at(created_at));
    let organization = owner.organization.id;
    let SealedSecret { secret, sealed, hint } = new_secret(&state.keys, organization, id)?;
    let new = NewSubscription {
        id,
        organization,
        organization_slug: owner.organization.slug.clone(),
        client: owner.client,
        family: owner.family,
        terms,
        secret: sealed,
        secret_hint: hint,
        created_at,
    };
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    // Orders the writes, so that what is counted and whoever is gone is certain.
    let version = subscriptions::bump_version(&mut transaction).await?;
    if gone::is_gone(&mut transaction, organization, owner.client).await? {
        return Err(CreateSubscriptionError::Gone);
    }
    let all = Selection { family: None, client: Some(owner.client), ..Selection::of(owner) };
    if shown::count(&mut transaction, all).await? >= MAX_PER_CLIENT {
        return Err(CreateSubscriptionError::TooMany);
    }
    subscriptions::insert(&mut transaction, &new, version).await?;
    let created = shown::find(&mut transaction, owner, id).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    created.map(|created| (created, secret)).ok_or(CreateSubscriptionError::Gone)
}
