//! Creating a subscription with a secret that is shown once.

use super::announce::Announcements;
use super::secret::{SealedSecret, chosen_secret, new_secret};
use crate::domain::subscription::{Family, Owner, Selection, ShownSubscription, Terms};
use crate::state::State;
use crate::store::shown;
use crate::store::subscriptions::{self, NewSubscription};
use crate::store::{gone, organizations};
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
    /// The id that it was to have is somebody else's.
    #[error("the id is taken")]
    Taken,
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose secret a new subscription has.
#[derive(Debug, Default)]
pub enum WhoseSecret {
    /// Ours, and the answer shows it.
    #[default]
    Shown,
    /// Ours, and nobody is told it before the next rotation.
    Hidden,
    /// The subscriber's.
    Chosen(SecretString),
}

/// What a subscription of the LEX family is created with beside its terms.
#[derive(Debug, Default)]
pub struct LexBirth {
    /// `None`: a new one.
    pub id: Option<SubscriptionId>,
    pub secret: WhoseSecret,
    /// The organisation's LEX names; `None`: as far as they are known here.
    pub lex_ids: Option<Vec<String>>,
}

/// Stores the subscription, and answers it with its secret. Every event that is accepted after the answer
/// reaches it.
pub async fn create_subscription(
    state: &State,
    owner: &Owner,
    terms: Terms,
    url: &Url,
) -> Result<(ShownSubscription, SecretString), CreateSubscriptionError> {
    create(state, owner, terms, url, LexBirth::default()).await
}

/// The same with what the LEX family may bring along.
pub async fn create(
    state: &State,
    owner: &Owner,
    terms: Terms,
    url: &Url,
    birth: LexBirth,
) -> Result<(ShownSubscription, SecretString), CreateSubscriptionError> {
    state.outbound.vet(url).await.map_err(CreateSubscriptionError::Url)?;
    let created_at = state.clock.now();
    let id = birth.id.unwrap_or_else(|| SubscriptionId::new(state.ids.at(created_at)));
    let organization = owner.organization.id;
    let secret_known = !matches!(birth.secret, WhoseSecret::Hidden);
    let SealedSecret { secret, sealed, hint } = match birth.secret {
        WhoseSecret::Chosen(secret) => chosen_secret(&state.keys, organization, id, secret)?,
        WhoseSecret::Shown | WhoseSecret::Hidden => new_secret(&state.keys, organization, id)?,
    };
    let mut new = NewSubscription {
        id,
        organization,
        organization_slug: owner.organization.slug.clone(),
        client: owner.client,
        family: owner.family,
        terms,
        secret: sealed,
        secret_hint: hint,
        secret_known,
        lex_ids: Vec::new(),
        notices: false,
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
    if owner.family == Family::Lex {
        organizations::forget_deleted(&mut transaction, organization, id).await?;
        new.lex_ids = match birth.lex_ids {
            Some(lex_ids) => lex_ids,
            None => organizations::lex_ids(&mut transaction, organization).await?,
        };
    }
    subscriptions::insert(&mut transaction, &new, version).await.map_err(|error| {
        if error.violates(subscriptions::KEY) { CreateSubscriptionError::Taken } else { error.into() }
    })?;
    let created = shown::find(&mut transaction, owner, id).await?.ok_or(CreateSubscriptionError::Gone)?;
    let mut announcements = Announcements::new(state);
    announcements.created(owner, &created);
    let announced = announcements.write(&mut transaction).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    state.relay.hand_over(announced);
    Ok((created, secret))
}
