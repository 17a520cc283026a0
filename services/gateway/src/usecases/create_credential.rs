//! Making a service or OAuth credential. Its secret is in the answer and nowhere else in the open.

use super::change::Change;
use super::create_api_key::IssueError;
use super::grant::{Grants, ceiling};
use crate::domain::access::Reach;
use crate::domain::audit::named;
use crate::domain::client::Client;
use crate::domain::credential::{Credential, NewCredential, StoredSecret, audit_noun, sealing_owner};
use crate::state::State;
use crate::store::{clients, credentials};
use contracts::control::CredentialChanged;
use contracts::identity::{CredentialKind, OrganizationRef};
use contracts::ids::CredentialId;
use platform::secrets::{SecretError, base64url, random};
use platform_pg::StoreError;
use serde::Serialize;

/// A credential with what must be told once.
#[derive(Debug)]
pub struct Issued {
    pub credential: Credential,
    pub client: Client,
    pub secret: String,
}

/// Stores a new credential and answers with its secret.
pub async fn create_credential(change: &mut Change<'_>, new: NewCredential) -> Result<Issued, IssueError> {
    let (state, caller) = (change.state, change.caller);
    let client = clients::hold(&mut change.transaction, Reach::of(caller), new.client_id).await?;
    let client = client.ok_or(IssueError::NoSuchClient)?;
    let grants = Grants::of(&mut change.transaction, caller).await?;
    grants.check(&new.scopes, ceiling(&client))?;
    if new.rate_limit_override.is_some() {
        grants.check_admin("rateLimitOverride")?;
    }
    let now = state.clock.now();
    let id = CredentialId::new(state.ids.at(now));
    let minted = mint(state, &client, id, new.kind)?;
    let credential = Credential {
        id,
        kind: new.kind,
        name: new.name,
        lookup: minted.lookup,
        scopes: new.scopes,
        rate_limit_override: new.rate_limit_override,
        app: None,
        allowed_origins: None,
        metadata: None,
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
        created_at: now,
    };
    let tenant = client.organization_id;
    credentials::insert(&mut change.transaction, tenant, client.id, &credential, &minted.stored).await?;
    tell_of(change, &client, credential.id, 1).await?;
    record(change, &client, credential.id, "created", credential.kind, Some(&credential)).await?;
    Ok(Issued { credential, client, secret: minted.secret })
}

/// Enters what became of a credential into the audit log.
pub async fn record<T: Serialize>(
    change: &mut Change<'_>,
    client: &Client,
    id: CredentialId,
    verb: &str,
    kind: CredentialKind,
    after: Option<&T>,
) -> Result<(), StoreError> {
    let noun = audit_noun(kind);
    let action = format!("{noun}.{verb}");
    change.record(client.organization_id, &action, named(noun, id), None, after).await
}

/// Announces a credential that was made or changed.
pub async fn tell_of(
    change: &mut Change<'_>,
    client: &Client,
    credential_id: CredentialId,
    version: i64,
) -> Result<(), StoreError> {
    let (organization_id, client_id) = (client.organization_id, client.id);
    let event = CredentialChanged { organization_id, client_id, credential_id };
    change.announce(organization_id, credential_id.as_uuid(), version, event).await
}

/// A new secret, not stored yet.
pub struct Minted {
    /// What it is found by.
    pub lookup: String,
    /// 32 random bytes in base64url. Of a service credential the decoded bytes are the HMAC key.
    pub secret: String,
    pub stored: StoredSecret,
}

/// Makes a secret for a service or OAuth credential.
pub fn mint(
    state: &State,
    client: &Client,
    id: CredentialId,
    kind: CredentialKind,
) -> Result<Minted, SecretError> {
    let bytes: [u8; 32] = random()?;
    let (secret, random) = (base64url(&bytes), base64url(&random::<18>()?));
    if kind == CredentialKind::OauthClient {
        let stored = StoredSecret::Hashed(state.trust.pepper.hash(&secret).to_vec());
        // Its owner is called by the credential's id; this only tells its secrets apart.
        return Ok(Minted { lookup: format!("oauth_secret_{random}"), secret, stored });
    }
    let organization = OrganizationRef { id: client.organization_id, slug: client.organization_slug.clone() };
    let owner = sealing_owner(&organization, id);
    let stored = StoredSecret::Sealed(state.trust.sealing.seal(&bytes, owner.as_bytes())?);
    Ok(Minted { lookup: format!("kid_{random}"), secret, stored })
}
