//! Noting what became of the deliveries of messages.

use crate::domain::announcement::{self, Undelivered};
use crate::domain::record::Status;
use crate::domain::sender::Party;
use crate::state::State;
use crate::store::organizations;
use crate::store::outcomes::{self, Settling};
use chrono::{DateTime, Utc};
use contracts::ids::EventId;
use contracts::lex::OnExpiry;
use contracts::outcome::EventSettled;
use lex::{Issue, Message, acknowledgment, code, ttl};
use platform_pg::StoreError;
use platform_pg::outbox::{self, PendingEvent};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Moves messages on whose deliveries have ended, and tells senders of those that reached nobody. May be repeated.
pub async fn note_outcomes(state: &State, settled: &[EventSettled]) -> Result<(), StoreError> {
    let settled: BTreeMap<EventId, &EventSettled> =
        settled.iter().map(|settled| (settled.event_id, settled)).collect();
    let events: Vec<EventId> = settled.keys().copied().collect();
    let now = state.clock.now();
    let mut transaction = platform_pg::begin_planned(&state.database).await?;
    let mut told = Vec::new();
    for message in outcomes::lock(&mut transaction, &events).await? {
        // An end that is there already was noted before.
        let is_open = matches!(message.status.as_str(), "RECEIVED" | "PROCESSED");
        let Some(settled) = settled.get(&message.id).filter(|_| is_open) else { continue };
        if settled.delivered > 0 {
            outcomes::settle(&mut transaction, &message, Status::Delivered).await?;
        } else if settled.dead_letter > 0 {
            told.extend(bury(state, &mut transaction, &message, settled.expired > 0, now).await?);
        } else if settled.cancelled > 0 && is_to_be_dropped(&message, now) {
            outcomes::discard(&mut transaction, &message).await?;
        }
    }
    let entries = outbox::insert(&mut transaction, told).await?;
    transaction.commit().await?;
    state.relay.hand_over(entries);
    Ok(())
}

/// A message that nobody got: dead, or handed back.
async fn bury(
    state: &State,
    connection: &mut PgConnection,
    message: &Settling,
    expired: bool,
    now: DateTime<Utc>,
) -> Result<Option<PendingEvent>, StoreError> {
    let is_returned = expired && OnExpiry::of_name(&message.on_expiry) == Some(OnExpiry::Return);
    let status = if is_returned { Status::Rejected } else { Status::Dlq };
    outcomes::settle(connection, message, status).await?;
    let (acknowledged, issue) = if expired {
        let what = "nobody got the message before its time was over";
        (acknowledgment::Status::Rejected, Issue::critical("lex.header.ttl", code::MESSAGE_TTL_EXPIRED, what))
    } else {
        let what = "the receiver's systems did not take the message";
        (acknowledgment::Status::Error, Issue::error("lex.header.receiverId", "DELIVERY_FAILED", what))
    };
    outcomes::refuse(connection, message, acknowledged, &issue).await?;
    let Some(document) = read(message) else { return Ok(None) };
    let lex_ids = organizations::names(connection, message.organization_id).await?;
    let of = Undelivered {
        sender: Party { organization_id: message.organization_id, lex_ids },
        message_id: message.message_id.clone(),
    };
    let event = announcement::undelivered(EventId::new(state.ids.at(now)), &of, &document, now);
    let event = event.as_ref().map(PendingEvent::of).transpose();
    event.map_err(|error| sqlx::Error::Encode(Box::new(error)).into())
}

/// Deliveries are cancelled as well when their subscription goes; only the message's own end means dropping it.
fn is_to_be_dropped(message: &Settling, now: DateTime<Utc>) -> bool {
    let received_at = platform::ids::time_of(message.id.as_uuid()).unwrap_or(now);
    OnExpiry::of_name(&message.on_expiry) == Some(OnExpiry::Discard)
        && read(message).is_some_and(|document| ttl::deadline(&document, received_at) <= now)
}

fn read(message: &Settling) -> Option<Message> {
    Message::from_json(message.document.as_ref()?.as_bytes()).ok()
}
