//! A lead: what a partner submits, and what it becomes when it is accepted.

use super::phone::Phone;
use chrono::{DateTime, Utc};
use contracts::ids::{CorrelationId, LeadId};
use contracts::lead::{LeadAddress, LeadCustomer, LeadFacts};
use serde_json::Value;

/// A lead that passed validation and is not accepted yet.
#[derive(Clone, Debug)]
pub struct NewLead {
    pub correlation_id: CorrelationId,
    pub customer: Customer,
    /// Checked against the contract; stored and passed on as it was sent.
    pub offer: Option<Value>,
    pub commission: Option<Value>,
    pub partner_metadata: Option<Value>,
    /// SHA-256 of the canonical body: equal for the same request sent again.
    pub fingerprint: [u8; 32],
}

/// The person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Phone,
    pub address: Option<LeadAddress>,
}

impl NewLead {
    /// Somebody whom nobody can call, or write to, needs a person to look at it.
    pub fn next_action(&self) -> NextAction {
        if self.customer.phone.e164().is_some() && self.customer.email.is_some() {
            NextAction::PendingOrchestrator
        } else {
            NextAction::ManualReview
        }
    }
}

impl From<&Customer> for LeadCustomer {
    fn from(customer: &Customer) -> Self {
        Self {
            first_name: customer.first_name.clone(),
            last_name: customer.last_name.clone(),
            email: customer.email.clone(),
            phone: customer.phone.raw().to_owned(),
            phone_e164: customer.phone.e164().map(str::to_owned),
            address: customer.address.clone(),
        }
    }
}

/// An accepted lead as the partner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    pub lead_id: LeadId,
    pub partner_slug: String,
    pub correlation_id: CorrelationId,
    pub status: Status,
    pub received_at: DateTime<Utc>,
    pub hubspot_deal_id: Option<String>,
    pub next_action: NextAction,
}

impl Lead {
    /// What is still to happen. Nothing is left to the orchestrator once a lead is completed.
    pub fn open_action(&self) -> Option<NextAction> {
        let idle = self.status == Status::Completed && self.next_action == NextAction::PendingOrchestrator;
        (!idle).then_some(self.next_action)
    }
}

impl From<&Lead> for LeadFacts {
    fn from(lead: &Lead) -> Self {
        Self {
            lead_id: lead.lead_id,
            partner_slug: lead.partner_slug.clone(),
            correlation_id: lead.correlation_id,
            status: lead.status.as_str().to_owned(),
            received_at: lead.received_at,
            hubspot_deal_id: lead.hubspot_deal_id.clone(),
            next_action: lead.open_action().map(|action| action.as_str().to_owned()),
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant,)* }

        impl $name {
            /// The word in the contract, in the table and in events.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The reverse of [`Self::as_str`].
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    )*};
}

words! {
    /// Where a lead is in its life.
    Status {
        Received = "received",
        HubspotUpserted = "hubspot_upserted",
        Dispatched = "dispatched",
        Completed = "completed",
        Failed = "failed",
    }
    /// What happens to it next.
    NextAction {
        PendingOrchestrator = "pending_orchestrator",
        ManualReview = "manual_review",
    }
}
