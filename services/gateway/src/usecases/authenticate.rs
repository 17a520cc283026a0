//! From what a request presents to who is calling: every kind of credential, one way in.

use crate::domain::client::ClientStatus;
use crate::domain::credential::{Resolved, StoredSecret, sealing_owner};
use crate::domain::limits;
use crate::domain::oauth::credential_id;
use crate::domain::scopes::Ceiling;
use crate::domain::token::{Expected, LEEWAY, TokenError, UNVERIFIED, Unverified, Verified};
use crate::state::State;
use crate::store::credentials;
use crate::store::jti_claims::JtiClaim;
use chrono::DateTime;
use contracts::Surface;
use contracts::identity::{CredentialKind, CredentialRef, Principal, SurfaceFacts};
use contracts::ids::CredentialId;
use platform::limits::Window;
use platform::secrets::{SecretError, digest};
use platform_pg::StoreError;
use platform_pg::group_commit::GroupCommitError;

/// What a request says about its caller.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'r> {
    pub surface: Surface,
    pub authorization: Authorization<'r>,
    pub origin: Option<&'r str>,
}

/// The `Authorization` header.
#[derive(Clone, Copy)]
pub enum Authorization<'r> {
    /// Not there, or of another scheme.
    Missing,
    Bearer(&'r str),
    /// There more than once, or not text.
    Malformed,
}

impl std::fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Bearer(_) => "Bearer(…)",
            Self::Malformed => "Malformed",
        })
    }
}

/// A caller, and the windows that its request counts against.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub principal: Principal,
    pub windows: Vec<Window>,
}

/// Why nobody was recognised.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    #[error("the request has no credential")]
    Missing,
    #[error("the credential is not valid")]
    KeyInvalid,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the token was used before")]
    Replayed,
    #[error("the token names a scope that its credential does not have")]
    ScopeNotHeld,
    #[error("the client is suspended")]
    Suspended,
    #[error("the origin is not among those of the key")]
    OriginNotAllowed,
    #[error(transparent)]
    Claim(#[from] GroupCommitError),
    #[error("a stored secret does not open")]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthenticateError {
    /// Whether the caller is to blame, rather than us.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Missing
            | Self::KeyInvalid
            | Self::Token(_)
            | Self::Replayed
            | Self::ScopeNotHeld
            | Self::Suspended
            | Self::OriginNotAllowed => true,
            Self::Claim(_) | Self::Secret(_) | Self::Store(_) => false,
        }
    }
}

/// Recognises the caller of a request to a surface.
pub async fn authenticate(
    state: &State,
    presented: Presented<'_>,
) -> Result<Authenticated, AuthenticateError> {
    let invalid = || match presented.surface {
        Surface::Partner => TokenError::Invalid("the Authorization header is malformed").into(),
        Surface::Ingest | Surface::Lex | Surface::Crm | Surface::Platform => AuthenticateError::KeyInvalid,
    };
    let bearer = match presented.authorization {
        Authorization::Missing => return Err(AuthenticateError::Missing),
        Authorization::Malformed => return Err(invalid()),
        Authorization::Bearer(bearer) => bearer,
    };
    match presented.surface {
        Surface::Partner => by_token(state, bearer).await,
        Surface::Platform => by_key(state, presented, CredentialKind::PlatformKey, bearer).await,
        Surface::Crm => by_key(state, presented, CredentialKind::CrmKey, bearer).await,
        Surface::Ingest => by_key(state, presented, CredentialKind::IngestKey, bearer).await,
        Surface::Lex => by_access_token(state, bearer).await,
    }
}

/// What is known of a credential. A cache of resolved credentials belongs here and in [`resolve_by_id`].
async fn resolve(state: &State, lookup: &str) -> Result<Option<Resolved>, StoreError> {
    let mut connection = state.database.acquire().await?;
    credentials::resolve(&mut connection, lookup).await
}

/// What is known of a credential, once for each of its secrets.
pub async fn resolve_by_id(state: &State, id: CredentialId) -> Result<Vec<Resolved>, StoreError> {
    let mut connection = state.database.acquire().await?;
    credentials::resolve_by_id(&mut connection, id).await
}

async fn by_key(
    state: &State,
    presented: Presented<'_>,
    kind: CredentialKind,
    key: &str,
) -> Result<Authenticated, AuthenticateError> {
    let parsed = platform::api_keys::parse(key).filter(|(parsed, _)| *parsed == kind);
    let (_, lookup) = parsed.ok_or(AuthenticateError::KeyInvalid)?;
    let found = resolve(state, lookup).await?;
    // An unknown key costs the same comparison as a wrong one.
    let stored = match found.as_ref().map(|credential| &credential.secret) {
        Some(StoredSecret::Hashed(hash)) => hash.as_slice(),
        Some(StoredSecret::Sealed(_)) | None => &[0; 32],
    };
    let matches = state.trust.pepper.matches(key, stored);
    let now = state.clock.now();
    let credential = found
        .filter(|credential| matches && credential.kind == kind && credential.is_live(now))
        .ok_or(AuthenticateError::KeyInvalid)?;
    if credential.client_status == ClientStatus::Suspended {
        return Err(AuthenticateError::Suspended);
    }
    if let Some(allowed) = &credential.allowed_origins
        && !presented.origin.is_some_and(|origin| allowed.iter().any(|listed| listed == origin))
    {
        return Err(AuthenticateError::OriginNotAllowed);
    }
    let scopes = held_scopes(&credential);
    Ok(authenticated(&credential, presented.surface, scopes))
}

async fn by_token(state: &State, token: &str) -> Result<Authenticated, AuthenticateError> {
    let unverified = Unverified::read(token)?;
    let now = state.clock.now();
    let credential = resolve(state, &unverified.key_id)
        .await?
        .filter(|credential| credential.kind == CredentialKind::ServiceJwt && credential.is_live(now))
        .ok_or(UNVERIFIED)?;
    let StoredSecret::Sealed(sealed) = &credential.secret else { return Err(UNVERIFIED.into()) };
    let owner = sealing_owner(&credential.organization, credential.id);
    let secret = state.trust.sealing.open(sealed, owner.as_bytes())?;
    let expected = Expected {
        issuer: &credential.organization.slug,
        audience: &state.trust.audience,
        max_lifetime: state.trust.max_lifetime,
    };
    let Verified { jti, scopes, expires_at } = unverified.verify(&secret, expected, now.timestamp())?;
    if credential.client_status == ClientStatus::Suspended {
        return Err(AuthenticateError::Suspended);
    }
    let held = held_scopes(&credential);
    if !scopes.iter().all(|scope| held.contains(scope)) {
        return Err(AuthenticateError::ScopeNotHeld);
    }
    // One second more than the leeway, because expiry is judged in whole seconds.
    let forgotten_at =
        DateTime::from_timestamp(expires_at + LEEWAY + 1, 0).unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
    let claim =
        JtiClaim { credential_id: credential.id, jti: digest(jti.as_bytes()), expires_at: forgotten_at };
    if !state.jtis.submit(claim).await? {
        return Err(AuthenticateError::Replayed);
    }
    Ok(authenticated(&credential, Surface::Partner, scopes))
}

async fn by_access_token(state: &State, token: &str) -> Result<Authenticated, AuthenticateError> {
    let now = state.clock.now();
    let oauth = &state.trust.oauth;
    let claims = oauth.keys.verify(token, &oauth.issuer, &state.trust.audience, now.timestamp())?;
    let id = credential_id(&claims.client_id);
    let credential = resolve_by_id(state, id)
        .await?
        .into_iter()
        // A rotation ends a secret, not the tokens that it was exchanged for; the newest one does not retire.
        .next()
        .filter(|credential| credential.kind == CredentialKind::OauthClient && credential.is_live(now))
        .ok_or(AuthenticateError::KeyInvalid)?;
    if credential.client_status == ClientStatus::Suspended {
        return Err(AuthenticateError::Suspended);
    }
    let mut scopes = held_scopes(&credential);
    scopes.retain(|held| claims.scope.split(' ').any(|scope| scope == held));
    Ok(authenticated(&credential, Surface::Lex, scopes))
}

/// The credential's scopes, as far as its client may still hold them.
pub fn held_scopes(credential: &Resolved) -> Vec<String> {
    let ceiling = Ceiling {
        organization_slug: &credential.organization.slug,
        scopes: credential.client_scopes.as_deref(),
    };
    credential.scopes.iter().filter(|scope| ceiling.allows(scope)).cloned().collect()
}

fn authenticated(credential: &Resolved, surface: Surface, scopes: Vec<String>) -> Authenticated {
    Authenticated {
        windows: limits::of_credential(credential),
        principal: Principal {
            organization: credential.organization.clone(),
            client_id: credential.client_id,
            credential: CredentialRef { id: credential.id, kind: credential.kind },
            scopes,
            surface,
            facts: SurfaceFacts::None,
        },
    }
}
