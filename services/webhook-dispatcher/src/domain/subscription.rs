//! A subscription as matching and delivering see it.

use crate::domain::event::Event;
use crate::domain::filter::EventFilter;
use crate::domain::lex::{LexTerms, LexWish};
use crate::domain::retry::RetryConfig;
use chrono::{DateTime, Utc};
use contracts::Service;
use contracts::identity::OrganizationRef;
use contracts::ids::{ClientId, OrganizationId, SubscriptionId};
use platform::secrets::Sealed;
use std::num::NonZeroU32;

/// The kinds of subscriptions: they differ in what they see, how it is rendered and signed, and when it is
/// retried. Whatever matches on it decides for each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Leads of a partner, for the partner.
    Partner,
    /// Everything of an organisation but LEX messages, for one of its clients.
    Platform,
    /// The LEX messages that an organisation sends or may receive.
    Lex,
}

impl Family {
    pub const ALL: [Self; 3] = [Self::Partner, Self::Platform, Self::Lex];

    /// As stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Platform => "platform",
            Self::Lex => "lex",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
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
    /// Not matched; what is pending is cancelled. For its owner it is not there.
    Deleted,
}

impl SubscriptionState {
    /// As stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Disabled, Self::Deleted]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// Whose subscriptions a request is about.
#[derive(Clone, Debug)]
pub struct Owner {
    pub organization: OrganizationRef,
    pub client: ClientId,
    pub family: Family,
}

impl Owner {
    /// Partners and those who speak LEX share their subscriptions; on the platform surface each client has its
    /// own.
    pub fn only_client(&self) -> Option<ClientId> {
        match self.family {
            Family::Partner | Family::Lex => None,
            Family::Platform => Some(self.client),
        }
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
    /// `None`: the family's own.
    pub retry: Option<RetryConfig>,
    /// Requests per second, where the owner wants fewer than there could be.
    pub rate_limit: Option<NonZeroU32>,
    pub secret: Sealed,
    /// Whether the subscriber was ever told it, or chose it.
    pub secret_known: bool,
    /// The secret before the last rotation, and until when it is used beside the new one.
    pub previous_secret: Option<(Sealed, DateTime<Utc>)>,
    pub created_at: DateTime<Utc>,
    /// What one of the LEX family asks for.
    pub lex: Option<LexWish>,
    /// It is where its organisation is told what became of its own messages, and nothing else.
    pub notices: bool,
}

/// What the owner of a subscription decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    pub url: String,
    pub events: Vec<String>,
    pub description: Option<String>,
    pub state: SubscriptionState,
    pub retry: Option<RetryConfig>,
    pub rate_limit: Option<i32>,
    pub metadata: Option<serde_json::Value>,
    /// Of the LEX family alone.
    pub lex: Option<LexTerms>,
}

impl Terms {
    /// What is different in others, by name.
    pub fn differences(&self, others: &Self) -> Vec<String> {
        [
            ("url", self.url != others.url),
            ("events", self.events != others.events),
            ("description", self.description != others.description),
            ("status", self.state != others.state),
            ("retry", self.retry != others.retry),
            ("rate_limit", self.rate_limit != others.rate_limit),
            ("metadata", self.metadata != others.metadata),
            ("filters", self.lex != others.lex),
        ]
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| name.to_owned())
        .collect()
    }
}

/// Which subscriptions of an organisation. Deleted ones and those for notices are never among them.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    pub organization: OrganizationId,
    /// `None`: all families.
    pub family: Option<Family>,
    /// `None`: of all clients.
    pub client: Option<ClientId>,
    pub id: Option<SubscriptionId>,
    pub state: Option<SubscriptionState>,
    /// A part of the URL, in any case, but not of its query or fragment: these may be secret.
    pub url: Option<&'a str>,
}

impl Selection<'_> {
    /// Everything that an organisation has.
    pub const fn all(organization: OrganizationId) -> Self {
        Self { organization, family: None, client: None, id: None, state: None, url: None }
    }

    /// Everything that an owner has.
    pub fn of(owner: &Owner) -> Self {
        Self { family: Some(owner.family), client: owner.only_client(), ..Self::all(owner.organization.id) }
    }

    /// One that an owner may have.
    pub fn one(owner: &Owner, id: SubscriptionId) -> Self {
        Self { id: Some(id), ..Self::of(owner) }
    }
}

/// Which part of a list of subscriptions, in which order of their creation.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub newest_first: bool,
    /// From behind this one on, if there is one.
    pub behind: Option<Place>,
    pub offset: i64,
    pub limit: i64,
}

/// Where a subscription stands in the order of their creation.
pub type Place = (DateTime<Utc>, SubscriptionId);

impl Part {
    pub const OLDEST_FIRST: Self = Self { newest_first: false, behind: None, offset: 0, limit: i64::MAX };
    pub const NEWEST_FIRST: Self = Self { newest_first: true, ..Self::OLDEST_FIRST };
}

/// A subscription as its owner sees it.
#[derive(Clone, Debug)]
pub struct ShownSubscription {
    pub id: SubscriptionId,
    pub client: ClientId,
    pub family: Family,
    pub url: String,
    pub events: Vec<String>,
    pub description: Option<String>,
    /// The first characters of its secret.
    pub secret_hint: String,
    /// Until when the secret before the last rotation is used as well.
    pub previous_secret_until: Option<DateTime<Utc>>,
    pub state: SubscriptionState,
    /// `None`: the family's own.
    pub retry: Option<RetryConfig>,
    pub rate_limit: Option<i32>,
    pub metadata: Option<serde_json::Value>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub last_success_at: Option<DateTime<Utc>>,
    pub last_failure_at: Option<DateTime<Utc>>,
    /// Failed attempts since the last success.
    pub consecutive_failures: i32,
    /// Since it was created.
    pub deliveries: i64,
    /// How often a receiver took one.
    pub delivered: i64,
    /// Of the LEX family alone.
    pub lex: Option<LexTerms>,
}

impl Subscription {
    /// Whether it gets this event.
    pub fn wants(&self, event: &Event) -> bool {
        if self.family == Family::Lex || event.routing.is_some() {
            return event.routing.as_ref().is_some_and(|routing| routing.is_for(self));
        }
        self.organization == event.organization
            && self.sees(&event.source)
            && event.about != Some(self.id)
            && self.filters.iter().any(|filter| filter.matches(&event.kind))
    }

    /// The services whose events are for this family. Those of this service are about webhooks, and reach
    /// only who names them.
    fn sees(&self, source: &str) -> bool {
        let services: &[Service] = match self.family {
            Family::Partner => &[Service::LeadIntake, Service::WebhookDispatcher],
            Family::Platform => {
                &[Service::LeadIntake, Service::CrmResources, Service::Ingest, Service::WebhookDispatcher]
            }
            // Routed messages, which are matched by more than their source.
            Family::Lex => &[],
        };
        Event::publisher_of(source).is_some_and(|publisher| services.contains(&publisher))
    }

    /// What its secrets are sealed for: they open for no other subscription.
    pub fn seal_owner(organization: OrganizationId, id: SubscriptionId) -> String {
        format!("{organization}|{id}")
    }
}

#[cfg(test)]
pub(crate) mod tests {
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
            retry: None,
            rate_limit: None,
            secret: Sealed { key_id: "1".to_owned(), bytes: Vec::new() },
            secret_known: true,
            previous_secret: None,
            created_at: DateTime::UNIX_EPOCH,
            lex: None,
            notices: false,
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
    fn a_client_of_the_platform_sees_its_organisation_but_for_lex_messages() {
        let all = Subscription { family: Family::Platform, ..subscription(&["*"]) };
        for source in ["lead-intake", "crm-resources", "ingest"] {
            assert!(all.wants(&event(1, &format!("/leadwire/{source}"), "lead.created")), "{source}");
        }
        assert!(!all.wants(&event(1, "/leadwire/lex-router", "lead.created")));
        assert!(!all.wants(&event(1, "/leadwire/gateway", "client.deleted")));
        assert!(!all.wants(&event(1, "/leadwire/webhook-dispatcher", "webhook.event.settled")));
    }

    #[test]
    fn an_event_about_a_subscription_goes_to_the_others_that_name_it() {
        let named = subscription(&["webhook.subscription.disabled"]);
        let mut disabled = event(1, "/leadwire/webhook-dispatcher", "webhook.subscription.disabled");
        disabled.about = Some(SubscriptionId::new(uuid::Uuid::from_u128(8)));
        assert!(named.wants(&disabled));
        disabled.about = Some(named.id);
        assert!(!named.wants(&disabled));
    }

    #[test]
    fn stored_names_read_back() {
        for state in ["active", "paused", "disabled", "deleted"] {
            assert_eq!(SubscriptionState::of_name(state).map(SubscriptionState::name), Some(state));
        }
        for family in [Family::Partner, Family::Platform, Family::Lex] {
            assert_eq!(Family::of_name(family.name()), Some(family));
        }
        assert_eq!(Family::of_name("fax"), None);
    }
}
