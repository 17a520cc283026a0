//! Who is sent to next: the windows of all subscriptions, fair turns among them, and the times at which
//! something becomes due. No I/O and no clock of its own.

use super::gate::Health;
use super::settled::Settled;
use super::window::{Due, Window};
use crate::domain::delivery::DeliveryKey;
use crate::domain::shard::{Shards, shard_of};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, SubscriptionId};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::num::NonZeroU32;
use std::time::Instant;

/// The most subscriptions of one refill.
const REFILL: usize = 64;
/// Deliveries in hand beyond which nothing is taken in.
const MAX_ROWS: usize = 10_000;
/// Payloads in hand, in bytes, beyond which nothing is taken in.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How much may be on its way at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) in_flight: usize,
    pub(super) in_flight_per_subscription: usize,
}

#[derive(Debug)]
pub(super) struct Scheduler {
    limits: Limits,
    windows: HashMap<SubscriptionId, Window>,
    /// Fair turns: who may start a request, one each.
    turns: VecDeque<SubscriptionId>,
    /// Who has something due in the database.
    due: HashSet<SubscriptionId>,
    /// When more becomes due: the first time of each subscription, in order.
    times: BTreeSet<(DateTime<Utc>, SubscriptionId)>,
    time_of: HashMap<SubscriptionId, DateTime<Utc>>,
    /// Who waits before its gate, and until when.
    waiting: BTreeSet<(DateTime<Utc>, SubscriptionId)>,
    /// Settled while a refill was reading: it may have read them as pending.
    settled_meanwhile: Option<HashSet<DeliveryKey>>,
    settled: Settled,
    in_flight: usize,
    rows: usize,
    bytes: usize,
}

impl Scheduler {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            windows: HashMap::new(),
            turns: VecDeque::new(),
            due: HashSet::new(),
            times: BTreeSet::new(),
            time_of: HashMap::new(),
            waiting: BTreeSet::new(),
            settled_meanwhile: None,
            settled: Settled::default(),
            in_flight: 0,
            rows: 0,
            bytes: 0,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// A subscription has something due.
    pub(super) fn mark(&mut self, id: SubscriptionId) {
        self.due.insert(id);
    }

    /// A subscription has something due at a time.
    pub(super) fn mark_at(&mut self, id: SubscriptionId, time: DateTime<Utc>) {
        match self.time_of.get(&id) {
            Some(&known) if known <= time => return,
            Some(&known) => {
                self.times.remove(&(known, id));
            }
            None => {}
        }
        self.times.insert((time, id));
        self.time_of.insert(id, time);
    }

    /// Whose time has come is due.
    pub(super) fn ripen(&mut self, now: DateTime<Utc>) {
        while let Some(&(time, id)) = self.times.first()
            && time <= now
        {
            self.times.pop_first();
            self.time_of.remove(&id);
            self.due.insert(id);
        }
        while let Some(&(time, id)) = self.waiting.first()
            && time <= now
        {
            self.waiting.pop_first();
            if let Some(window) = self.windows.get_mut(&id) {
                window.waiting = false;
            }
            self.queue(id);
        }
    }

    /// When the next subscription becomes due, or may be sent to again.
    pub(super) fn next_time(&self) -> Option<DateTime<Utc>> {
        let first = |times: &BTreeSet<(DateTime<Utc>, SubscriptionId)>| times.first().map(|(time, _)| *time);
        first(&self.times).into_iter().chain(first(&self.waiting)).min()
    }

    /// Takes subscriptions that have something due and room for it, and says how much of each is to be read. Call [`Self::end_refill`] with what was
    /// read for them; until then this answers nobody. Those that are to be sent to wait while their breaker is
    /// open.
    pub(super) fn begin_refill(
        &mut self,
        now: DateTime<Utc>,
        is_sent_to: impl Fn(SubscriptionId) -> bool,
    ) -> Vec<(SubscriptionId, usize)> {
        if self.settled_meanwhile.is_some() || self.rows >= MAX_ROWS || self.bytes >= MAX_BYTES {
            return Vec::new();
        }
        let mut taken = Vec::new();
        let due = std::mem::take(&mut self.due);
        for id in due {
            let window = self.windows.entry(id).or_default();
            if taken.len() == REFILL {
                self.due.insert(id);
            } else if let Some(until) = window.gate.broken_until(now).filter(|_| is_sent_to(id)) {
                self.mark_at(id, until);
            } else if window.room() == 0 {
                window.more = true;
            } else {
                taken.push((id, window.size()));
            }
        }
        if !taken.is_empty() {
            self.settled_meanwhile = Some(HashSet::new());
        }
        taken
    }

    /// Takes in what was read for the subscriptions of a refill.
    pub(super) fn end_refill(&mut self, asked: &[(SubscriptionId, usize)], read: Vec<Due>) {
        let meanwhile = self.settled_meanwhile.take().unwrap_or_default();
        let mut counts: HashMap<SubscriptionId, usize> = HashMap::new();
        for due in read {
            let key = due.delivery.key;
            *counts.entry(key.subscription).or_default() += 1;
            if meanwhile.contains(&key) {
                continue;
            }
            let window = self.windows.entry(key.subscription).or_default();
            if let Some(bytes) = window.take_in(due) {
                self.rows += 1;
                self.bytes += bytes;
            }
        }
        for (id, limit) in asked {
            if let Some(window) = self.windows.get_mut(id) {
                window.more = counts.get(id).is_some_and(|count| count >= limit);
            }
            self.queue(*id);
        }
    }

    /// Takes in a delivery that was made since a moment, which the database need not be asked for; or else its
    /// subscription has something due.
    pub(super) fn offer(&mut self, due: Due, since: Instant, (now, instant): (DateTime<Utc>, Instant)) {
        let key = due.delivery.key;
        let id = key.subscription;
        let window = self.windows.entry(id).or_default();
        let has_room = self.rows < MAX_ROWS && self.bytes < MAX_BYTES && window.is_open(now);
        if !has_room || !self.settled.is_open(&key, since, instant) {
            self.due.insert(id);
            return;
        }
        if let Some(bytes) = window.take_in(due) {
            self.rows += 1;
            self.bytes += bytes;
        }
        self.queue(id);
    }

    /// The refill read nothing: its subscriptions are due as before.
    pub(super) fn fail_refill(&mut self, asked: Vec<(SubscriptionId, usize)>) {
        self.settled_meanwhile = None;
        self.due.extend(asked.into_iter().map(|(id, _)| id));
    }

    /// The next delivery to send, fairly: each subscription one, then the next. `rate` says at what rate a
    /// subscription is sent to, if at any limited one; one that it refuses (`None`) loses what it has ready.
    pub(super) fn start(
        &mut self,
        now: DateTime<Utc>,
        rate: impl Fn(SubscriptionId) -> Option<Option<NonZeroU32>>,
    ) -> Option<Due> {
        while self.in_flight < self.limits.in_flight {
            let id = self.turns.pop_front()?;
            let Some(window) = self.windows.get_mut(&id) else { continue };
            window.queued = false;
            let Some(rate) = rate(id) else {
                self.drop_ready(id);
                continue;
            };
            if let Some(until) = window.gate.closed_until(now) {
                window.waiting = true;
                self.waiting.insert((until, id));
                continue;
            }
            if let Some(due) = window.start() {
                window.gate.started(rate, now);
                self.in_flight += 1;
                self.queue(id);
                return Some(due);
            }
        }
        None
    }

    /// A request has ended; its delivery stays in hand until it is settled. Says whether the subscription's
    /// breaker opens with it: then it loses what it has ready, which must not take others' room.
    pub(super) fn end(&mut self, id: SubscriptionId, health: Health, now: DateTime<Utc>) -> bool {
        self.in_flight = self.in_flight.saturating_sub(1);
        let mut reopens_at = None;
        if let Some(window) = self.windows.get_mut(&id) {
            window.in_flight = window.in_flight.saturating_sub(1);
            if window.gate.ended(health, now) {
                reopens_at = window.gate.closed_until(now);
            }
        }
        if let Some(time) = reopens_at {
            self.drop_ready(id);
            self.mark_at(id, time);
        }
        self.queue(id);
        reopens_at.is_some()
    }

    /// A delivery is settled; if it is pending, it is due again at a time.
    pub(super) fn settle(&mut self, key: DeliveryKey, next_at: Option<DateTime<Utc>>, now: Instant) {
        self.settled.add(key, now);
        if let Some(meanwhile) = &mut self.settled_meanwhile {
            meanwhile.insert(key);
        }
        if let Some(window) = self.windows.get_mut(&key.subscription) {
            if let Some(bytes) = window.release(key.event, now) {
                self.rows = self.rows.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(bytes);
            }
            if window.more && window.room() >= window.size() / 2 {
                window.more = false;
                self.due.insert(key.subscription);
            }
        }
        if let Some(time) = next_at {
            self.mark_at(key.subscription, time);
        }
    }

    /// Lets go of what a subscription has ready.
    pub(super) fn drop_ready(&mut self, id: SubscriptionId) {
        if let Some(window) = self.windows.get_mut(&id) {
            let (rows, bytes) = window.drop_ready();
            self.rows = self.rows.saturating_sub(rows);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Lets go of everything outside some shards but for what is on its way.
    pub(super) fn keep(&mut self, shards: Shards) {
        let outside: Vec<_> = self.windows.keys().filter(|id| !shards.cover(**id)).copied().collect();
        for id in outside {
            self.drop_ready(id);
            if self.windows.get(&id).is_some_and(Window::is_empty) {
                self.windows.remove(&id);
            }
        }
        self.due.retain(|id| shards.cover(*id));
        self.times.retain(|(_, id)| shards.cover(*id));
        self.time_of.retain(|id, _| shards.cover(*id));
        self.waiting.retain(|(_, id)| self.windows.contains_key(id));
    }

    /// The shards that have deliveries in hand.
    pub(super) fn busy(&self) -> Shards {
        self.windows.iter().filter(|(_, window)| !window.is_empty()).map(|(id, _)| shard_of(*id)).collect()
    }

    /// Who has something due, as far as is known, and is not left alone.
    pub(super) fn served(&self, now: DateTime<Utc>) -> impl Iterator<Item = SubscriptionId> {
        self.windows.iter().filter(move |(_, window)| window.is_served(now)).map(|(id, _)| *id)
    }

    /// How many receivers only fail.
    pub(super) fn broken(&self) -> usize {
        self.windows.values().filter(|window| window.gate.is_broken()).count()
    }

    /// The events of a subscription's deliveries in hand.
    pub(super) fn held(&self, id: SubscriptionId) -> impl Iterator<Item = EventId> {
        self.windows.get(&id).into_iter().flat_map(Window::held)
    }

    /// Gives a subscription its place in the turns when it can start something and has none.
    fn queue(&mut self, id: SubscriptionId) {
        let cap = self.limits.in_flight_per_subscription;
        if let Some(window) = self.windows.get_mut(&id)
            && !window.queued
            && !window.waiting
            && window.has_ready()
            && window.in_flight < window.gate.cap(cap)
        {
            window.queued = true;
            self.turns.push_back(id);
        }
    }
}

#[cfg(test)]
mod tests;
