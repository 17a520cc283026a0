//! What subscribers are told of a message: which event it is, who may have it, for how long it is worth
//! delivering.

use super::lead::Lead;
use super::sender::{Party, Receiver};
use super::submission::Submission;
use chrono::{DateTime, Utc};
use contracts::event::{CloudEvent, EventFacts};
use contracts::ids::{EventId, OrganizationId};
use contracts::lex::{LexEvent, LexMessage, MessageFacts, OnExpiry, Participant};
use lex::events::Event;
use lex::facts::Facts;
use lex::{Message, ttl};
use serde_json::value::RawValue;
use std::collections::HashMap;

/// An event that is to be written down once it is sure that its message is stored.
pub type Announcement = CloudEvent<LexMessage>;

/// The names of organisations, for participants that are no party of the message itself.
pub type Names = HashMap<OrganizationId, Vec<String>>;

/// Tells of an accepted message. `lead` is the stored lead that it is about, after the message.
pub fn accepted(
    submission: &Submission,
    events: &[Event],
    lead: Option<&Lead>,
    names: &Names,
) -> Option<Announcement> {
    let own_end = ttl::expires_at(&submission.message);
    // What the exchange itself received is not waiting for anybody, unless its sender has set it an end.
    let hold = own_end.is_some() || !submission.receiver.is_open();
    let expires_at =
        if hold { Some(ttl::deadline(&submission.message, submission.received_at)) } else { own_end };
    let own = submission.facts();
    let stored = lead.filter(|_| submission.lead_id().is_some());
    let facts = MessageFacts {
        product_type: own
            .product_type
            .map(str::to_owned)
            .or_else(|| stored.and_then(|lead| lead.product_type.clone())),
        lead_status: own.lead_status.map(str::to_owned).or_else(|| stored.map(|lead| lead.status.clone())),
        regions: match stored {
            Some(lead) if own.regions.is_empty() => lead.regions.clone(),
            _ => own.regions,
        },
        sender_id: submission.sender_id().to_owned(),
    };
    let message = LexMessage {
        events: events.iter().copied().map(name).collect(),
        facts,
        broadcast: submission.receiver == Receiver::Broadcast,
        participants: participants(submission, lead, names),
        expires_at,
        on_expiry: on_expiry(&submission.message),
        hold,
        ..to_sender(&submission.message, &submission.sender.party(), Event::MessageProcessed)?
    };
    Some(enveloped(submission, submission.id, true, message))
}

/// Tells a sender that its message was refused.
pub fn refused(submission: &Submission, notice: Option<Box<RawValue>>) -> Option<Announcement> {
    let mut message = to_sender(&submission.message, &submission.sender.party(), Event::MessageFailed)?;
    message.notice = notice;
    Some(enveloped(submission, submission.id, false, message))
}

/// Tells a sender that its lead is another's duplicate.
pub fn duplicate(submission: &Submission, closure: &Message) -> Option<Announcement> {
    let lead = to_sender(&submission.message, &submission.sender.party(), Event::LeadClosed)?;
    let message = LexMessage {
        facts: lead.facts,
        ..to_sender(closure, &submission.sender.party(), Event::LeadClosed)?
    };
    Some(enveloped(submission, submission.notice_id, false, message))
}

/// A message that concerns one organisation alone.
fn to_sender(message: &Message, sender: &Party, event: Event) -> Option<LexMessage> {
    let own = Facts::read(message);
    Some(LexMessage {
        message: raw(message)?,
        events: vec![name(event)],
        facts: MessageFacts {
            product_type: own.product_type.map(str::to_owned),
            lead_status: own.lead_status.map(str::to_owned),
            regions: own.regions,
            sender_id: message.header_text("senderId").unwrap_or_default().to_owned(),
        },
        receiver: message.header_text("receiverId").unwrap_or_default().to_owned(),
        broadcast: false,
        participants: vec![participant(sender, true)],
        expires_at: None,
        on_expiry: OnExpiry::Dlq,
        hold: false,
        notice: None,
    })
}

/// A message as raw JSON. `None` never happens: what was read can be written.
pub fn raw(message: &Message) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(message.to_json()).ok()?).ok()
}

fn participants(submission: &Submission, lead: Option<&Lead>, names: &Names) -> Vec<Participant> {
    let sender = submission.sender.party();
    match &submission.receiver {
        Receiver::Organization(party) if party.organization_id == sender.organization_id => {
            vec![participant(&sender, true)]
        }
        Receiver::Organization(party) => vec![participant(party, true), participant(&sender, false)],
        Receiver::Unknown => vec![participant(&sender, false)],
        // Whoever takes part in the lead is meant, its sender included.
        Receiver::Platform | Receiver::Broadcast => {
            let others = lead.map(|lead| lead.parties.as_slice()).unwrap_or_default().iter();
            let others = others.filter(|party| **party != sender.organization_id).map(|party| Party {
                organization_id: *party,
                lex_ids: names.get(party).cloned().unwrap_or_default(),
            });
            std::iter::once(sender.clone()).chain(others).map(|party| participant(&party, true)).collect()
        }
    }
}

fn participant(party: &Party, is_receiver: bool) -> Participant {
    Participant { organization_id: party.organization_id, lex_ids: party.lex_ids.clone(), is_receiver }
}

fn enveloped(
    submission: &Submission,
    id: EventId,
    track_delivery: bool,
    message: LexMessage,
) -> Announcement {
    let aggregate = submission.lead_id().or_else(|| submission.asset_id());
    let facts = EventFacts {
        id,
        time: submission.received_at,
        tenant: submission.organization_id(),
        aggregate: aggregate.unwrap_or_else(|| submission.message_id.clone()),
        aggregate_version: 1,
        traceparent: submission.traceparent.clone(),
        request_id: submission.request_id.clone(),
        track_delivery,
    };
    CloudEvent::new(facts, message)
}

/// Tells a sender that its message was not delivered.
pub fn undelivered(
    id: EventId,
    of: &Undelivered,
    message: &Message,
    now: DateTime<Utc>,
) -> Option<Announcement> {
    let facts = EventFacts {
        id,
        time: now,
        tenant: of.sender.organization_id,
        aggregate: of.message_id.clone(),
        aggregate_version: 1,
        traceparent: platform::telemetry::current_traceparent(),
        request_id: None,
        track_delivery: false,
    };
    let data = to_sender(message, &of.sender, Event::MessageFailed)?;
    Some(CloudEvent::new(facts, data))
}

/// A message that reached nobody.
#[derive(Clone, Debug)]
pub struct Undelivered {
    pub sender: Party,
    pub message_id: String,
}

fn on_expiry(message: &Message) -> OnExpiry {
    match ttl::on_expiry(message) {
        ttl::OnExpiry::Dlq => OnExpiry::Dlq,
        ttl::OnExpiry::Discard => OnExpiry::Discard,
        ttl::OnExpiry::Return => OnExpiry::Return,
    }
}

fn name(event: Event) -> LexEvent {
    match event {
        Event::LeadReceived => LexEvent::LeadReceived,
        Event::LeadCreated => LexEvent::LeadCreated,
        Event::LeadUpdated => LexEvent::LeadUpdated,
        Event::LeadStatusChanged => LexEvent::LeadStatusChanged,
        Event::LeadClosed => LexEvent::LeadClosed,
        Event::LeadAssigned => LexEvent::LeadAssigned,
        Event::LeadReassigned => LexEvent::LeadReassigned,
        Event::AssetAdded => LexEvent::AssetAdded,
        Event::AssetUpdated => LexEvent::AssetUpdated,
        Event::AssetSold => LexEvent::AssetSold,
        Event::AssetRemoved => LexEvent::AssetRemoved,
        Event::MessageFailed => LexEvent::MessageFailed,
        Event::MessageProcessed => LexEvent::MessageProcessed,
    }
}
