//! All subscriptions as of one version, for matching without a query.

use crate::domain::event::Event;
use crate::domain::shard::Shards;
use crate::domain::subscription::{Subscription, SubscriptionState};
use contracts::ids::{OrganizationId, SubscriptionId};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// Every subscription that was written up to `version`. Cheap to copy: the subscriptions are shared.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    version: i64,
    subscriptions: BTreeMap<SubscriptionId, Arc<Subscription>>,
    by_organization: HashMap<OrganizationId, Vec<SubscriptionId>>,
}

impl Snapshot {
    pub fn version(&self) -> i64 {
        self.version
    }

    /// This snapshot with what was written after it.
    #[must_use]
    pub fn with(&self, version: i64, changed: Vec<Subscription>) -> Self {
        let mut next = self.clone();
        next.version = version.max(self.version);
        for subscription in changed {
            let (id, organization) = (subscription.id, subscription.organization);
            let is_deleted = subscription.state == SubscriptionState::Deleted;
            let was_known = next.subscriptions.insert(id, Arc::new(subscription)).is_some();
            if is_deleted {
                // The engine still has to cancel what is pending; nothing new is matched.
                if let Some(ids) = next.by_organization.get_mut(&organization) {
                    ids.retain(|known| *known != id);
                }
            } else if !was_known {
                next.by_organization.entry(organization).or_default().push(id);
            }
        }
        next
    }

    pub fn get(&self, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        self.subscriptions.get(&id)
    }

    /// The subscriptions that get an event.
    pub fn matching<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a Arc<Subscription>> {
        self.by_organization
            .get(&event.organization)
            .into_iter()
            .flatten()
            .filter_map(|id| self.subscriptions.get(id))
            .filter(|subscription| subscription.wants(event))
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
        assert_eq!(one.matching(&event).count(), 1);
        let gone = Subscription { state: SubscriptionState::Deleted, ..subscription(&["*"]) };
        for snapshot in [one.with(2, vec![gone.clone()]), Snapshot::default().with(2, vec![gone.clone()])] {
            assert_eq!((snapshot.version(), snapshot.matching(&event).count()), (2, 0));
            assert!(snapshot.get(gone.id).is_some());
        }
    }
}
