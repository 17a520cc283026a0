//! Which deliveries were settled a moment ago.
//!
//! A delivery that was just made comes to the engine by itself and can be read from the database as well. Whoever
//! comes second must know what was settled in between, when it is no longer in hand.

use crate::domain::delivery::DeliveryKey;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// For how long it is known at least.
const KNOWN: Duration = Duration::from_secs(1);

/// The deliveries settled in the last moment, in two generations.
#[derive(Debug, Default)]
pub(super) struct Settled {
    recent: HashSet<DeliveryKey>,
    before: HashSet<DeliveryKey>,
    turned: Option<Instant>,
}

impl Settled {
    pub(super) fn add(&mut self, key: DeliveryKey, now: Instant) {
        if self.turned.is_none_or(|turned| now.saturating_duration_since(turned) >= KNOWN) {
            self.before = std::mem::take(&mut self.recent);
            self.turned = Some(now);
        }
        self.recent.insert(key);
    }

    /// Whether a delivery that was made since a moment was certainly not settled yet.
    pub(super) fn is_open(&self, key: &DeliveryKey, since: Instant, now: Instant) -> bool {
        let is_known = now.saturating_duration_since(since) < KNOWN;
        is_known && !self.recent.contains(key) && !self.before.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::ids::{EventId, SubscriptionId};
    use uuid::Uuid;

    fn key(number: u128) -> DeliveryKey {
        DeliveryKey {
            event: EventId::new(Uuid::from_u128(number)),
            subscription: SubscriptionId::new(Uuid::from_u128(1)),
        }
    }

    #[test]
    fn what_was_settled_within_the_last_second_is_known_and_what_is_older_is_open_to_nobody() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut settled = Settled::default();
        settled.add(key(1), at(0));
        settled.add(key(2), at(900));
        settled.add(key(3), at(1_800));
        assert!(!settled.is_open(&key(2), at(890), at(1_880)));
        assert!(!settled.is_open(&key(3), at(1_790), at(2_700)));
        assert!(settled.is_open(&key(4), at(1_790), at(2_700)));
        assert!(!settled.is_open(&key(4), at(1_790), at(2_790)));
    }
}
