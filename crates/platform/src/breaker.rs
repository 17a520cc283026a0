//! A breaker in front of what somebody else runs: after a failed call others wait, longer each time, and then one
//! call finds out whether it works again. Pure: the caller brings the time and shares it between its calls.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The longest pause that is granted to whoever asks for one.
const GRANTED: Duration = Duration::from_hours(24);
/// After how long a probe that does not report back no longer keeps others away.
const PROBE: TimeDelta = TimeDelta::minutes(2);

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Call.
    All,
    /// It did not work: make one call and see.
    One,
    /// Nothing.
    None,
}

/// The breaker of one remote.
#[derive(Clone, Debug)]
pub struct Breaker {
    first: Duration,
    longest: Duration,
    /// Failures in a row. Calls that ran side by side and failed together count once.
    failures: u32,
    failed_at: Option<DateTime<Utc>>,
    closed_until: Option<DateTime<Utc>>,
    probing_until: Option<DateTime<Utc>>,
}

impl Breaker {
    /// The pause after the first failure is `first`; it doubles with every further one, up to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0, failed_at: None, closed_until: None, probing_until: None }
    }

    /// Whether the last call failed.
    pub const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Asks for a call. One that is admitted alone reports back: [`Breaker::succeeded`], [`Breaker::failed`] or
    /// [`Breaker::unused`].
    pub fn admit(&mut self, now: DateTime<Utc>) -> Admission {
        if self.closed_until.is_some_and(|until| now < until) {
            return Admission::None;
        }
        if !self.is_failing() {
            return Admission::All;
        }
        if self.probing_until.is_some_and(|until| now < until) {
            return Admission::None;
        }
        self.probing_until = Some(now + PROBE);
        Admission::One
    }

    /// When it is worth asking again, for who was not admitted.
    pub fn ask_again_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.closed_until.filter(|until| now < *until).unwrap_or_else(|| now + granted(self.first))
    }

    /// There was an answer to a call that began then; it may have asked for a pause. Says whether it works again.
    /// The answer to a call that began before another one failed says nothing about the time since.
    pub fn succeeded(&mut self, began: DateTime<Utc>, now: DateTime<Utc>, pause: Option<Duration>) -> bool {
        if self.failed_at.is_some_and(|failed_at| failed_at >= began) {
            return false;
        }
        let works_again = self.is_failing();
        *self = Self {
            closed_until: pause.map(|pause| now + granted(pause)),
            ..Self::new(self.first, self.longest)
        };
        works_again
    }

    /// A call that began then failed; the other side may have asked for a pause. Answers when to call again.
    pub fn failed(
        &mut self,
        began: DateTime<Utc>,
        now: DateTime<Utc>,
        wish: Option<Duration>,
    ) -> DateTime<Utc> {
        let beside = self.failed_at.is_some_and(|failed_at| failed_at >= began);
        let before = if beside { self.failures.saturating_sub(1) } else { self.failures };
        let doubled = self.first.saturating_mul(1 << before.min(10));
        let pause = doubled.min(self.longest).max(wish.unwrap_or_default());
        let until = (now + granted(pause)).max(self.closed_until.unwrap_or(now));
        self.failures = before.saturating_add(1);
        self.failed_at = Some(now);
        self.closed_until = Some(until);
        self.probing_until = None;
        until
    }

    /// What was admitted was not made use of.
    pub fn unused(&mut self) {
        self.probing_until = None;
    }
}

fn granted(pause: Duration) -> TimeDelta {
    TimeDelta::from_std(pause.min(GRANTED)).unwrap_or(TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Duration::from_secs(1), Duration::from_mins(1))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn pauses_double_to_the_longest_and_a_longer_wish_is_granted() {
        let (mut breaker, mut now) = (breaker(), at(0));
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let until = breaker.failed(now, now, None);
            pauses.push((until - now).num_seconds());
            now = until;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!((breaker.failed(now, now, Some(Duration::from_mins(15))) - now).num_minutes(), 15);
        let later = at(100_000);
        assert_eq!((breaker.failed(later, later, Some(Duration::MAX)) - later).num_hours(), 24);
    }

    #[test]
    fn after_a_failure_one_call_goes_ahead_and_the_rest_follow_when_it_succeeds() {
        let mut breaker = breaker();
        assert_eq!(breaker.admit(at(0)), Admission::All);
        let until = breaker.failed(at(0), at(0), Some(Duration::from_secs(10)));
        assert!(breaker.is_failing());
        assert_eq!(breaker.admit(at(9)), Admission::None);
        assert_eq!(breaker.ask_again_at(at(9)), until);
        assert_eq!(breaker.admit(until), Admission::One);
        assert_eq!(breaker.admit(until), Admission::None);
        assert_eq!(breaker.ask_again_at(until), until + TimeDelta::seconds(1));
        breaker.unused();
        assert_eq!(breaker.admit(until), Admission::One);
        assert!(breaker.succeeded(until, until, None));
        assert_eq!((breaker.admit(until), breaker.is_failing()), (Admission::All, false));
        assert!(!breaker.succeeded(until, until, None), "it worked before");
    }

    #[test]
    fn a_pause_that_is_asked_for_is_no_failure() {
        let mut breaker = breaker();
        breaker.succeeded(at(0), at(0), Some(Duration::from_secs(10)));
        assert_eq!((breaker.admit(at(0)), breaker.is_failing()), (Admission::None, false));
        assert_eq!(breaker.admit(at(10)), Admission::All);
    }

    #[test]
    fn calls_that_ran_side_by_side_fail_once_and_a_late_answer_opens_nothing() {
        let mut breaker = breaker();
        assert_eq!(breaker.failed(at(0), at(0), Some(Duration::from_secs(30))), at(30));
        assert_eq!(breaker.failed(at(0), at(2), None), at(30));
        assert!(!breaker.succeeded(at(0), at(2), None));
        assert_eq!(breaker.admit(at(2)), Admission::None);
        assert_eq!(breaker.failed(at(30), at(30), None), at(32));
    }

    #[test]
    fn a_probe_that_never_reports_back_does_not_keep_others_away_for_good() {
        let mut breaker = breaker();
        let until = breaker.failed(at(0), at(0), None);
        assert_eq!(breaker.admit(until), Admission::One);
        assert_eq!(breaker.admit(until + PROBE), Admission::One);
    }
}
