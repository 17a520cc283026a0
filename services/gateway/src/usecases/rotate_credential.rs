//! Giving a credential a new secret, while the old one works on for an overlap.

use super::create_api_key::IssueError;
use super::create_credential::{Issued, mint};
use super::grant::{Grants, ceiling};
use crate::domain::access::Reach;
use crate::domain::credential::CredentialStatus;
use crate::state::State;
use crate::store::{clients, credentials};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::identity::{CredentialKind, Principal};
use contracts::ids::{ClientId, CredentialId};
use platform_pg::StoreError;

/// What is rotated.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    pub client_id: ClientId,
    pub id: CredentialId,
    pub kind: CredentialKind,
    pub overlap: TimeDelta,
}

/// Stores a new secret and answers with it, and with the moment at which the old one stops working. Whoever
/// rotates a credential can use it afterwards, and so must hold its scopes.
pub async fn rotate_credential(
    state: &State,
    caller: &Principal,
    rotation: Rotation,
) -> Result<(Issued, DateTime<Utc>), IssueError> {
    let Rotation { client_id, id, kind, overlap } = rotation;
    let mut transaction = state.database.begin().await.map_err(StoreError::from)?;
    let client = clients::find(&mut transaction, Reach::of(caller), client_id).await?;
    let client = client.ok_or(IssueError::NoSuchCredential)?;
    let found = credentials::lock(&mut transaction, client.organization_id, client.id, id, kind).await?;
    let mut credential = found.ok_or(IssueError::NoSuchCredential)?;
    let now = state.clock.now();
    if credential.status(now) != CredentialStatus::Active {
        return Err(IssueError::Ended);
    }
    let receiver = ceiling(&client);
    let held: Vec<_> = credential.scopes.iter().filter(|scope| receiver.allows(scope)).cloned().collect();
    Grants::of(&mut transaction, caller).await?.check(&held, receiver)?;
    let minted = mint(state, &client, id, kind)?;
    let retires_at = now + overlap;
    credentials::retire_secret(&mut transaction, id, retires_at, now).await?;
    credentials::insert_secret(&mut transaction, id, &minted.lookup, &minted.stored, now).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    credential.lookup = minted.lookup;
    Ok((Issued { credential, client, secret: minted.secret }, retires_at))
}
