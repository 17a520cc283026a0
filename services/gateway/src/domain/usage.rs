//! Counting answered requests: whose, of which operation, with which answer, in which hour.
//!
//! The counts of a process wait in a [`Meter`] until they are written. Knows nothing of when that is.

use chrono::{DateTime, Timelike, Utc};
use contracts::identity::Principal;
use contracts::ids::{ClientId, CredentialId, OrganizationId};
use contracts::routes::Route;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Consumer {
    pub organization_id: OrganizationId,
    pub client_id: ClientId,
    pub credential_id: CredentialId,
}

impl Consumer {
    pub const fn of(principal: &Principal) -> Self {
        Self {
            organization_id: principal.organization.id,
            client_id: principal.client_id,
            credential_id: principal.credential.id,
        }
    }
}

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counted {
    pub consumer: Consumer,
    pub method: &'static str,
    pub template: &'static str,
    pub status: u16,
    /// Its first moment, in UTC.
    pub hour: DateTime<Utc>,
}

impl Counted {
    /// An answer that was given at a moment.
    pub fn at(consumer: Consumer, route: &Route, status: u16, now: DateTime<Utc>) -> Self {
        Self { consumer, method: route.method, template: route.template, status, hour: hour_of(now) }
    }
}

/// The first moment of an hour.
pub fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    let into = u64::from(time.minute()) * 60_000_000_000
        + u64::from(time.second()) * 1_000_000_000
        + u64::from(time.nanosecond() % 1_000_000_000);
    time - Duration::from_nanos(into)
}

/// How often something was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    pub requests: u64,
    pub latency_micros: u64,
    /// When it was counted last.
    pub last_at: DateTime<Utc>,
}

/// Counts of different things that wait.
pub type Tallies = HashMap<Counted, Tally>;

/// The counts of this process that nobody has taken yet.
#[derive(Debug)]
pub struct Meter {
    /// The most different things that are counted.
    capacity: usize,
    tallies: Mutex<Tallies>,
}

impl Meter {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, tallies: Mutex::default() }
    }

    /// Counts one answer. False when it is of a new kind and there is no room for another.
    #[must_use]
    pub fn count(&self, counted: Counted, latency: Duration, now: DateTime<Utc>) -> bool {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() >= self.capacity && !tallies.contains_key(&counted) {
            return false;
        }
        let tally = tallies.entry(counted).or_insert(Tally { requests: 0, latency_micros: 0, last_at: now });
        tally.requests += 1;
        tally.latency_micros += u64::try_from(latency.as_micros()).unwrap_or(0);
        tally.last_at = tally.last_at.max(now);
        true
    }

    /// Everything that was counted; the meter begins anew.
    pub fn take(&self) -> Tallies {
        std::mem::take(&mut *self.tallies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, TimeZone};
    use contracts::routes::{Match, find};
    use uuid::Uuid;

    fn route() -> &'static Route {
        let Match::Found(route) = find("GET", "/api/v1/rate-limits") else { panic!("no route") };
        route
    }

    fn consumer() -> Consumer {
        Consumer {
            organization_id: OrganizationId::new(Uuid::from_u128(1)),
            client_id: ClientId::new(Uuid::from_u128(2)),
            credential_id: CredentialId::new(Uuid::from_u128(3)),
        }
    }

    #[test]
    fn an_hour_begins_with_its_first_microsecond() {
        let three = Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap();
        assert_eq!(hour_of(three), three);
        assert_eq!(hour_of(three + TimeDelta::microseconds(3_599_999_999)), three);
        assert_eq!(hour_of(three - TimeDelta::microseconds(1)), three - TimeDelta::hours(1));
    }

    #[test]
    fn equal_answers_of_one_hour_are_counted_together() {
        let meter = Meter::new(10);
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 3, 59, 59).unwrap();
        for (status, later) in [(200, 0), (200, 0), (429, 0), (200, 1)] {
            let now = now + TimeDelta::seconds(later);
            let counted = Counted::at(consumer(), route(), status, now);
            assert!(meter.count(counted, Duration::from_millis(2), now));
        }
        let tallies = meter.take();
        let of = |status, later| {
            tallies[&Counted::at(consumer(), route(), status, now + TimeDelta::seconds(later))]
        };
        assert_eq!(of(200, 0), Tally { requests: 2, latency_micros: 4_000, last_at: now });
        assert_eq!((of(429, 0).requests, of(200, 1).requests, tallies.len()), (1, 1, 3));
        assert!(meter.take().is_empty());
    }

    #[test]
    fn a_full_meter_goes_on_counting_what_it_knows_and_says_what_it_lost() {
        let meter = Meter::new(2);
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap();
        let mut count =
            |status| meter.count(Counted::at(consumer(), route(), status, now), Duration::ZERO, now);
        assert_eq!([200, 404, 500, 200, 404].map(&mut count), [true, true, false, true, true]);
        assert_eq!(meter.take().values().map(|tally| tally.requests).sum::<u64>(), 4);
    }
}
