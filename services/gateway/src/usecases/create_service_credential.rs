//! Making a service credential: the secret that a partner signs its tokens with.

use super::create_api_key::IssueError;
use super::grant::{Grants, ceiling};
use crate::domain::access::Reach;
use crate::domain::client::Client;
use crate::domain::credential::{Credential, NewServiceCredential, StoredSecret, sealing_owner};
use crate::state::State;
use crate::store::{clients, credentials};
use contracts::identity::{CredentialKind, OrganizationRef, Principal};
use contracts::ids::CredentialId;
use platform::secrets::{base64url, random};
use platform_pg::StoreError;

/// A new service credential, with what must be told once.
#[derive(Debug)]
pub struct Issued {
    pub credential: Credential,
    pub client: Client,
    /// 32 random bytes in base64url; the decoded bytes are the HMAC key.
    pub secret: String,
}

/// Stores a new credential with its secret sealed and answers with the secret.
pub async fn create_service_credential(
    state: &State,
    caller: &Principal,
    new: NewServiceCredential,
) -> Result<Issued, IssueError> {
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let client = clients::find(&mut transaction, Reach::of(caller), new.client_id).await?;
    let client = client.ok_or(IssueError::NoSuchClient)?;
    let grants = Grants::of(&mut transaction, caller).await?;
    grants.check(&new.scopes, ceiling(&client))?;
    if new.rate_limit_override.is_some() {
        grants.check_admin("rateLimitOverride")?;
    }
    let now = state.clock.now();
    let credential = Credential {
        id: CredentialId::new(state.ids.at(now)),
        kind: CredentialKind::ServiceJwt,
        name: new.name,
        lookup: format!("kid_{}", base64url(&random::<18>()?)),
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
    let secret: [u8; 32] = random()?;
    let organization = OrganizationRef { id: client.organization_id, slug: client.organization_slug.clone() };
    let owner = sealing_owner(&organization, credential.id);
    let sealed = StoredSecret::Sealed(state.trust.sealing.seal(&secret, owner.as_bytes())?);
    credentials::insert(&mut transaction, client.organization_id, client.id, &credential, &sealed).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(Issued { credential, client, secret: base64url(&secret) })
}
