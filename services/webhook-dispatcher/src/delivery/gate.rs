//! When a subscription may be sent to: its owner's rate, and a breaker that spares a receiver that only fails.
//! Pure; the caller brings the time.

use chrono::{DateTime, TimeDelta, Utc};
use std::num::NonZeroU32;

/// Failed attempts in a row that open the breaker.
const FAILURES: u32 = 10;
/// How long it stays open at first; then twice as long each time.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(10);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// What came of an attempt, as far as the receiver's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered, whatever it thought of the request.
    Well,
    /// No answer, or one that says that it cannot work now.
    Ill,
    /// It was not asked.
    Unknown,
}

/// The gate of one subscription. Waiting before it uses up no attempt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    /// When the next request may start by the rate.
    paced_until: Option<DateTime<Utc>>,
    failures: u32,
    /// Once the breaker has opened: until when it is, and how long that was.
    open: Option<(DateTime<Utc>, TimeDelta)>,
}

impl Gate {
    /// Until when nothing may start, if that is later than now.
    pub(super) fn closed_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.paced_until.filter(|until| *until > now).max(self.broken_until(now))
    }

    /// Whether the breaker has opened and no answer has closed it yet.
    pub(super) fn is_broken(&self) -> bool {
        self.open.is_some()
    }

    /// Until when the breaker is open, if it is.
    pub(super) fn broken_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.open.map(|(until, _)| until).filter(|until| *until > now)
    }

    /// A request starts. `rate` is in requests per second: they are spread evenly.
    pub(super) fn started(&mut self, rate: Option<NonZeroU32>, now: DateTime<Utc>) {
        self.paced_until = rate.map(|rate| {
            let interval = TimeDelta::seconds(1) / i32::try_from(rate.get()).unwrap_or(i32::MAX);
            self.paced_until.map_or(now, |until| until.max(now)) + interval
        });
    }

    /// A request has ended. Says whether the breaker opens with it.
    pub(super) fn ended(&mut self, health: Health, now: DateTime<Utc>) -> bool {
        match health {
            Health::Unknown => false,
            Health::Well => {
                (self.failures, self.open) = (0, None);
                false
            }
            Health::Ill => {
                self.failures = self.failures.saturating_add(1);
                // Those that were on their way when it opened say nothing new.
                if self.failures < FAILURES || self.broken_until(now).is_some() {
                    return false;
                }
                let pause =
                    self.open.map_or(FIRST_PAUSE, |(_, pause)| pause.checked_mul(2).unwrap_or(LONGEST_PAUSE));
                let pause = pause.min(LONGEST_PAUSE);
                self.open = Some((now + pause, pause));
                true
            }
        }
    }

    /// How many requests may be on their way: one, to find out, after the breaker was open.
    pub(super) fn cap(&self, usual: usize) -> usize {
        if self.open.is_some() { 1 } else { usual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    #[test]
    fn a_rate_spreads_requests_evenly() {
        let mut gate = Gate::default();
        let four = NonZeroU32::new(4);
        gate.started(four, at(0));
        assert_eq!(gate.closed_until(at(0)), Some(at(250)));
        assert_eq!(gate.closed_until(at(250)), None);
        gate.started(four, at(1_000));
        assert_eq!(gate.closed_until(at(1_000)), Some(at(1_250)));
        gate.started(None, at(1_100));
        assert_eq!(gate.closed_until(at(1_100)), None);
    }

    #[test]
    fn ten_failures_open_the_breaker_and_one_probe_at_a_time_goes_through_then() {
        let mut gate = Gate::default();
        assert_eq!((0..9).filter(|_| gate.ended(Health::Ill, at(0))).count(), 0);
        assert_eq!((gate.closed_until(at(0)), gate.cap(16)), (None, 16));
        assert!(gate.ended(Health::Ill, at(0)));
        assert_eq!((gate.closed_until(at(0)), gate.cap(16)), (Some(at(10_000)), 1));
        // The others of those that were on their way.
        assert!(!gate.ended(Health::Ill, at(5)));
        assert_eq!(gate.closed_until(at(10_000)), None);
        let mut now = 10_000;
        for pause in [20_000, 40_000, 80_000, 160_000, 300_000, 300_000] {
            assert!(gate.ended(Health::Ill, at(now)));
            assert_eq!(gate.closed_until(at(now)), Some(at(now + pause)));
            now += pause;
        }
        gate.ended(Health::Well, at(now));
        assert_eq!((gate.closed_until(at(now)), gate.cap(16)), (None, 16));
        assert!(!gate.ended(Health::Ill, at(now)));
    }
}
