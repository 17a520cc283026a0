//! What becomes of a message that could not be processed: the next step of the ladder, or a dead letter.
//!
//! Pure decisions and the copies that carry them out; publishing and acking is `batch`.

use crate::copies::{
    ATTEMPT, ATTEMPTS, DEAD_LETTERED_AT, ERROR, ERROR_KIND, FIRST_QUEUE, Letter, Original, text,
};
use contracts::topology::{DEAD_LETTER, RETRY, RETRY_STEPS, WorkQueue};
use lapin::types::AMQPValue;
use platform::clock::Clock;
use std::error::Error;

/// Limit of the `x-error` header in bytes: headers travel in one frame and are read by people.
const ERROR_LIMIT: usize = 1024;
/// RFC 3339 in UTC, to the millisecond.
const MOMENT: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

/// Why a message failed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// Readable, without payload data.
    pub(crate) error: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Transient,
    Permanent,
    Undecodable,
    Panic,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, error: impl Into<String>) -> Self {
        Self { kind, error: error.into() }
    }

    pub(crate) fn of(kind: FailureKind, error: &(dyn Error + Send + Sync)) -> Self {
        Self { kind, error: chain(error) }
    }
}

/// Where a failed message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Retry { step: &'static str, attempt: u32 },
    Dead { kind: &'static str },
}

impl Fate {
    /// Decides for the `attempt`-th failure of a message.
    pub(crate) fn of(kind: FailureKind, attempt: u32) -> Self {
        match kind {
            FailureKind::Permanent => Self::Dead { kind: "permanent" },
            FailureKind::Undecodable => Self::Dead { kind: "undecodable" },
            FailureKind::Panic => Self::Dead { kind: "panic" },
            FailureKind::Transient => {
                let steps_used = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
                match RETRY_STEPS.get(steps_used) {
                    Some((step, _)) => Self::Retry { step, attempt: attempt + 1 },
                    None => Self::Dead { kind: "exhausted" },
                }
            }
        }
    }

    /// The value of the metric's label `disposition`.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Retry { .. } => "retried",
            Self::Dead { .. } => "dead_lettered",
        }
    }

    /// The copy that has to be confirmed before the original is acked.
    pub(crate) fn letter(
        self,
        original: &Original,
        queue: &WorkQueue,
        error: &str,
        clock: &Clock,
    ) -> Option<Letter> {
        match self {
            Self::Retry { step, attempt } => {
                original.copy(RETRY, &queue.retry_queue(step), [(ATTEMPT, number(attempt))])
            }
            Self::Dead { kind } => original.copy(
                DEAD_LETTER,
                queue.name,
                [
                    (ERROR, text(truncated(error))),
                    (ERROR_KIND, text(kind)),
                    (FIRST_QUEUE, text(queue.name)),
                    (ATTEMPTS, number(original.attempt())),
                    (DEAD_LETTERED_AT, text(&clock.now().format(MOMENT).to_string())),
                ],
            ),
        }
    }
}

fn number(value: u32) -> AMQPValue {
    AMQPValue::LongLongInt(i64::from(value))
}

/// An error and its sources in one line.
pub(crate) fn chain(error: &(dyn Error + Send + Sync)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        // Many errors repeat their source in their own text.
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = error.source();
    }
    line
}

fn truncated(text: &str) -> &str {
    &text[..text.floor_char_boundary(ERROR_LIMIT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transient_failure_climbs_the_ladder_and_is_exhausted_after_four_attempts() {
        let fates: Vec<_> = (1..=5).map(|attempt| Fate::of(FailureKind::Transient, attempt)).collect();
        assert_eq!(
            fates,
            [
                Fate::Retry { step: "10s", attempt: 2 },
                Fate::Retry { step: "1m", attempt: 3 },
                Fate::Retry { step: "10m", attempt: 4 },
                Fate::Dead { kind: "exhausted" },
                Fate::Dead { kind: "exhausted" },
            ]
        );
    }

    #[test]
    fn other_failures_are_dead_at_once() {
        assert_eq!(Fate::of(FailureKind::Permanent, 1), Fate::Dead { kind: "permanent" });
        assert_eq!(Fate::of(FailureKind::Undecodable, 1), Fate::Dead { kind: "undecodable" });
        assert_eq!(Fate::of(FailureKind::Panic, 2), Fate::Dead { kind: "panic" });
    }

    #[test]
    fn an_error_header_stays_within_a_kibibyte_of_whole_characters() {
        let long = "ä".repeat(1000);
        assert_eq!(truncated(&long).len(), 1024);
        assert_eq!(truncated(&format!("a{long}")).len(), 1023);
        assert_eq!(truncated("short"), "short");
    }

    #[test]
    fn sources_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot store the lead")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("disk full"));
        assert_eq!(chain(&error), "cannot store the lead: disk full");
    }
}
