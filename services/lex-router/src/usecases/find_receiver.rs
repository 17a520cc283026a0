//! Finding the organisation that a message is addressed to: in the copy that events keep up, else at the gateway.

use crate::domain::sender::{Party, Receiver};
use crate::domain::submission::is_name;
use crate::state::State;
use crate::store::organizations;
use lex::header;
use platform_pg::StoreError;

/// Who a receiver is. An organisation that was made a moment ago is found; when the gateway does not say, nobody
/// is, and the message waits for whoever it is.
pub async fn find_receiver(state: &State, name: Option<&str>) -> Result<Receiver, StoreError> {
    match name {
        Some(header::PLATFORM) => Ok(Receiver::Platform),
        Some(header::BROADCAST) => Ok(Receiver::Broadcast),
        Some(name) if is_name(name) => {
            Ok(find(state, name).await?.map_or(Receiver::Unknown, Receiver::Organization))
        }
        _ => Ok(Receiver::Unknown),
    }
}

async fn find(state: &State, name: &str) -> Result<Option<Party>, StoreError> {
    let mut connection = state.database.acquire().await?;
    if let Some(party) = organizations::find_by_name(&mut connection, name).await? {
        return Ok(Some(party));
    }
    // Not over a call.
    drop(connection);
    let asked_at = state.clock.now();
    match state.peers.gateway.organization(name).await {
        Ok(Some(facts)) => {
            let mut connection = state.database.acquire().await?;
            organizations::keep(&mut connection, &facts, asked_at).await?;
            organizations::find_by_name(&mut connection, name).await
        }
        Ok(None) => Ok(None),
        Err(error) => {
            tracing::warn!(%error, "the gateway does not say who a receiver is");
            Ok(None)
        }
    }
}
