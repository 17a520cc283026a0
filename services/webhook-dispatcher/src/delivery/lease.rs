//! Which shards this replica delivers for: leases that it renews, takes and gives back.
//!
//! Leases run on the database's clock; how long this process may rely on its own is measured with its
//! monotonic clock from before it asked, so it always stops before another may start.

use crate::domain::shard::{SHARDS, Shards};
use crate::store::leases;
use crate::store::wakeups::{self, Wakeup};
use contracts::ids::SubscriptionId;
use platform_pg::StoreError;
use sqlx::PgPool;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// After another replica's lease has run out, before it is taken.
const GRACE: Duration = Duration::from_millis(20);
/// Before a failed renewal is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// What a replica tells the database, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renewal {
    replica: Uuid,
    ttl: Duration,
    /// To give back.
    release: Shards,
    /// Gives everything back and takes nothing.
    stopping: bool,
}

/// What the database answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renewed {
    asked_at: Instant,
    held: Shards,
    living: u32,
    /// Until the first lease of another replica runs out.
    next_expiry: Option<Duration>,
    /// The replica has signed off.
    left: bool,
}

impl Renewal {
    /// Renews, gives back and takes, in one transaction.
    pub(super) async fn run(self, database: PgPool) -> Result<Renewed, StoreError> {
        let asked_at = Instant::now();
        let mut transaction = database.begin().await?;
        let living = if self.stopping {
            leases::leave(&mut transaction, self.replica).await?;
            u32::MAX
        } else {
            leases::register(&mut transaction, self.replica, self.ttl).await?
        };
        if !self.release.is_empty() {
            leases::release(&mut transaction, self.replica, self.release).await?;
            wakeups::send(&mut transaction, Wakeup::Leases).await?;
        }
        let mut held = leases::renew(&mut transaction, self.replica, self.ttl).await?;
        let wanting = share(living).saturating_sub(held.len());
        if wanting > 0 && !self.stopping {
            let taken = leases::acquire(&mut transaction, self.replica, self.ttl, wanting).await?;
            held = held.union(taken);
        }
        let next_expiry = leases::next_expiry(&mut transaction, self.replica).await?;
        transaction.commit().await?;
        Ok(Renewed { asked_at, held, living, next_expiry, left: self.stopping })
    }
}

/// A replica's fair share of the shards.
fn share(living: u32) -> u32 {
    SHARDS.div_ceil(living.max(1))
}

/// The leases of this replica.
#[derive(Debug)]
pub(super) struct Leases {
    replica: Uuid,
    ttl: Duration,
    interval: Duration,
    held: Shards,
    /// Held, but to be given back once nothing of theirs is in hand.
    draining: Shards,
    valid_until: Instant,
    /// When to renew.
    pub(super) renew_at: Instant,
    stopping: bool,
    left: bool,
}

impl Leases {
    pub(super) fn new(replica: Uuid, ttl: Duration, interval: Duration) -> Self {
        let now = Instant::now();
        Self {
            replica,
            ttl,
            interval,
            held: Shards::NONE,
            draining: Shards::NONE,
            valid_until: now,
            renew_at: now,
            stopping: false,
            left: false,
        }
    }

    /// What to tell the database now, with the drained shards to give back.
    pub(super) fn renewal(&mut self, busy: Shards) -> Renewal {
        self.renew_at = Instant::now() + self.interval;
        Renewal {
            replica: self.replica,
            ttl: self.ttl,
            release: self.draining.without(busy),
            stopping: self.stopping,
        }
    }

    /// Takes the answer in, and says which shards are new.
    pub(super) fn renewed(&mut self, renewed: Renewed) -> Shards {
        let gained = renewed.held.without(self.held);
        self.held = renewed.held;
        self.left = renewed.left && renewed.held.is_empty();
        let surplus = if self.stopping {
            self.held.len()
        } else {
            self.held.len().saturating_sub(share(renewed.living))
        };
        // Those that drain already first, then the last ones.
        let others = self.held.without(self.draining);
        let mut candidates: Vec<u8> = self.draining.intersection(self.held).iter().collect();
        candidates.extend(others.iter().collect::<Vec<_>>().into_iter().rev());
        self.draining = candidates.into_iter().take(surplus as usize).collect();
        // A fifth of the time is left for the difference between two clocks.
        self.valid_until = renewed.asked_at + self.ttl * 4 / 5;
        let expiry = renewed.next_expiry.map(|expiry| renewed.asked_at + expiry + GRACE);
        self.renew_at = expiry.map_or(self.renew_at, |expiry| expiry.min(self.renew_at));
        gained
    }

    /// The database could not be asked: try again soon. What is held stays usable until it runs out.
    pub(super) fn failed(&mut self) {
        self.renew_at = Instant::now() + RETRY_INTERVAL;
    }

    /// Begins to give everything back.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        self.draining = self.held;
        self.renew_at = Instant::now();
    }

    /// The shards that requests may be started for, if they may be at all now.
    pub(super) fn usable(&self) -> Shards {
        self.usable_at(Instant::now())
    }

    fn usable_at(&self, now: Instant) -> Shards {
        if now < self.valid_until { self.held.without(self.draining) } else { Shards::NONE }
    }

    pub(super) fn may_start(&self, id: SubscriptionId) -> bool {
        self.usable().cover(id)
    }

    /// Whether everything was given back, as the database has confirmed.
    pub(super) fn has_left(&self) -> bool {
        self.left
    }

    pub(super) fn held(&self) -> Shards {
        self.held
    }

    /// Whether something is ready to be given back. What is busy is asked for only if that matters.
    pub(super) fn drained(&self, busy: impl FnOnce() -> Shards) -> bool {
        !self.draining.is_empty() && !self.draining.without(busy()).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(held: Shards, living: u32) -> Renewed {
        Renewed { asked_at: Instant::now(), held, living, next_expiry: None, left: false }
    }

    fn leases() -> Leases {
        Leases::new(Uuid::from_u128(1), Duration::from_secs(10), Duration::from_secs(3))
    }

    #[test]
    fn the_shards_are_divided_evenly() {
        assert_eq!([share(0), share(1), share(2), share(3), share(64), share(100)], [64, 64, 32, 22, 1, 1]);
    }

    #[test]
    fn a_second_replica_makes_the_first_drain_half_and_release_what_is_idle() {
        let mut leases = leases();
        assert_eq!(leases.renewed(answer(Shards::ALL, 1)), Shards::ALL);
        assert_eq!(leases.usable(), Shards::ALL);
        leases.renewed(answer(Shards::ALL, 2));
        assert_eq!(leases.usable().len(), 32);
        let busy = Shards::one(63);
        assert!(leases.drained(|| busy));
        assert_eq!(leases.renewal(busy).release.len(), 31);
    }

    #[test]
    fn what_is_draining_goes_on_draining_and_returns_when_the_other_has_left() {
        let mut leases = leases();
        leases.renewed(answer(Shards::ALL, 2));
        let draining = leases.draining;
        leases.renewed(answer(Shards::ALL, 2));
        assert_eq!(leases.draining, draining);
        leases.renewed(answer(Shards::ALL, 1));
        assert_eq!(leases.usable(), Shards::ALL);
    }

    #[test]
    fn nothing_is_started_on_a_lease_that_is_about_to_run_out() {
        let mut leases = leases();
        let asked = answer(Shards::ALL, 1);
        leases.renewed(asked);
        let after = |millis| leases.usable_at(asked.asked_at + Duration::from_millis(millis));
        assert_eq!([after(7_999), after(8_000)], [Shards::ALL, Shards::NONE]);
    }

    #[test]
    fn a_replica_that_stops_gives_everything_back() {
        let mut leases = leases();
        leases.renewed(answer(Shards::ALL, 1));
        leases.stop();
        assert_eq!(leases.usable(), Shards::NONE);
        assert_eq!(leases.renewal(Shards::NONE).release, Shards::ALL);
        // The answer to a renewal from before may come in between.
        leases.renewed(answer(Shards::NONE, 1));
        assert!(!leases.has_left());
        leases.renewed(Renewed { left: true, ..answer(Shards::NONE, 1) });
        assert!(leases.has_left());
    }
}
