//! A lead on its way through HubSpot and the webhooks.

use super::crm::CrmLead;
use contracts::ids::{EventId, LeadId, OrganizationId};
use uuid::Uuid;

/// A call of HubSpot that a lead waits for, in their order. Each may be made again: the first two find their
/// object by a unique property, the third is the same however often it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Contact,
    Deal,
    Association,
}

impl Step {
    pub const ALL: [Self; 3] = [Self::Contact, Self::Deal, Self::Association];

    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Deal => "deal",
            Self::Association => "association",
        }
    }

    /// The reverse of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// What one taker of leads holds them by. A later taker has another one, and the earlier can do nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub token: Uuid,
    /// When others may take them.
    pub until: chrono::DateTime<chrono::Utc>,
}

/// A lead that was taken to be carried on.
#[derive(Clone, Debug)]
pub struct Task {
    pub event_id: EventId,
    pub step: Step,
    pub attempts: i16,
    pub contact_id: Option<String>,
    pub deal_id: Option<String>,
    pub lead: CrmLead,
}

/// A lead whose first event was published.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub event_id: EventId,
    pub organization_id: OrganizationId,
    pub lead_id: LeadId,
    pub traceparent: Option<String>,
}

/// Where the way of a lead begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first call of HubSpot.
    Hubspot,
    /// With its deliveries: there is no HubSpot.
    Deliveries,
}

/// What the dispatcher said about an event so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many subscriptions wanted it.
    pub matched: Option<i32>,
    pub settled: Option<Settled>,
}

/// How an event's deliveries ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub delivered: i32,
    pub dead_letter: i32,
    pub cancelled: i32,
    pub expired: i32,
}

/// A lead that HubSpot is done with, and what is known of its deliveries.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub event_id: EventId,
    pub organization_id: OrganizationId,
    pub lead_id: LeadId,
    pub traceparent: Option<String>,
    /// Its deliveries exist.
    pub matched: bool,
    /// They have all ended, or there are none.
    pub settled: bool,
    /// It is noted that nothing more is to be done.
    pub is_done: bool,
}
