//! Signing secrets: of our making, or chosen by the subscriber.

use crate::domain::subscription::Subscription;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::ids::{OrganizationId, SubscriptionId};
use platform::secrets::{self, Sealed, SealingKeys, SecretError};
use secrecy::{ExposeSecret, SecretString};

/// How many characters of a secret lists show: the prefix and a little more.
const HINT_LENGTH: usize = 10;

/// A new secret: to be shown once, and as it is stored.
#[derive(Debug)]
pub struct SealedSecret {
    pub secret: SecretString,
    pub sealed: Sealed,
    /// Its first characters.
    pub hint: String,
}

/// `whsec_` and 32 random bytes in base64 (Standard Webhooks 1.0), sealed for one subscription.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_secret(
    keys: &SealingKeys,
    organization: OrganizationId,
    id: SubscriptionId,
) -> Result<SealedSecret, SecretError> {
    let secret: SecretString = format!("whsec_{}", STANDARD.encode(secrets::random::<32>()?)).into();
    let characters = secret.expose_secret();
    let sealed = keys.seal(characters.as_bytes(), Subscription::seal_owner(organization, id).as_bytes())?;
    let hint = characters.chars().take(HINT_LENGTH).collect();
    Ok(SealedSecret { secret, sealed, hint })
}

/// A secret that the subscriber chose, which may be short: nothing of it is shown.
///
/// # Errors
/// When the system gives no random bytes.
pub fn chosen_secret(
    keys: &SealingKeys,
    organization: OrganizationId,
    id: SubscriptionId,
    secret: SecretString,
) -> Result<SealedSecret, SecretError> {
    let owner = Subscription::seal_owner(organization, id);
    let sealed = keys.seal(secret.expose_secret().as_bytes(), owner.as_bytes())?;
    Ok(SealedSecret { secret, sealed, hint: String::new() })
}
