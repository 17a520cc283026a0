//! Making a change, and making it once however often it is asked for (`Idempotency-Key`).
//!
//! The key is claimed, the change made and its answer stored in one transaction. Answers may hold secrets
//! that are shown once, so they are stored sealed.

use super::change::{Change, Origin};
use crate::state::State;
use contracts::FaultCode;
use contracts::identity::Principal;
use contracts::ids::CredentialId;
use platform::Fault;
use platform::secrets::Sealed;
use platform_pg::idempotency::{Claim, Claimed, Lifetime, Stored, claim};

/// What a request is known by when it is repeated.
#[derive(Clone, Debug)]
pub struct Once {
    /// The caller's key.
    pub key: String,
    /// Of everything that must be the same at a repetition.
    pub fingerprint: [u8; 32],
}

/// What a caller is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
    pub replayed: bool,
}

/// Does the work in one transaction and commits it before it answers; or gives the answer of a request that
/// was the same.
///
/// # Errors
/// What the work fails with, in which case nothing has happened and the key is as free as before; that the
/// key was used for something else; or that nothing can be committed.
pub async fn make(
    state: &State,
    caller: &Principal,
    origin: Origin,
    once: Option<Once>,
    work: impl AsyncFnOnce(&mut Change<'_>) -> Result<Answer, Fault>,
) -> Result<Answer, Fault> {
    let mut change = Change::begin(state, caller, origin).await?;
    let Some(once) = once else {
        let answer = work(&mut change).await?;
        change.commit().await?;
        return Ok(answer);
    };
    let wanted = Claim {
        scope: caller.credential.id.as_uuid(),
        key: once.key,
        fingerprint: Some(once.fingerprint),
        lifetime: Lifetime::DAY,
    };
    let owner = sealing_owner(caller.credential.id, &wanted.key);
    match claim(&mut change.transaction, &wanted, state.clock.now()).await? {
        Claimed::Fresh(fresh) => {
            let answer = work(&mut change).await?;
            let sealed = state.trust.sealing.seal(&answer.body, owner.as_bytes()).map_err(Fault::internal)?;
            fresh.complete(&mut change.transaction, answer.status, &sealed.pack()).await?;
            change.commit().await?;
            Ok(answer)
        }
        Claimed::Replay(Stored { status, response, .. }) => {
            let sealed =
                Sealed::unpack(&response).ok_or_else(|| Fault::internal("a stored answer is damaged"))?;
            let body = state.trust.sealing.open(&sealed, owner.as_bytes()).map_err(Fault::internal)?;
            let status = u16::try_from(status).map_err(Fault::internal)?;
            Ok(Answer { status, body, replayed: true })
        }
        Claimed::Mismatch => Err(Fault::new(
            FaultCode::IdempotencyMismatch,
            "the idempotency key was used before with another request",
        )),
    }
}

/// What a stored answer is bound to.
fn sealing_owner(credential: CredentialId, key: &str) -> String {
    format!("idempotency|{credential}|{key}")
}
