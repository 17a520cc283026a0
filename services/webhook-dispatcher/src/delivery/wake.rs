//! Waking the engine that delivers for a subscription, in this process or in another replica.
//!
//! Within the process it is a flag, or the delivery itself where it was just made. Between replicas it is a notification of the database that names shards,
//! at most twenty a second from each process. Both are hints: engines poll besides.

use super::window::Due;
use crate::domain::shard::{Shards, shard_of};
use crate::store::wakeups::{self, Listener, Wakeup};
use contracts::ids::SubscriptionId;
use platform::lifecycle::{Shutdown, Tasks};
use platform_pg::StoreError;
use sqlx::PgPool;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Between two notifications of one process.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(50);
/// Before listening is tried again.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

/// Deliveries that may wait for the engine, and the bytes that they may carry. The others are read by it.
const MOST_MADE: usize = 1_024;
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A delivery that was just made.
#[derive(Clone, Debug)]
pub struct Made {
    pub due: Due,
    /// Before it could be read from the database.
    pub since: Instant,
}

/// The way to the engines. Clones speak of the same process.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    due: Mutex<HashSet<SubscriptionId>>,
    made: Mutex<Vec<Made>>,
    shards: AtomicU64,
    leases: AtomicBool,
    woken: Notify,
    /// What this process delivers for.
    owned: AtomicU64,
    /// What others are to be told.
    elsewhere: AtomicU64,
    tell: Notify,
}

impl Wake {
    /// These subscriptions have something due.
    pub fn subscriptions(&self, ids: impl IntoIterator<Item = SubscriptionId>) {
        let owned = Shards::from_bits(self.0.owned.load(Ordering::Acquire));
        let mut elsewhere = Shards::NONE;
        let mut here = false;
        {
            let mut due = self.0.due.lock().unwrap_or_else(PoisonError::into_inner);
            for id in ids {
                if owned.cover(id) {
                    here |= due.insert(id);
                } else {
                    elsewhere = elsewhere.union(Shards::one(shard_of(id)));
                }
            }
        }
        if here {
            self.0.woken.notify_one();
        }
        if !elsewhere.is_empty() {
            self.0.elsewhere.fetch_or(elsewhere.bits(), Ordering::AcqRel);
            self.0.tell.notify_one();
        }
    }

    /// These were made and are due: the engine here takes them as they are, if they are its own.
    pub fn made(&self, made: Vec<Made>) {
        let owned = Shards::from_bits(self.0.owned.load(Ordering::Acquire));
        let size = |made: &Made| made.due.event.payload.len();
        let mut others = Vec::new();
        let mut here = false;
        {
            let mut waiting = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bytes: usize = waiting.iter().map(size).sum();
            for made in made {
                let subscription = made.due.delivery.key.subscription;
                bytes += size(&made);
                if owned.cover(subscription) && waiting.len() < MOST_MADE && bytes <= MOST_BYTES {
                    waiting.push(made);
                    here = true;
                } else {
                    others.push(subscription);
                }
            }
        }
        if here {
            self.0.woken.notify_one();
        }
        self.subscriptions(others);
    }

    /// Runs the two tasks that connect this process with the other replicas.
    pub fn connect(&self, database: &PgPool, tasks: &Tasks, shutdown: &Shutdown) {
        tasks.spawn("wake-ups to replicas", self.clone().tell(database.clone(), shutdown.clone()));
        tasks.spawn("wake-ups from replicas", self.clone().listen(database.clone(), shutdown.clone()));
    }

    pub(super) fn set_owned(&self, owned: Shards) {
        self.0.owned.store(owned.bits(), Ordering::Release);
    }

    /// Waits until there is something to take.
    pub(super) async fn woken(&self) {
        self.0.woken.notified().await;
    }

    pub(super) fn take_due(&self) -> HashSet<SubscriptionId> {
        std::mem::take(&mut *self.0.due.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn take_made(&self) -> Vec<Made> {
        std::mem::take(&mut *self.0.made.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn take_shards(&self) -> Shards {
        Shards::from_bits(self.0.shards.swap(0, Ordering::AcqRel))
    }

    /// Whether leases were given back since the last call.
    pub(super) fn take_leases(&self) -> bool {
        self.0.leases.swap(false, Ordering::AcqRel)
    }

    fn heard(&self, wakeup: Wakeup) {
        match wakeup {
            Wakeup::Due(shards) => {
                self.0.shards.fetch_or(shards.bits(), Ordering::AcqRel);
            }
            Wakeup::Leases => self.0.leases.store(true, Ordering::Release),
        }
        self.0.woken.notify_one();
    }

    async fn tell(self, database: PgPool, shutdown: Shutdown) {
        while shutdown.or(self.0.tell.notified()).await.is_some() {
            let shards = Shards::from_bits(self.0.elsewhere.swap(0, Ordering::AcqRel));
            if let Err(error) = tell(&database, shards).await {
                tracing::debug!(%error, "replicas could not be told, they will find out by polling");
            }
            if !shutdown.sleep(NOTIFY_INTERVAL).await {
                return;
            }
        }
    }

    async fn listen(self, database: PgPool, shutdown: Shutdown) {
        loop {
            let Some(ended) = shutdown.or(self.listen_once(&database)).await else { return };
            if let Err(error) = ended {
                tracing::debug!(%error, "not listening for wake-ups, trying again");
            }
            if !shutdown.sleep(RECONNECT_INTERVAL).await {
                return;
            }
        }
    }

    async fn listen_once(&self, database: &PgPool) -> Result<(), StoreError> {
        let mut listener = Listener::connect(database).await?;
        loop {
            if let Some(wakeup) = listener.next().await? {
                self.heard(wakeup);
            }
        }
    }
}

async fn tell(database: &PgPool, shards: Shards) -> Result<(), StoreError> {
    let mut connection = database.acquire().await?;
    wakeups::send(&mut connection, Wakeup::Due(shards)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_subscription_wakes_its_owner_here_or_elsewhere() {
        let id = |number| SubscriptionId::new(Uuid::from_u128(number));
        let wake = Wake::default();
        wake.set_owned(Shards::one(1));
        wake.subscriptions([id(1), id(2), id(1)]);
        assert_eq!(wake.take_due(), HashSet::from([id(1)]));
        assert!(wake.take_due().is_empty());
        assert_eq!(wake.0.elsewhere.load(Ordering::Relaxed), Shards::one(2).bits());
    }

    #[test]
    fn what_was_heard_is_taken_once() {
        let wake = Wake::default();
        wake.heard(Wakeup::Due(Shards::one(3)));
        wake.heard(Wakeup::Leases);
        assert_eq!((wake.take_shards(), wake.take_leases()), (Shards::one(3), true));
        assert_eq!((wake.take_shards(), wake.take_leases()), (Shards::NONE, false));
    }
}
