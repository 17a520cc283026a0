//! All subscriptions as of one version, for matching without a query.

use crate::domain::event::Event;
use crate::domain::shard::Shards;
use crate::domain::subscription::Subscription;
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
            if next.subscriptions.insert(id, Arc::new(subscription)).is_none() {
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
