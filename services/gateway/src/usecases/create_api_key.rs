//! Making an API key. The key itself is in the answer and nowhere else.

use super::change::Change;
use super::create_credential::{record, tell_of};
use super::grant::{GrantError, Grants, ceiling};
use crate::domain::access::Reach;
use crate::domain::credential::{Credential, KeySurface, NewApiKey, StoredSecret};
use crate::domain::scopes;
use crate::store::{clients, credentials};
use contracts::Surface;
use contracts::ids::CredentialId;
use platform::api_keys::{NewKey, new_crm_key, new_ingest_key, new_platform_key};
use platform::secrets::SecretError;
use platform_pg::StoreError;

/// Why no credential was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Or not for this caller.
    #[error("there is no such client")]
    NoSuchClient,
    /// Or not for this caller.
    #[error("there is no such credential")]
    NoSuchCredential,
    #[error("the credential has ended")]
    Ended,
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores a new key's hash and answers with the key.
pub async fn create_api_key(
    change: &mut Change<'_>,
    new: NewApiKey,
) -> Result<(Credential, String), IssueError> {
    let (state, caller) = (change.state, change.caller);
    let client = clients::hold(&mut change.transaction, Reach::of(caller), new.client_id).await?;
    let client = client.ok_or(IssueError::NoSuchClient)?;
    let grants = Grants::of(&mut change.transaction, caller).await?;
    let scopes = match new.scopes {
        Some(scopes) => {
            grants.check(&scopes, ceiling(&client))?;
            scopes
        }
        None => grants.grantable(all_scopes(new.surface), ceiling(&client)),
    };
    // On the platform surface a key stays below its client's hourly and daily figures all the same.
    if new.rate_limit_override.is_some() && new.surface != KeySurface::Platform {
        grants.check_admin("rateLimitOverride of a crm or ingest key")?;
    }
    let now = state.clock.now();
    let NewKey { key, lookup } = make_key(new.surface)?;
    let app = match &new.app {
        Some(app) => {
            let id = state.ids.at(now);
            Some(
                credentials::upsert_app(&mut change.transaction, client.organization_id, id, app, now)
                    .await?,
            )
        }
        None => None,
    };
    let credential = Credential {
        id: CredentialId::new(state.ids.at(now)),
        kind: new.surface.kind(),
        name: new.name,
        lookup,
        scopes,
        rate_limit_override: new.rate_limit_override,
        app,
        allowed_origins: new.allowed_origins,
        metadata: new.metadata,
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
        created_at: now,
    };
    let secret = StoredSecret::Hashed(state.trust.pepper.hash(&key).to_vec());
    credentials::insert(&mut change.transaction, client.organization_id, client.id, &credential, &secret)
        .await?;
    tell_of(change, &client, credential.id, 1).await?;
    record(change, &client, credential.id, "created", credential.kind, Some(&credential)).await?;
    Ok((credential, key))
}

fn make_key(surface: KeySurface) -> Result<NewKey, SecretError> {
    match surface {
        KeySurface::Platform => new_platform_key(),
        KeySurface::Crm => new_crm_key(),
        KeySurface::Ingest => new_ingest_key(),
    }
}

fn all_scopes(surface: KeySurface) -> Vec<String> {
    scopes::all_of(match surface {
        KeySurface::Platform => Surface::Platform,
        KeySurface::Crm => Surface::Crm,
        KeySurface::Ingest => Surface::Ingest,
    })
}
