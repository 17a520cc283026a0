//! Whether HubSpot may be called at the moment: the breaker, and the pauses that HubSpot asks for. Shared by
//! everything in the process that calls it.

use crate::clients::hubspot_answers::Outage;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The pause after the first failure; it doubles with every further one.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause of our own: so often a HubSpot that is down is asked again.
const LONGEST: Duration = Duration::from_mins(1);
/// The longest pause that is granted: HubSpot's daily limit asks for hours.
const GRANTED: Duration = Duration::from_hours(24);
/// After how long a probe that does not report back no longer keeps others away.
const PROBE: TimeDelta = TimeDelta::minutes(2);

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Call with whole batches.
    All,
    /// HubSpot was away: call with one lead and see.
    One,
    /// Nothing.
    None,
}

/// The breaker of one HubSpot account.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Failures in a row. Calls that ran side by side and failed together count once.
    failures: u32,
    failed_at: Option<DateTime<Utc>>,
    closed_until: Option<DateTime<Utc>>,
    probing_until: Option<DateTime<Utc>>,
}

impl Gate {
    /// Asks for a call. One that is admitted alone reports back: [`Gate::succeeded`], [`Gate::failed`] or
    /// [`Gate::unused`].
    pub fn admit(&self, now: DateTime<Utc>) -> Admission {
        let mut inner = self.lock();
        if inner.closed_until.is_some_and(|until| now < until) {
            return Admission::None;
        }
        if inner.failures == 0 {
            return Admission::All;
        }
        if inner.probing_until.is_some_and(|until| now < until) {
            return Admission::None;
        }
        inner.probing_until = Some(now + PROBE);
        Admission::One
    }

    /// HubSpot answered a call that began then; it may have asked for a pause. The answer to a call that
    /// began before another one failed says nothing about the time since.
    pub fn succeeded(&self, began: DateTime<Utc>, now: DateTime<Utc>, pause: Option<Duration>) {
        let mut inner = self.lock();
        if inner.failed_at.is_some_and(|failed_at| failed_at >= began) {
            return;
        }
        if inner.failures > 0 {
            tracing::info!("hubspot works again");
            metrics::gauge!("leadwire_hubspot_breaker_open").set(0);
        }
        *inner = Inner { closed_until: pause.map(|pause| now + granted(pause)), ..Inner::default() };
    }

    /// HubSpot did not work on a call that began then. Answers when it may be called again.
    pub fn failed(&self, began: DateTime<Utc>, now: DateTime<Utc>, outage: &Outage) -> DateTime<Utc> {
        let mut inner = self.lock();
        let beside = inner.failed_at.is_some_and(|failed_at| failed_at >= began);
        let before = if beside { inner.failures.saturating_sub(1) } else { inner.failures };
        let doubled = FIRST.saturating_mul(1 << before.min(10));
        let pause = doubled.min(LONGEST).max(outage.retry_after.unwrap_or_default());
        if inner.failures == 0 {
            tracing::warn!(reason = outage.reason, "hubspot does not work: leads wait");
            metrics::gauge!("leadwire_hubspot_breaker_open").set(1);
        }
        let until = (now + granted(pause)).max(inner.closed_until.unwrap_or(now));
        *inner = Inner {
            failures: before.saturating_add(1),
            failed_at: Some(now),
            closed_until: Some(until),
            probing_until: None,
        };
        until
    }

    /// There was nothing to call with.
    pub fn unused(&self) {
        self.lock().probing_until = None;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn granted(pause: Duration) -> TimeDelta {
    TimeDelta::from_std(pause.min(GRANTED)).unwrap_or(TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn outage(seconds: Option<u64>) -> Outage {
        Outage { reason: "503".to_owned(), retry_after: seconds.map(Duration::from_secs) }
    }

    fn start() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap()
    }

    #[test]
    fn pauses_double_to_a_minute_and_a_longer_wish_is_granted() {
        let (gate, now) = (Gate::default(), start());
        let mut pauses = Vec::new();
        let mut at = now;
        for _ in 0..8 {
            let until = gate.failed(at, at, &outage(None));
            pauses.push((until - at).num_seconds());
            at = until;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!((gate.failed(at, at, &outage(Some(900))) - at).num_seconds(), 900);
    }

    #[test]
    fn after_an_outage_one_call_goes_ahead_and_the_rest_follow_when_it_succeeds() {
        let (gate, now) = (Gate::default(), start());
        assert_eq!(gate.admit(now), Admission::All);
        let until = gate.failed(now, now, &outage(Some(10)));
        assert_eq!(gate.admit(until - TimeDelta::seconds(1)), Admission::None);
        assert_eq!(gate.admit(until), Admission::One);
        assert_eq!(gate.admit(until), Admission::None);
        gate.unused();
        assert_eq!(gate.admit(until), Admission::One);
        gate.succeeded(until, until, None);
        assert_eq!(gate.admit(until), Admission::All);
    }

    #[test]
    fn a_used_up_limit_pauses_without_counting_as_a_failure() {
        let (gate, now) = (Gate::default(), start());
        gate.succeeded(now, now, Some(Duration::from_secs(10)));
        assert_eq!(gate.admit(now), Admission::None);
        assert_eq!(gate.admit(now + TimeDelta::seconds(10)), Admission::All);
    }

    #[test]
    fn calls_that_ran_side_by_side_fail_once_and_a_late_answer_opens_nothing() {
        let (gate, now) = (Gate::default(), start());
        let later = now + TimeDelta::seconds(2);
        assert_eq!(gate.failed(now, now, &outage(Some(30))), now + TimeDelta::seconds(30));
        assert_eq!(gate.failed(now, later, &outage(None)), now + TimeDelta::seconds(30));
        gate.succeeded(now, later, None);
        assert_eq!(gate.admit(later), Admission::None);
        let again = now + TimeDelta::seconds(30);
        assert_eq!(gate.failed(again, again, &outage(None)), again + TimeDelta::seconds(2));
    }

    #[test]
    fn a_probe_that_never_reports_back_does_not_close_the_gate_for_good() {
        let (gate, now) = (Gate::default(), start());
        let until = gate.failed(now, now, &outage(None));
        assert_eq!(gate.admit(until), Admission::One);
        assert_eq!(gate.admit(until + PROBE), Admission::One);
    }
}
