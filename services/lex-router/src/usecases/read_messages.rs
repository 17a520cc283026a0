//! Reading messages that one sent or received, and one's own dead ones.

use crate::domain::sender::Sender;
use crate::domain::submission::is_name;
use crate::state::State;
use crate::store::messages;
use chrono::{DateTime, Utc};
use platform_pg::StoreError;
use uuid::Uuid;

/// A message as it is kept. Documents and lists of issues are JSON.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    pub message_id: String,
    pub received_at: DateTime<Utc>,
    pub status: String,
    pub document: String,
    pub ack_status: Option<String>,
    pub ack_at: Option<DateTime<Utc>>,
    pub ack_errors: Option<String>,
    pub duplicate_status: Option<String>,
    pub duplicate_of: Option<String>,
}

/// A dead message, with its place in the list.
#[derive(Clone, Debug)]
pub struct DeadMessage {
    pub id: Uuid,
    pub message: StoredMessage,
}

/// The message of an id among those that the caller sent, then among those that it received.
pub async fn find_message(
    state: &State,
    caller: &Sender,
    message_id: &str,
) -> Result<Option<StoredMessage>, StoreError> {
    if !is_name(message_id) {
        return Ok(None);
    }
    let mut connection = state.database.acquire().await?;
    messages::find(&mut connection, caller.organization_id, &caller.lex_ids, message_id).await
}

/// The caller's own dead messages, newest first, and where the next page begins.
pub async fn list_dead(
    state: &State,
    caller: &Sender,
    after: Option<Uuid>,
    limit: usize,
) -> Result<(Vec<StoredMessage>, Option<Uuid>), StoreError> {
    let mut connection = state.database.acquire().await?;
    let wanted = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut dead = messages::list_dead(&mut connection, caller.organization_id, after, wanted).await?;
    let is_last = dead.len() <= limit;
    dead.truncate(limit);
    let next = dead.last().filter(|_| !is_last).map(|dead| dead.id);
    Ok((dead.into_iter().map(|dead| dead.message).collect(), next))
}
