//! All subscriptions as of one version, for matching without a query.

use crate::domain::event::Event;
use crate::domain::shard::Shards;
use crate::domain::subscription::{Family, Subscription, SubscriptionState};
use contracts::ids::{OrganizationId, SubscriptionId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

/// Every subscription that was written up to `version`. Cheap to copy: the subscriptions are shared.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    version: i64,
    subscriptions: BTreeMap<SubscriptionId, Arc<Subscription>>,
    by_organization: HashMap<OrganizationId, Vec<SubscriptionId>>,
    /// Who bears a LEX name.
    by_lex_id: HashMap<String, OrganizationId>,
    /// Up to which version no subscription of the LEX family was written.
    lex_version: i64,
}

impl Snapshot {
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The last version that may have written a subscription of the LEX family.
    pub fn lex_version(&self) -> i64 {
        self.lex_version
    }

    /// This snapshot with what was written after it.
    #[must_use]
    pub fn with(&self, version: i64, changed: Vec<Subscription>) -> Self {
        let mut next = self.clone();
        next.version = version.max(self.version);
        for subscription in changed {
            let (id, organization) = (subscription.id, subscription.organization);
            let is_deleted = subscription.state == SubscriptionState::Deleted;
            if subscription.family == Family::Lex {
                next.lex_version = next.version;
            }
            for name in subscription.lex.iter().flat_map(|wish| &wish.lex_ids) {
                next.by_lex_id.insert(name.clone(), organization);
            }
            let before = next.subscriptions.insert(id, Arc::new(subscription));
            let was_matched = before.is_some_and(|before| before.state != SubscriptionState::Deleted);
            if is_deleted {
                // The engine still has to cancel what is pending; nothing new is matched.
                if let Some(ids) = next.by_organization.get_mut(&organization) {
                    ids.retain(|known| *known != id);
                }
            } else if !was_matched {
                next.by_organization.entry(organization).or_default().push(id);
            }
        }
        next
    }

    pub fn get(&self, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        self.subscriptions.get(&id)
    }

    /// The subscriptions that get an event.
    pub fn matching(&self, event: &Event) -> Vec<&Arc<Subscription>> {
        let mut found: Vec<_> = match &event.routing {
            Some(routing) if routing.is_broadcast() => self.subscriptions.values().collect(),
            Some(routing) => {
                let receiver = self.by_lex_id.get(routing.receiver());
                let participants = routing.participants().iter().map(|one| &one.organization_id);
                let organizations: HashSet<_> = participants.chain(receiver).collect();
                organizations.into_iter().flat_map(|organization| self.of(*organization)).collect()
            }
            None => self.of(event.organization).collect(),
        };
        found.retain(|subscription| {
            subscription.state != SubscriptionState::Deleted && subscription.wants(event)
        });
        found
    }

    /// Which subscription's secret an organisation's notices are signed with: its oldest of the LEX family whose
    /// secret it knows.
    pub fn signer_of_notices(&self, organization: OrganizationId) -> Option<&Arc<Subscription>> {
        self.of(organization)
            .filter(|one| one.family == Family::Lex && one.secret_known && !one.notices)
            .min_by_key(|one| (one.created_at, one.id))
    }

    fn of(&self, organization: OrganizationId) -> impl Iterator<Item = &Arc<Subscription>> {
        let ids = self.by_organization.get(&organization).into_iter().flatten();
        ids.filter_map(|id| self.subscriptions.get(id))
    }

    /// The subscriptions of some shards behind one id (or from the start), in the order of their ids.
    pub fn after(
        &self,
        cursor: Option<SubscriptionId>,
        shards: Shards,
    ) -> impl Iterator<Item = &Arc<Subscription>> {
        let from = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        self.subscriptions
            .range((from, Bound::Unbounded))
            .filter(move |(id, _)| shards.cover(**id))
            .map(|(_, subscription)| subscription)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::tests::event;
    use crate::domain::subscription::tests::subscription;

    #[test]
    fn a_deleted_subscription_is_known_and_not_matched() {
        let event = event(1, "/leadwire/lead-intake", "lead.created");
        let one = Snapshot::default().with(1, vec![subscription(&["*"])]);
        assert_eq!(one.matching(&event).len(), 1);
        let gone = Subscription { state: SubscriptionState::Deleted, ..subscription(&["*"]) };
        for snapshot in [one.with(2, vec![gone.clone()]), Snapshot::default().with(2, vec![gone.clone()])] {
            assert_eq!((snapshot.version(), snapshot.matching(&event).len()), (2, 0));
            assert!(snapshot.get(gone.id).is_some());
        }
    }
}
