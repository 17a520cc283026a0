//! Leads and assets, as far as the rules must know them.

use super::submission::Submission;
use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A lead. Several may have one `lead_id`, each known to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    pub key: Uuid,
    pub lead_id: String,
    pub opened_by: OrganizationId,
    pub opened_at: DateTime<Utc>,
    /// Sender and receiver of the message that opened it, as it names them.
    pub opener: String,
    pub receiver: String,
    /// Whether anybody may go on with it.
    pub open: bool,
    /// Organisations that sent or were sent a message of it.
    pub parties: Vec<OrganizationId>,
    /// Receivers that nobody was when the message came.
    pub awaited: Vec<String>,
    pub status: String,
    pub assigned_to: Option<String>,
    pub product_type: Option<String>,
    pub regions: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub dedup_scope: String,
    pub fingerprint: Option<String>,
    pub duplicate_of: Option<String>,
    pub closure: Option<String>,
    pub closed_at: Option<DateTime<Utc>>,
}

impl Lead {
    /// Whether an organisation takes part in it.
    pub fn has(&self, organization_id: OrganizationId, lex_ids: &[String]) -> bool {
        self.parties.contains(&organization_id) || self.awaited.iter().any(|name| lex_ids.contains(name))
    }

    /// Takes down what a LEAD message says, and who took part in it.
    pub fn update(&mut self, submission: &Submission) {
        let facts = submission.facts();
        if let Some(status) = facts.lead_status {
            status.clone_into(&mut self.status);
        }
        self.assigned_to = facts.assigned_to.map(str::to_owned).or_else(|| self.assigned_to.take());
        self.product_type = facts.product_type.map(str::to_owned).or_else(|| self.product_type.take());
        if !facts.regions.is_empty() {
            self.regions = facts.regions;
        }
        self.join(submission);
    }

    /// Lets sender and receiver of a message take part.
    pub fn join(&mut self, submission: &Submission) {
        let receiver = submission.receiver.party().map(|party| party.organization_id);
        for organization in [Some(submission.organization_id()), receiver].into_iter().flatten() {
            if !self.parties.contains(&organization) {
                self.parties.push(organization);
            }
        }
        if submission.receiver == super::sender::Receiver::Unknown
            && let Some(name) = submission.receiver_id()
            && !self.awaited.iter().any(|awaited| awaited == name)
        {
            self.awaited.push(name.to_owned());
        }
    }
}

/// An asset of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    pub organization_id: OrganizationId,
    pub asset_id: String,
    pub status: String,
    pub changed_at: DateTime<Utc>,
}
