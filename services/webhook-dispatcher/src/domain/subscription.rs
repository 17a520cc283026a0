//! A subscription as matching and delivering see it.

use crate::domain::event::Event;
use crate::domain::filter::EventFilter;
use chrono::{DateTime, Utc};
use contracts::Service;
use contracts::ids::{ClientId, OrganizationId, SubscriptionId};
use platform::secrets::Sealed;

/// The kinds of subscriptions: they differ in what they see, how it is rendered and signed, and when it is
/// retried. Whatever matches on it decides for each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Partner,
}

impl Family {
    /// As stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partner => "partner",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Partner].into_iter().find(|family| family.name() == name)
    }
}

/// Whether events are matched and delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionState {
    /// Matched and delivered.
    Active,
    /// Matched; deliveries wait for the owner to resume.
    Paused,
    /// Matched as skipped; it stays so until the owner enables it again.
    Disabled,
}

impl SubscriptionState {
    /// As stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Disabled].into_iter().find(|state| state.name() == name)
    }
}

/// Who wants which events where.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub organization: OrganizationId,
    pub organization_slug: String,
    pub client: ClientId,
    pub family: Family,
    pub url: String,
    pub filters: Vec<EventFilter>,
    pub state: SubscriptionState,
    pub secret: Sealed,
    /// The secret before the last rotation, and until when it is used beside the new one.
    pub previous_secret: Option<(Sealed, DateTime<Utc>)>,
}

/// A subscription as its owner's list shows it.
#[derive(Clone, Debug)]
pub struct ListedSubscription {
    pub id: SubscriptionId,
    pub url: String,
    pub events: Vec<String>,
    pub description: Option<String>,
    /// The first characters of its secret.
    pub secret_hint: String,
    pub state: SubscriptionState,
    pub created_at: DateTime<Utc>,
    pub last_success_at: Option<DateTime<Utc>>,
    pub last_failure_at: Option<DateTime<Utc>>,
    /// Failed attempts since the last success.
    pub consecutive_failures: i32,
}

impl Subscription {
    /// Whether it gets this event.
    pub fn wants(&self, event: &Event) -> bool {
        self.organization == event.organization
            && self.sees(&event.source)
            && self.filters.iter().any(|filter| filter.matches(&event.kind))
    }

    fn sees(&self, source: &str) -> bool {
        match self.family {
            Family::Partner => source == Service::LeadIntake.event_source(),
        }
    }

    /// What its secrets are sealed for: they open for no other subscription.
    pub fn seal_owner(organization: OrganizationId, id: SubscriptionId) -> String {
        format!("{organization}|{id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::tests::event;

    pub(crate) fn subscription(filters: &[&str]) -> Subscription {
        Subscription {
            id: SubscriptionId::new(uuid::Uuid::from_u128(7)),
            organization: OrganizationId::new(uuid::Uuid::from_u128(1)),
            organization_slug: "acme".to_owned(),
            client: ClientId::new(uuid::Uuid::from_u128(2)),
            family: Family::Partner,
            url: "https://hooks.example.com".to_owned(),
            filters: filters.iter().map(|filter| EventFilter::stored(filter)).collect(),
            state: SubscriptionState::Active,
            secret: Sealed { key_id: "1".to_owned(), bytes: Vec::new() },
            previous_secret: None,
        }
    }

    #[test]
    fn a_partner_sees_its_own_lead_intake_events_that_a_filter_wants() {
        let leads = subscription(&["policy.created", "lead.*"]);
        assert!(leads.wants(&event(1, "/leadwire/lead-intake", "lead.created")));
        assert!(!leads.wants(&event(1, "/leadwire/lead-intake", "customer.created")));
        assert!(!leads.wants(&event(1, "/leadwire/crm-resources", "lead.created")));
        assert!(!leads.wants(&event(2, "/leadwire/lead-intake", "lead.created")));
        assert!(!subscription(&[]).wants(&event(1, "/leadwire/lead-intake", "lead.created")));
    }

    #[test]
    fn stored_names_read_back() {
        for state in [SubscriptionState::Active, SubscriptionState::Paused, SubscriptionState::Disabled] {
            assert_eq!(SubscriptionState::of_name(state.name()), Some(state));
        }
        assert_eq!(Family::of_name(Family::Partner.name()), Some(Family::Partner));
        assert_eq!(Family::of_name("fax"), None);
    }
}
