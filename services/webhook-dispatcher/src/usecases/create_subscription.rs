//! Creating a subscription with a secret that is shown once.

use crate::domain::subscription::{Family, Subscription};
use crate::state::State;
use crate::store::subscriptions::{self, NewSubscription};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use contracts::identity::Principal;
use contracts::ids::SubscriptionId;
use platform::secrets::{self, SecretError};
use platform_http::outbound::RefusedUrl;
use platform_pg::StoreError;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// How many characters of a secret lists show: the prefix and a little more.
const HINT_LENGTH: usize = 10;

/// What the caller asks for, checked.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub url: Url,
    pub events: Vec<String>,
    pub description: Option<String>,
}

/// A new subscription, with its secret.
#[derive(Debug)]
pub struct Created {
    pub id: SubscriptionId,
    pub secret: SecretString,
    pub created_at: DateTime<Utc>,
}

/// Why a subscription was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateSubscriptionError {
    #[error("the url {0}")]
    Url(RefusedUrl),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores the subscription. Every event that is accepted after the answer reaches it.
pub async fn create_subscription(
    state: &State,
    caller: &Principal,
    family: Family,
    wanted: &Wanted,
) -> Result<Created, CreateSubscriptionError> {
    state.outbound.vet(&wanted.url).await.map_err(CreateSubscriptionError::Url)?;
    let created_at = state.clock.now();
    let id = SubscriptionId::new(state.ids.at(created_at));
    let organization = caller.organization.id;
    let secret = new_secret()?;
    let characters = secret.expose_secret();
    let new = NewSubscription {
        id,
        organization,
        organization_slug: caller.organization.slug.clone(),
        client: caller.client_id,
        family,
        url: wanted.url.to_string(),
        events: wanted.events.clone(),
        description: wanted.description.clone(),
        secret: state
            .keys
            .seal(characters.as_bytes(), Subscription::seal_owner(organization, id).as_bytes())?,
        secret_hint: characters.chars().take(HINT_LENGTH).collect(),
        created_at,
    };
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let version = subscriptions::bump_version(&mut transaction).await?;
    subscriptions::insert(&mut transaction, &new, version).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(Created { id, secret, created_at })
}

/// `whsec_` and 32 random bytes in base64 (Standard Webhooks 1.0).
fn new_secret() -> Result<SecretString, SecretError> {
    Ok(format!("whsec_{}", STANDARD.encode(secrets::random::<32>()?)).into())
}
