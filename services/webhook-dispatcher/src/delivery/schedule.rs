//! What an attempt leads to, and when the next one is due. Pure.

use super::gate::Health;
use crate::domain::delivery::{DeliveryState, EXPIRED};
use crate::domain::retry::RetryConfig;
use crate::domain::subscription::Family;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::lex::OnExpiry;
use platform_http::outbound::retry_after;
use std::time::Duration;

/// The longest single step of a schedule.
const MAX_STEP: Duration = Duration::from_hours(24);

/// How often and when a subscription is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RetryPolicy {
    /// Attempts in total.
    pub(super) tries: u16,
    /// How many of them may fail because the receiver's certificate or handshake does.
    handshakes: u16,
    /// The pause after the first attempt.
    pub(super) base: Duration,
    growth: Growth,
    /// The shortest and the longest that a pause may come out, as shares of it.
    pub(super) spread: (f64, f64),
    /// Whether a request that the receiver calls wrong is made again.
    pub(super) retries_refusals: bool,
}

/// How the pauses grow.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Growth {
    /// By how much each is longer than the one before.
    Factor(f64),
    /// In these proportions.
    Listed(&'static [u64]),
}

/// The first pauses of the families whose schedule is ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bases {
    pub(super) partner: Duration,
    pub(super) lex: Duration,
}

impl RetryPolicy {
    /// The partner family has eight tries, five seconds, then four times as long each. The platform family has
    /// what the subscription says, and never tries again earlier than that. The LEX family has the standard's
    /// table (LEX reference §6).
    pub(super) fn of(family: Family, retry: Option<RetryConfig>, bases: Bases) -> Self {
        match family {
            Family::Partner => Self {
                tries: 8,
                handshakes: 8,
                base: bases.partner,
                growth: Growth::Factor(4.0),
                spread: (0.8, 1.2),
                retries_refusals: true,
            },
            Family::Platform => {
                let config = retry.unwrap_or_default();
                let tries = config.max_retries.saturating_add(1);
                Self {
                    tries,
                    handshakes: tries,
                    base: Duration::from_secs(u64::from(config.retry_delay)),
                    growth: Growth::Factor(config.backoff_multiplier),
                    spread: (1.0, 1.1),
                    retries_refusals: false,
                }
            }
            Family::Lex => Self {
                tries: u16::try_from(lex::retry::MAX_ATTEMPTS).unwrap_or(u16::MAX),
                handshakes: 3,
                base: bases.lex,
                growth: Growth::Listed(&lex::retry::SCHEDULE),
                spread: (0.9, 1.1),
                retries_refusals: false,
            },
        }
    }

    /// When the attempt after this one is due if nothing is spread; `None` after the last.
    pub(super) fn next_after(&self, attempt: u16, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (least, most) = self.spread;
        let pause = self.pause(attempt, (1.0 - least) / (most - least));
        (attempt < self.tries).then(|| now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::days(1)))
    }

    /// The pause after the `attempt`-th attempt, from 1. `chance` is from 0 to 1.
    fn pause(&self, attempt: u16, chance: f64) -> Duration {
        let seconds = self.base.as_secs_f64() * self.growth.times(attempt);
        let (least, most) = self.spread;
        let share = least + (most - least) * chance.clamp(0.0, 1.0);
        Duration::try_from_secs_f64(seconds * share).unwrap_or(MAX_STEP).min(MAX_STEP)
    }

    /// Whether an answer of this status means that the same request will never be taken.
    fn gives_up_at(&self, status: u16) -> bool {
        !self.retries_refusals && (400..500).contains(&status) && !matches!(status, 408 | 425 | 429)
    }
}

impl Growth {
    /// How many times the first pause the one after the `attempt`-th attempt is.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a schedule")]
    fn times(self, attempt: u16) -> f64 {
        let before = attempt.saturating_sub(1);
        match self {
            Self::Factor(factor) => factor.powi(i32::from(before)),
            Self::Listed(pauses) => {
                let pause = pauses.get(usize::from(before)).or(pauses.last());
                match (pauses.first(), pause) {
                    (Some(first), Some(pause)) => *pause as f64 / *first as f64,
                    _ => 1.0,
                }
            }
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answer {
        status: u16,
        /// `Retry-After` as it came.
        retry_after: Option<String>,
        /// The beginning of the body, when the status is not a success.
        detail: Option<String>,
    },
    /// There was no answer, for this reason.
    NoAnswer(String),
    /// The receiver could not show who it is.
    NoHandshake(String),
    /// The time of the event was over, and no request was made.
    Expired(OnExpiry),
}

/// What becomes of the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) state: DeliveryState,
    /// When it is due again; `Some` exactly for a pending one.
    pub(super) next_at: Option<DateTime<Utc>>,
    /// The receiver wants nothing more (410 Gone).
    pub(super) disable: bool,
    /// It ends because all tries are used up.
    pub(super) exhausted: bool,
}

impl Outcome {
    /// Decides after the `attempt`-th attempt, from 1. `chance` is from 0 to 1 and spreads the retries.
    pub(super) fn verdict(
        &self,
        policy: &RetryPolicy,
        attempt: u16,
        now: DateTime<Utc>,
        chance: f64,
    ) -> Verdict {
        let ends = |state| Verdict { state, next_at: None, disable: false, exhausted: false };
        let wish = match self {
            Self::Answer { status: 200..300, .. } => return ends(DeliveryState::Delivered),
            Self::Answer { status: 410, .. } => {
                return Verdict { disable: true, ..ends(DeliveryState::DeadLetter) };
            }
            Self::Answer { status, .. } if policy.gives_up_at(*status) => {
                return ends(DeliveryState::DeadLetter);
            }
            Self::Expired(OnExpiry::Discard) => return ends(DeliveryState::Cancelled),
            Self::Expired(OnExpiry::Dlq | OnExpiry::Return) => return ends(DeliveryState::DeadLetter),
            Self::Answer { status: 429 | 503, retry_after: Some(wish), .. } => retry_after(wish, now),
            Self::Answer { .. } | Self::NoAnswer(_) | Self::NoHandshake(_) => None,
        };
        let tries = if matches!(self, Self::NoHandshake(_)) { policy.handshakes } else { policy.tries };
        if attempt >= tries.min(policy.tries) {
            return Verdict { exhausted: true, ..ends(DeliveryState::DeadLetter) };
        }
        let pause = policy.pause(attempt, chance).max(wish.unwrap_or_default());
        let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::days(1));
        Verdict { next_at: Some(now + pause), ..ends(DeliveryState::Pending) }
    }

    /// What it says about the receiver.
    pub(super) fn health(&self) -> Health {
        match self {
            Self::Answer { status: 408 | 425 | 429 | 500.., .. }
            | Self::NoAnswer(_)
            | Self::NoHandshake(_) => Health::Ill,
            Self::Answer { .. } => Health::Well,
            Self::Expired(_) => Health::Unknown,
        }
    }

    /// Whether a request was made.
    pub(super) const fn is_attempt(&self) -> bool {
        !matches!(self, Self::Expired(_))
    }

    /// The status of the answer, if there was one.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. } => Some(*status),
            Self::NoAnswer(_) | Self::NoHandshake(_) | Self::Expired(_) => None,
        }
    }

    /// What went wrong, for the subscription's owner.
    pub(super) fn error(&self) -> Option<String> {
        match self {
            Self::Answer { status: 200..300, .. } => None,
            Self::Answer { status, detail, .. } => Some(match detail.as_deref() {
                None | Some("") => format!("answered {status}"),
                Some(detail) => format!("answered {status}: {detail}"),
            }),
            Self::NoAnswer(reason) | Self::NoHandshake(reason) => Some(reason.clone()),
            Self::Expired(_) => Some(EXPIRED.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use proptest::prelude::*;

    const BASES: Bases = Bases { partner: Duration::from_secs(5), lex: Duration::from_secs(30) };

    fn partner() -> RetryPolicy {
        RetryPolicy::of(Family::Partner, None, BASES)
    }

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap()
    }

    fn answer(status: u16, retry_after: Option<&str>) -> Outcome {
        Outcome::Answer { status, retry_after: retry_after.map(str::to_owned), detail: None }
    }

    fn wait(outcome: &Outcome, attempt: u16) -> Option<TimeDelta> {
        outcome.verdict(&partner(), attempt, now(), 0.5).next_at.map(|at| at - now())
    }

    #[test]
    fn the_partner_schedule_has_seven_pauses_from_five_seconds_by_four() {
        let pauses: Vec<_> = (1..=8)
            .map(|attempt| wait(&answer(500, None), attempt).map(|pause| pause.num_seconds()))
            .collect();
        let expected = [5, 20, 80, 320, 1_280, 5_120, 20_480].map(Some).into_iter().chain([None]);
        assert_eq!(pauses, expected.collect::<Vec<_>>());
    }

    #[test]
    fn success_is_delivered_gone_disables_and_anything_else_is_tried_again() {
        let verdict = |outcome: Outcome, attempt| outcome.verdict(&partner(), attempt, now(), 0.5);
        for status in [200, 201, 204, 299] {
            assert_eq!(verdict(answer(status, None), 1).state, DeliveryState::Delivered);
        }
        let gone = verdict(answer(410, None), 1);
        assert_eq!((gone.state, gone.disable), (DeliveryState::DeadLetter, true));
        for status in [199, 300, 302, 400, 404, 408, 429, 500, 503] {
            let verdict = verdict(answer(status, None), 7);
            assert_eq!((verdict.state, verdict.disable), (DeliveryState::Pending, false), "{status}");
        }
        assert_eq!(verdict(answer(404, None), 8).state, DeliveryState::DeadLetter);
        let silent = Outcome::NoAnswer("no connection".to_owned());
        assert_eq!(verdict(silent.clone(), 1).state, DeliveryState::Pending);
        assert_eq!(verdict(silent, 8).state, DeliveryState::DeadLetter);
    }

    #[test]
    fn a_client_of_the_platform_is_retried_as_it_says_and_not_after_a_refusal() {
        let config = RetryConfig { max_retries: 2, retry_delay: 10, backoff_multiplier: 3.0, timeout: 5 };
        let policy = RetryPolicy::of(Family::Platform, Some(config), BASES);
        let verdict = |status, attempt, chance| {
            let verdict = answer(status, None).verdict(&policy, attempt, now(), chance);
            verdict.next_at.map(|at| (at - now()).num_milliseconds())
        };
        assert_eq!([verdict(500, 1, 0.0), verdict(500, 1, 1.0)], [Some(10_000), Some(11_000)]);
        assert_eq!([verdict(500, 2, 0.0), verdict(500, 3, 0.0)], [Some(30_000), None]);
        for status in [400, 401, 404, 409, 410, 422, 499] {
            assert_eq!(verdict(status, 1, 0.0), None, "{status}");
        }
        for status in [302, 408, 425, 429, 500, 503] {
            assert!(verdict(status, 1, 0.0).is_some(), "{status}");
        }
        let default = RetryPolicy::of(Family::Platform, None, BASES);
        let growth = Growth::Factor(2.0);
        assert_eq!((default.tries, default.base, default.growth), (4, Duration::from_mins(1), growth));
    }

    #[test]
    fn lex_has_the_table_of_the_standard_and_refusals_end_it() {
        let policy = RetryPolicy::of(Family::Lex, None, BASES);
        let pauses = |chance| -> Vec<_> {
            (1..=6)
                .map(|attempt| {
                    let next = answer(503, None).verdict(&policy, attempt, now(), chance).next_at;
                    next.map(|at| (at - now()).num_seconds())
                })
                .collect()
        };
        assert_eq!(
            pauses(0.0),
            [27, 108, 540, 1_620, 3_240].map(Some).into_iter().chain([None]).collect::<Vec<_>>()
        );
        assert_eq!(pauses(1.0)[..2], [Some(33), Some(132)]);
        assert_eq!(policy.next_after(2, now()), Some(now() + TimeDelta::seconds(120)));
        assert_eq!(policy.next_after(6, now()), None);
        assert!([400, 401, 404, 410, 422].iter().all(|status| {
            answer(*status, None).verdict(&policy, 1, now(), 0.5).state == DeliveryState::DeadLetter
        }));
        let untrusted = Outcome::NoHandshake("self-signed".to_owned());
        assert_eq!(untrusted.verdict(&policy, 2, now(), 0.5).state, DeliveryState::Pending);
        assert_eq!(untrusted.verdict(&policy, 3, now(), 0.5).state, DeliveryState::DeadLetter);
    }

    #[test]
    fn what_is_too_late_ends_as_its_sender_wished() {
        let verdict = |then| Outcome::Expired(then).verdict(&partner(), 1, now(), 0.5);
        assert_eq!(verdict(OnExpiry::Discard).state, DeliveryState::Cancelled);
        for then in [OnExpiry::Dlq, OnExpiry::Return] {
            assert_eq!((verdict(then).state, verdict(then).exhausted), (DeliveryState::DeadLetter, false));
        }
        assert_eq!(Outcome::Expired(OnExpiry::Dlq).error().unwrap(), "expired");
    }

    #[test]
    fn retry_after_counts_when_it_is_longer_and_only_where_it_means_something() {
        for (status, header, seconds) in [
            (429, "60", 60),
            (503, "Sun, 22 Nov 2026 03:02:00 GMT", 120),
            (429, "1", 5),
            (429, "Sun, 22 Nov 2026 02:00:00 GMT", 5),
            (429, "soon", 5),
            (429, "999999999", 86_400),
            (429, "99999999999999999999999", 86_400),
            (500, "60", 5),
        ] {
            let pause = wait(&answer(status, Some(header)), 1).unwrap();
            assert_eq!(pause.num_seconds(), seconds, "{status} {header}");
        }
    }

    #[test]
    fn errors_name_the_answer() {
        let outcome = Outcome::Answer { status: 500, retry_after: None, detail: Some("oh no".to_owned()) };
        assert_eq!(outcome.error().unwrap(), "answered 500: oh no");
        assert_eq!(answer(204, None).error(), None);
        assert_eq!(Outcome::NoAnswer("timeout".to_owned()).error().unwrap(), "timeout");
    }

    proptest! {
        #[test]
        fn a_pause_stays_within_its_jitter_and_a_day(attempt in 1_u16..2_000, chance in 0.0_f64..=1.0, millis in 1_u64..600_000) {
            let bases = Bases { partner: Duration::from_millis(millis), ..BASES };
            let policy = RetryPolicy::of(Family::Partner, None, bases);
            let pause = policy.pause(attempt, chance).as_secs_f64();
            let exact = Duration::from_millis(millis).as_secs_f64() * 4_f64.powi(i32::from(attempt) - 1);
            prop_assert!(pause <= MAX_STEP.as_secs_f64());
            prop_assert!(pause <= exact * 1.2 + 0.001);
            prop_assert!(pause >= (exact * 0.8).min(MAX_STEP.as_secs_f64()) - 0.001);
        }

        #[test]
        fn no_header_makes_the_verdict_panic(header in ".{0,60}", attempt in 0_u16..=u16::MAX) {
            let verdict = answer(429, Some(&header)).verdict(&partner(), attempt, now(), 0.0);
            prop_assert_eq!(verdict.next_at.is_some(), verdict.state == DeliveryState::Pending);
        }
    }
}
