//! The client credentials grant (RFC 6749 §4.4): a secret for an access token.

use super::authenticate::held_scopes;
use crate::domain::access_token::Claims;
use crate::domain::client::ClientStatus;
use crate::domain::credential::{Resolved, StoredSecret};
use crate::domain::limits;
use crate::domain::oauth::{self, OauthError, TokenRequest, WRONG_CLIENT, narrowed};
use crate::state::State;
use contracts::identity::CredentialKind;
use platform::limits::{Verdict, Window};
use platform::secrets::{base64url, digest};
use platform_pg::StoreError;
use secrecy::ExposeSecret;
use std::hint::black_box;

/// During a rotation a credential has two secrets; every request is compared with so many at least.
const COMPARISONS: usize = 2;

/// An access token with what is said of it.
pub struct IssuedToken {
    pub token: String,
    /// In seconds.
    pub expires_in: i64,
    pub scopes: Vec<String>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum IssueTokenError {
    #[error(transparent)]
    Refused(#[from] OauthError),
    #[error("the token cannot be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks a client's secret and signs a token for it. After five wrong secrets within a minute the client's
/// id is not listened to until the minute ends, whoever asks, so that a right guess does not show.
pub async fn issue_token(state: &State, request: &TokenRequest) -> Result<IssuedToken, IssueTokenError> {
    let window = [limits::of_wrong_secrets(&base64url(&digest(request.client_id.as_bytes())))];
    let seen = state.limiter.charge(&window, 0).await;
    if seen.windows.iter().any(|window| window.remaining == 0) {
        return Err(too_many(&seen).into());
    }
    let Some(credential) = proved(state, request).await? else {
        return Err(refusal(state, &window).await.into());
    };
    if credential.client_status == ClientStatus::Suspended {
        return Err(OauthError::UnauthorizedClient.into());
    }
    let scopes = narrowed(held_scopes(&credential), request.scope.as_deref())?;
    let now = state.clock.now();
    let oauth = &state.trust.oauth;
    let iat = now.timestamp();
    let latest = credential.expires_at.map_or(i64::MAX, |at| at.timestamp());
    let exp = (iat + oauth.lifetime).min(latest);
    let client_id = oauth::client_id(credential.id);
    let token = oauth.keys.sign(&Claims {
        iss: oauth.issuer.clone(),
        sub: client_id.clone(),
        aud: state.trust.audience.clone(),
        exp,
        iat,
        jti: state.ids.at(now).to_string(),
        client_id,
        scope: scopes.join(" "),
    })?;
    Ok(IssuedToken { token, expires_in: exp - iat, scopes })
}

/// The credential whose secret was presented, at the same cost whether it exists or not.
async fn proved(state: &State, request: &TokenRequest) -> Result<Option<Resolved>, StoreError> {
    let found = state.credentials.by_id(oauth::credential_id(&request.client_id)).await?;
    let now = state.clock.now();
    let presented = request.client_secret.expose_secret();
    let nothing = [0; 32];
    for _ in found.len()..COMPARISONS {
        black_box(state.trust.pepper.matches(presented, &nothing));
    }
    let mut proved = None;
    for credential in found.iter() {
        let hash = match &credential.secret {
            StoredSecret::Hashed(hash) => hash.as_slice(),
            StoredSecret::Sealed(_) => &nothing,
        };
        let matches = state.trust.pepper.matches(presented, hash);
        if matches && credential.kind == CredentialKind::OauthClient && credential.is_live(now) {
            proved = Some(credential.clone());
        }
    }
    Ok(proved)
}

/// Counts a wrong secret.
async fn refusal(state: &State, window: &[Window]) -> OauthError {
    let verdict = state.limiter.charge(window, 1).await;
    if verdict.allowed { WRONG_CLIENT } else { too_many(&verdict) }
}

fn too_many(verdict: &Verdict) -> OauthError {
    let wait = verdict.windows.iter().map(|window| window.reset_seconds).max();
    OauthError::TooManyAttempts(wait.unwrap_or(1))
}
