//! From what a request presents to who is calling: every kind of credential, one way in.

use crate::domain::client::ClientStatus;
use crate::domain::credential::{Resolved, StoredSecret, sealing_owner};
use crate::domain::limits::{self, Limit};
use crate::domain::oauth::credential_id;
use crate::domain::scopes::Ceiling;
use crate::domain::token::{Expected, LEEWAY, TokenError, UNVERIFIED, Unverified, Verified};
use crate::domain::usage::Consumer;
use crate::state::State;
use crate::store::jti_claims::{Claim, JtiClaim};
use chrono::DateTime;
use contracts::Surface;
use contracts::identity::{CredentialKind, CredentialRef, Principal};
use platform::secrets::{SecretError, digest};
use platform_pg::StoreError;
use platform_pg::group_commit::GroupCommitError;
use secrecy::zeroize::Zeroizing;

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

/// A caller, and the limits that its request counts against.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub principal: Principal,
    pub limits: Vec<Limit>,
    /// Whether the credential lists the origin that the request comes from.
    pub origin_listed: bool,
    /// The token's use, on its way to the disk. The request is not answered before.
    pub claim: Option<Claim>,
}

/// Why somebody who was recognised may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the token names a scope that its credential does not have")]
    ScopeNotHeld,
    #[error("the client is suspended")]
    Suspended,
    #[error("the origin is not among those of the key")]
    OriginNotAllowed,
}

/// Why a request is not let in.
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
    /// By a credential that counts, and that this request is charged to all the same.
    #[error("{refusal}")]
    Recognised { refusal: Refusal, limits: Vec<Limit>, consumer: Consumer },
    #[error(transparent)]
    Claim(#[from] GroupCommitError),
    #[error("a stored secret does not open")]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
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

async fn by_key(
    state: &State,
    presented: Presented<'_>,
    kind: CredentialKind,
    key: &str,
) -> Result<Authenticated, AuthenticateError> {
    let parsed = platform::api_keys::parse(key).filter(|(parsed, _)| *parsed == kind);
    let (_, lookup) = parsed.ok_or(AuthenticateError::KeyInvalid)?;
    let found = state.credentials.by_lookup(lookup).await?;
    let found = found.first();
    // An unknown key costs the same comparison as a wrong one.
    let stored = match found.map(|credential| &credential.secret) {
        Some(StoredSecret::Hashed(hash)) => hash.as_slice(),
        Some(StoredSecret::Sealed(_)) | None => &[0; 32],
    };
    let matches = state.trust.pepper.matches(key, stored);
    let now = state.clock.now();
    let credential = found
        .filter(|credential| matches && credential.kind == kind && credential.is_live(now))
        .ok_or(AuthenticateError::KeyInvalid)?;
    if credential.client_status == ClientStatus::Suspended {
        return Err(refused(credential, Refusal::Suspended));
    }
    if let Some(allowed) = &credential.allowed_origins
        && !presented.origin.is_some_and(|origin| allowed.iter().any(|listed| listed == origin))
    {
        return Err(refused(credential, Refusal::OriginNotAllowed));
    }
    Ok(authenticated(credential, presented.surface, held_scopes(credential)))
}

async fn by_token(state: &State, token: &str) -> Result<Authenticated, AuthenticateError> {
    let unverified = Unverified::read(token)?;
    let now = state.clock.now();
    let found = state.credentials.by_lookup(&unverified.key_id).await?;
    let known = found
        .first()
        .filter(|credential| credential.kind == CredentialKind::ServiceJwt && credential.is_live(now));
    let secret = match known {
        Some(credential) => signing_secret(state, credential)?,
        // An unknown kid costs the same verification as a wrong signature.
        None => Zeroizing::new(vec![0; 32]),
    };
    let expected = Expected {
        issuer: known.map_or("", |credential| &credential.organization.slug),
        audience: &state.trust.audience,
        max_lifetime: state.trust.max_lifetime,
    };
    let verified = unverified.verify(&secret, expected, now.timestamp());
    let credential = known.ok_or(UNVERIFIED)?;
    let Verified { jti, scopes, expires_at } = verified?;
    if credential.client_status == ClientStatus::Suspended {
        return Err(refused(credential, Refusal::Suspended));
    }
    let held = held_scopes(credential);
    if !scopes.iter().all(|scope| held.contains(scope)) {
        return Err(refused(credential, Refusal::ScopeNotHeld));
    }
    // One second more than the leeway, because expiry is judged in whole seconds.
    let forgotten_at =
        DateTime::from_timestamp(expires_at + LEEWAY + 1, 0).unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
    let claim =
        JtiClaim { credential_id: credential.id, jti: digest(jti.as_bytes()), expires_at: forgotten_at };
    let claimed = state.jtis.submit(claim).await?;
    if !claimed.is_first {
        return Err(AuthenticateError::Replayed);
    }
    Ok(Authenticated { claim: Some(claimed.claim), ..authenticated(credential, Surface::Partner, scopes) })
}

/// The HMAC key of a service credential, for this one request.
fn signing_secret(state: &State, credential: &Resolved) -> Result<Zeroizing<Vec<u8>>, AuthenticateError> {
    let StoredSecret::Sealed(sealed) = &credential.secret else { return Err(UNVERIFIED.into()) };
    let owner = sealing_owner(&credential.organization, credential.id);
    Ok(Zeroizing::new(state.trust.sealing.open(sealed, owner.as_bytes())?))
}

async fn by_access_token(state: &State, token: &str) -> Result<Authenticated, AuthenticateError> {
    let now = state.clock.now();
    let oauth = &state.trust.oauth;
    let claims = oauth.keys.verify(token, &oauth.issuer, &state.trust.audience, now.timestamp())?;
    let id = credential_id(&claims.client_id);
    let found = state.credentials.by_id(id).await?;
    // A rotation ends a secret, not the tokens that it was exchanged for; the newest one does not retire.
    let credential = found
        .first()
        .filter(|credential| credential.kind == CredentialKind::OauthClient && credential.is_live(now))
        .ok_or(AuthenticateError::KeyInvalid)?;
    if credential.client_status == ClientStatus::Suspended {
        return Err(refused(credential, Refusal::Suspended));
    }
    let mut scopes = held_scopes(credential);
    scopes.retain(|held| claims.scope.split(' ').any(|scope| scope == held));
    Ok(authenticated(credential, Surface::Lex, scopes))
}

/// The credential's scopes, as far as its client may still hold them.
pub fn held_scopes(credential: &Resolved) -> Vec<String> {
    let ceiling = Ceiling {
        organization_slug: &credential.organization.slug,
        scopes: credential.client_scopes.as_deref(),
    };
    credential.scopes.iter().filter(|scope| ceiling.allows(scope)).cloned().collect()
}

fn refused(credential: &Resolved, refusal: Refusal) -> AuthenticateError {
    let consumer = Consumer {
        organization_id: credential.organization.id,
        client_id: credential.client_id,
        credential_id: credential.id,
    };
    AuthenticateError::Recognised { refusal, limits: limits::of_credential(credential), consumer }
}

fn authenticated(credential: &Resolved, surface: Surface, scopes: Vec<String>) -> Authenticated {
    let limits = limits::of_credential(credential);
    Authenticated {
        // A key that lists origins is refused from any other.
        origin_listed: credential.allowed_origins.is_some(),
        principal: Principal {
            organization: credential.organization.clone(),
            client_id: credential.client_id,
            credential: CredentialRef { id: credential.id, kind: credential.kind },
            scopes,
            surface,
            facts: credential.facts(limits::window_of_messages(&limits)),
        },
        limits,
        claim: None,
    }
}
