//! Giving a credential a new secret, while the old one works on for an overlap.

use super::change::Change;
use super::create_api_key::IssueError;
use super::create_credential::{Issued, mint, record, tell_of};
use super::grant::{Grants, ceiling};
use crate::domain::access::Reach;
use crate::domain::credential::CredentialStatus;
use crate::store::{clients, credentials};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::identity::CredentialKind;
use contracts::ids::{ClientId, CredentialId};
use serde_json::json;

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
    change: &mut Change<'_>,
    rotation: Rotation,
) -> Result<(Issued, DateTime<Utc>), IssueError> {
    let Rotation { client_id, id, kind, overlap } = rotation;
    let (state, caller) = (change.state, change.caller);
    let client = clients::hold(&mut change.transaction, Reach::of(caller), client_id).await?;
    let client = client.ok_or(IssueError::NoSuchCredential)?;
    let found =
        credentials::lock(&mut change.transaction, client.organization_id, client.id, id, &[kind]).await?;
    let mut credential = found.ok_or(IssueError::NoSuchCredential)?;
    let now = state.clock.now();
    if credential.status(now) != CredentialStatus::Active {
        return Err(IssueError::Ended);
    }
    let receiver = ceiling(&client);
    let held: Vec<_> = credential.scopes.iter().filter(|scope| receiver.allows(scope)).cloned().collect();
    Grants::of(&mut change.transaction, caller).await?.check(&held, receiver)?;
    let minted = mint(state, &client, id, kind)?;
    let retires_at = now + overlap;
    credentials::retire_secret(&mut change.transaction, id, retires_at, now).await?;
    credentials::insert_secret(&mut change.transaction, id, &minted.lookup, &minted.stored, now).await?;
    let version = credentials::count_change(&mut change.transaction, client.organization_id, id).await?;
    tell_of(change, &client, id, version).await?;
    let after = json!({"lookup": minted.lookup, "previousSecretExpiresAt": retires_at});
    record(change, &client, id, "rotated", kind, Some(&after)).await?;
    credential.lookup = minted.lookup;
    Ok((Issued { credential, client, secret: minted.secret }, retires_at))
}
