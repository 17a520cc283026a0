//! What the engine holds of one subscription: due deliveries that wait, are on their way, or are not settled
//! yet, and the gate that they pass one by one.

use super::gate::Gate;
use crate::domain::event::Event;
use crate::store::deliveries::DueDelivery;
use chrono::{DateTime, Utc};
use contracts::ids::EventId;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Deliveries that are held at most: of a receiver that has just begun or is slow, and of the fastest one.
pub(super) const LEAST: usize = 64;
const MOST: usize = 1_024;
/// In between it is as many as were settled in the last period of this length.
const PERIOD: Duration = Duration::from_millis(250);

/// A due delivery with what it carries.
#[derive(Clone, Debug)]
pub struct Due {
    pub delivery: DueDelivery,
    pub event: Arc<Event>,
}

/// One subscription's deliveries in hand.
#[derive(Debug, Default)]
pub(super) struct Window {
    ready: VecDeque<Due>,
    /// Everything in hand, with the size of what it carries: not to be taken in twice.
    held: HashMap<EventId, usize>,
    pub(super) in_flight: usize,
    /// When it may be sent to.
    pub(super) gate: Gate,
    /// It stands in the queue for its turn.
    pub(super) queued: bool,
    /// It waits before its gate.
    pub(super) waiting: bool,
    /// The database has more that is due.
    pub(super) more: bool,
    /// How many were settled since the period began.
    settled: usize,
    period: Option<Instant>,
    /// How many were settled in the one before.
    pace: usize,
}

impl Window {
    /// How many it holds at most. What a slow receiver is sent takes no room from the others.
    pub(super) fn size(&self) -> usize {
        self.pace.clamp(LEAST, MOST)
    }

    /// How many more it takes.
    pub(super) fn room(&self) -> usize {
        self.size().saturating_sub(self.held.len())
    }

    /// Takes a delivery in, and says how many bytes it carries; `None` when it is in hand already or there
    /// is no room.
    pub(super) fn take_in(&mut self, due: Due) -> Option<usize> {
        let event = due.delivery.key.event;
        if self.room() == 0 || self.held.contains_key(&event) {
            return None;
        }
        let bytes = due.event.payload.len();
        self.held.insert(event, bytes);
        self.ready.push_back(due);
        Some(bytes)
    }

    /// Whether a delivery that was just made can be taken in: there are none that wait longer.
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.room() > 0 && !self.more && self.gate.broken_until(now).is_none()
    }

    /// Whether something of it is due, as far as is known, and may be sent.
    pub(super) fn is_served(&self, now: DateTime<Utc>) -> bool {
        (self.more || !self.is_empty()) && self.gate.broken_until(now).is_none()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next delivery to send; it counts as on its way.
    pub(super) fn start(&mut self) -> Option<Due> {
        let due = self.ready.pop_front()?;
        self.in_flight += 1;
        Some(due)
    }

    /// Lets go of a delivery that is settled, and says how many bytes it carried.
    pub(super) fn release(&mut self, event: EventId, now: Instant) -> Option<usize> {
        let since = self.period.map(|began| now.saturating_duration_since(began));
        if since.is_none_or(|since| since >= PERIOD) {
            self.pace = if since.is_some_and(|since| since < 2 * PERIOD) { self.settled } else { 0 };
            (self.period, self.settled) = (Some(now), 0);
        }
        self.settled += 1;
        self.held.remove(&event)
    }

    /// Lets go of everything that is not on its way, and says how many deliveries and bytes that was.
    pub(super) fn drop_ready(&mut self) -> (usize, usize) {
        let count = self.ready.len();
        let bytes = self.ready.drain(..).filter_map(|due| self.held.remove(&due.delivery.key.event)).sum();
        (count, bytes)
    }

    pub(super) fn held(&self) -> impl Iterator<Item = EventId> {
        self.held.keys().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
