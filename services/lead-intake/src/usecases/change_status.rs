//! Changing the status of leads, with an event for each change, within the transaction of a caller's.

use crate::domain::lead::Lead;
use crate::domain::life_cycle::Change;
use crate::domain::orchestration::Waiting;
use crate::state::State;
use crate::store::life_cycle::{self, Candidate, Changed};
use crate::store::orchestrations;
use contracts::event::{CloudEvent, EventData, EventFacts};
use contracts::ids::{EventId, LeadId};
use contracts::lead::{LeadCompleted, LeadDispatched, LeadFacts, LeadFailed, LeadHubspotUpserted};
use platform_pg::StoreError;
use platform_pg::outbox::{self, OutboxEntry, PendingEvent};
use sqlx::PgConnection;
use std::collections::{HashMap, HashSet};

/// Why leads were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeStatusError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the event cannot be written as JSON")]
    Encode(#[from] serde_json::Error),
}

impl From<sqlx::Error> for ChangeStatusError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Takes those that may make the first of these changes through all of them, and announces each. The events are to be
/// handed over after the commit.
pub async fn change_status(
    state: &State,
    connection: &mut PgConnection,
    changes: &[Change],
    leads: &[Waiting],
    deals: &HashMap<LeadId, String>,
) -> Result<Announced, ChangeStatusError> {
    let candidates: Vec<Candidate> = leads
        .iter()
        .map(|lead| Candidate {
            organization_id: lead.organization_id,
            lead_id: lead.lead_id,
            hubspot_deal_id: deals.get(&lead.lead_id).cloned(),
        })
        .collect();
    let changed = life_cycle::change(connection, changes, &candidates).await?;
    let traces: HashMap<LeadId, &str> =
        leads.iter().filter_map(|lead| Some((lead.lead_id, lead.traceparent.as_deref()?))).collect();
    // All of one change, then all of the next: what follows each other and is of one kind is published as one message.
    let mut events = Vec::with_capacity(changed.len() * changes.len());
    for (place, change) in changes.iter().enumerate() {
        let later = changes.len() - 1 - place;
        for lead in &changed {
            let trace = traces.get(&lead.lead.lead_id).copied();
            events.push(event(state, *change, &lead.after(*change, later), trace)?);
        }
    }
    let count = u64::try_from(changed.len()).unwrap_or(u64::MAX);
    for change in changes {
        metrics::counter!("leadwire_lead_changes_total", "status" => change.to().as_str()).increment(count);
    }
    let entries = outbox::insert(connection, events).await?;
    Ok(Announced { entries, leads: changed.into_iter().map(|changed| changed.lead.lead_id).collect() })
}

/// Leads that have changed, and what is said of it.
#[derive(Debug)]
pub struct Announced {
    pub entries: Vec<OutboxEntry>,
    leads: HashSet<LeadId>,
}

/// Moves leads on as far as the outcomes of their deliveries allow, in order.
pub async fn apply_outcomes(
    state: &State,
    connection: &mut PgConnection,
    waiting: &[Waiting],
) -> Result<Vec<OutboxEntry>, ChangeStatusError> {
    let none = HashMap::new();
    let (mut settled, matched): (Vec<Waiting>, Vec<Waiting>) =
        waiting.iter().filter(|lead| lead.matched).cloned().partition(|lead| lead.settled);
    let done: Vec<EventId> = settled.iter().filter(|lead| !lead.is_done).map(|lead| lead.event_id).collect();
    let mut entries = change_status(state, connection, &[Change::Dispatched], &matched, &none).await?.entries;
    // Most are heard of when both is known; those that are dispatched already have only the end before them.
    let both = [Change::Dispatched, Change::Completed];
    let at_once = change_status(state, connection, &both, &settled, &none).await?;
    entries.extend(at_once.entries);
    settled.retain(|lead| !at_once.leads.contains(&lead.lead_id));
    let rest = change_status(state, connection, &[Change::Completed], &settled, &none).await?;
    entries.extend(rest.entries);
    orchestrations::finish(connection, &done).await?;
    Ok(entries)
}

fn event(
    state: &State,
    change: Change,
    changed: &Changed,
    traceparent: Option<&str>,
) -> Result<PendingEvent, serde_json::Error> {
    let now = state.clock.now();
    let facts = EventFacts {
        id: EventId::new(state.ids.at(now)),
        time: now,
        tenant: changed.organization_id,
        aggregate: changed.lead.lead_id.to_string(),
        aggregate_version: changed.version,
        traceparent: traceparent.map(str::to_owned),
        request_id: None,
        track_delivery: false,
    };
    match change {
        Change::HubspotUpserted => pending(facts, &changed.lead, LeadHubspotUpserted),
        Change::Dispatched => pending(facts, &changed.lead, LeadDispatched),
        Change::Completed => pending(facts, &changed.lead, LeadCompleted),
        Change::Failed => pending(facts, &changed.lead, LeadFailed),
    }
}

fn pending<D: EventData>(
    facts: EventFacts,
    lead: &Lead,
    data: impl FnOnce(LeadFacts) -> D,
) -> Result<PendingEvent, serde_json::Error> {
    PendingEvent::of(&CloudEvent::new(facts, data(lead.into())))
}
