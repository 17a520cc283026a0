//! Closing a lead by the short form: a LEAD_CLOSURE message that this service writes.

use super::submit::{Incoming, SubmitError, submit};
use crate::domain::record::Outcome;
use crate::domain::sender::Sender;
use crate::domain::submission::is_name;
use crate::state::State;
use crate::store::messages;
use chrono::{DateTime, Utc};
use lex::closure::{NewMessage, ShortClosure};
use platform_pg::StoreError;

/// Closes a lead that the sender takes part in; the message goes to the other side. `None` when there is no such
/// lead.
pub async fn close_lead(
    state: &State,
    sender: &Sender,
    lead_id: &str,
    closure: &ShortClosure,
    since: DateTime<Utc>,
) -> Result<Option<Outcome>, SubmitError> {
    if !is_name(lead_id) {
        return Ok(None);
    }
    let mut connection = state.database.acquire().await.map_err(StoreError::from)?;
    let organization = sender.organization_id;
    let lead = messages::find_lead(&mut connection, organization, &sender.lex_ids, lead_id).await?;
    drop(connection);
    let (Some(lead), Some(own)) = (lead, sender.name()) else { return Ok(None) };
    let now = state.clock.now();
    let opened_it = lead.opened_by == organization;
    let id = state.ids.at(now).to_string();
    let new = NewMessage {
        message_id: &id,
        now,
        sender_id: if opened_it && sender.is(&lead.opener) { &lead.opener } else { own },
        receiver_id: if opened_it { &lead.receiver } else { &lead.opener },
    };
    let message = closure.message(lead_id, lead.created_at, &new);
    let document = String::from_utf8(message.to_json()).unwrap_or_default();
    let incoming = Incoming { message, document, only: None, idempotency_key: None, since };
    Ok(Some(submit(state, sender, incoming, |_| Ok(())).await?))
}
