//! Accepting a lead: once per correlation id and for ever, with its event, in one transaction.

use crate::domain::lead::{Lead, NewLead, Status};
use crate::state::State;
use crate::store::leads::{LeadWrite, Written};
use contracts::event::{CloudEvent, EventFacts};
use contracts::identity::Principal;
use contracts::ids::{EventId, LeadId};
use contracts::lead::LeadCreated;
use platform_pg::group_commit::GroupCommitError;
use platform_pg::outbox::PendingEvent;

/// What the caller is answered: bytes, because a replay repeats them exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub response: Vec<u8>,
    pub replayed: bool,
}

/// Why a lead was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptLeadError {
    #[error("the correlation id was used before with another body")]
    Mismatch,
    #[error(transparent)]
    Write(#[from] GroupCommitError),
    #[error("the lead cannot be written as JSON")]
    Encode(#[from] serde_json::Error),
}

/// Stores the lead and its event, or answers what was answered before. `render` writes the response, which
/// is stored with the lead.
pub async fn accept_lead(
    state: &State,
    caller: &Principal,
    new: NewLead,
    render: impl FnOnce(&Lead) -> Result<Vec<u8>, serde_json::Error>,
) -> Result<Accepted, AcceptLeadError> {
    let now = state.clock.now();
    let lead_id = state.ids.at(now);
    let lead = Lead {
        lead_id: LeadId::new(lead_id),
        partner_slug: caller.organization.slug.clone(),
        correlation_id: new.correlation_id,
        status: Status::Received,
        // The id keeps milliseconds only, and must lead back to the partition.
        received_at: platform::ids::time_of(lead_id).unwrap_or(now),
        hubspot_deal_id: None,
        next_action: new.next_action(),
    };
    let event = lead_created(state, caller, &lead, &new);
    let write = LeadWrite {
        organization_id: caller.organization.id,
        client_id: caller.client_id,
        credential_id: caller.credential.id,
        response: render(&lead)?,
        event: PendingEvent::of(&event)?,
        lead,
        new,
    };
    match state.accept.submit(write).await? {
        Written::Accepted { response, entry } => {
            state.relay.hand_over([entry]);
            Ok(Accepted { response, replayed: false })
        }
        Written::Replayed { response } => Ok(Accepted { response, replayed: true }),
        Written::Mismatch => Err(AcceptLeadError::Mismatch),
    }
}

fn lead_created(state: &State, caller: &Principal, lead: &Lead, new: &NewLead) -> CloudEvent<LeadCreated> {
    let facts = EventFacts {
        id: EventId::new(state.ids.at(lead.received_at)),
        time: lead.received_at,
        tenant: caller.organization.id,
        aggregate: lead.lead_id.to_string(),
        aggregate_version: 1,
        traceparent: platform::telemetry::current_traceparent(),
        request_id: platform::request_id::current(),
        track_delivery: true,
    };
    let data = LeadCreated {
        lead_id: lead.lead_id,
        partner_slug: lead.partner_slug.clone(),
        correlation_id: lead.correlation_id,
        status: lead.status.as_str().to_owned(),
        received_at: lead.received_at,
        hubspot_deal_id: None,
        next_action: lead.next_action.as_str().to_owned(),
        customer: (&new.customer).into(),
    };
    CloudEvent::new(facts, data)
}
