//! Changing a subscription, and giving it a new secret.

use super::announce::Announcements;
use super::secret::{SealedSecret, chosen_secret, new_secret};
use crate::domain::subscription::{Owner, ShownSubscription, SubscriptionState, Terms};
use crate::state::State;
use crate::store::{settlements, shown, subscriptions};
use contracts::ids::SubscriptionId;
use platform::secrets::SecretError;
use platform_http::outbound::RefusedUrl;
use platform_pg::StoreError;
use secrecy::SecretString;
use std::time::Duration;
use url::Url;

/// Why a subscription was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateSubscriptionError {
    #[error("there is no such subscription")]
    Missing,
    #[error("the url {0}")]
    Url(RefusedUrl),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes what `change` makes of the present terms. `url` is the new one, where there is one.
///
/// A subscription that becomes active again starts afresh: what it had pending is sent, what was skipped stays
/// so until it is recovered.
pub async fn update_subscription(
    state: &State,
    owner: &Owner,
    id: SubscriptionId,
    url: Option<&Url>,
    change: impl Fn(&mut Terms),
) -> Result<ShownSubscription, UpdateSubscriptionError> {
    if let Some(url) = url {
        state.outbound.vet(url).await.map_err(UpdateSubscriptionError::Url)?;
    }
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let known = shown::find(&mut transaction, owner, id).await?.ok_or(UpdateSubscriptionError::Missing)?;
    let mut intended = terms_of(&known);
    change(&mut intended);
    if known.state != SubscriptionState::Active && intended.state == SubscriptionState::Active {
        // Before the version, in the order in which settling locks them.
        settlements::forget_failures(&mut transaction, id).await?;
    }
    let version = subscriptions::bump_version(&mut transaction).await?;
    // Read again: from here on nobody else writes.
    let known = shown::find(&mut transaction, owner, id).await?.ok_or(UpdateSubscriptionError::Missing)?;
    let present = terms_of(&known);
    let mut terms = present.clone();
    change(&mut terms);
    let now = state.clock.now();
    subscriptions::update(&mut transaction, owner.organization.id, id, &terms, version, now).await?;
    let changed = shown::find(&mut transaction, owner, id).await?.ok_or(UpdateSubscriptionError::Missing)?;
    let mut announcements = Announcements::new(state);
    announcements.updated(owner, &changed, present.differences(&terms));
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    state.relay.hand_over(announced);
    state.changed(&[id]).await;
    Ok(changed)
}

fn terms_of(known: &ShownSubscription) -> Terms {
    Terms {
        url: known.url.clone(),
        events: known.events.clone(),
        description: known.description.clone(),
        state: known.state,
        retry: known.retry,
        rate_limit: known.rate_limit,
        metadata: known.metadata.clone(),
        lex: known.lex.clone(),
    }
}

/// Gives the subscription a new secret, the chosen one if there is one. The present one goes on signing beside it for `overlap`; one that was
/// rotated away before ends at once.
pub async fn rotate_secret(
    state: &State,
    owner: &Owner,
    id: SubscriptionId,
    overlap: Duration,
    chosen: Option<SecretString>,
) -> Result<(ShownSubscription, SecretString), UpdateSubscriptionError> {
    let organization = owner.organization.id;
    let SealedSecret { secret, sealed, hint } = match chosen {
        Some(secret) => chosen_secret(&state.keys, organization, id, secret)?,
        None => new_secret(&state.keys, organization, id)?,
    };
    let now = state.clock.now();
    let until = (!overlap.is_zero()).then_some(now + overlap);
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let version = subscriptions::bump_version(&mut transaction).await?;
    if shown::find(&mut transaction, owner, id).await?.is_none() {
        return Err(UpdateSubscriptionError::Missing);
    }
    subscriptions::rotate(&mut transaction, organization, id, (&sealed, &hint), until, version, now).await?;
    let changed = shown::find(&mut transaction, owner, id).await?.ok_or(UpdateSubscriptionError::Missing)?;
    let mut announcements = Announcements::new(state);
    announcements.updated(owner, &changed, vec!["secret".to_owned()]);
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    state.relay.hand_over(announced);
    state.changed(&[id]).await;
    Ok((changed, secret))
}
