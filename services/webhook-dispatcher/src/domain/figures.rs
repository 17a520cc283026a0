//! How deliveries stand, as a person looks at it: the last minute, the last hours, what is open.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use contracts::ids::{OrganizationId, SubscriptionId};
use std::ops::Range;

/// Up to here things are counted.
pub const COUNTED: i64 = 100_000;
/// The hours that are shown, the current one among them.
pub const HOURS: i32 = 24;
/// Of a request in this time it may not be known yet that it was made.
const SETTLED_AFTER: TimeDelta = TimeDelta::minutes(2);

/// Whose figures: of one organisation, or of all; of one subscription, or of all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whose {
    pub organization: Option<OrganizationId>,
    pub subscription: Option<SubscriptionId>,
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct Figures {
    pub at: DateTime<Utc>,
    /// Of the last minute. Accepted events have no subscription: `None` for one.
    pub accepted_last_minute: Option<i64>,
    pub delivered_last_minute: i64,
    pub open: Open,
    /// Up to [`COUNTED`].
    pub dead_letters: i64,
    /// [`HOURS`] of them, oldest first.
    pub hours: Vec<Hour>,
}

/// What has not ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open {
    /// Up to [`COUNTED`].
    pub pending: i64,
    /// Pending, its time has come, and its subscription is active.
    pub due: i64,
    pub oldest_due_at: Option<DateTime<Utc>>,
}

/// What happened in an hour.
#[derive(Clone, Copy, Debug)]
pub struct Hour {
    pub hour: DateTime<Utc>,
    pub accepted: Option<i64>,
    pub delivered: i64,
    /// Requests that failed, also of what was delivered later.
    pub failed: i64,
    /// Given up, and still so.
    pub dead_lettered: i64,
}

/// The hour that a moment lies in.
pub fn hour_of(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.duration_trunc(TimeDelta::hours(1)).unwrap_or(moment)
}

/// The beginning of the oldest hour that is shown.
pub fn first_hour(now: DateTime<Utc>) -> DateTime<Utc> {
    hour_of(now) - TimeDelta::hours(i64::from(HOURS - 1))
}

/// What can be counted next, within one hour; `None` while that is nothing.
pub fn next_to_count(until: DateTime<Utc>, now: DateTime<Utc>) -> Option<Range<DateTime<Utc>>> {
    let from = until.max(first_hour(now));
    let known = (now - SETTLED_AFTER).duration_trunc(TimeDelta::minutes(1)).ok()?;
    let to = known.min(hour_of(from) + TimeDelta::hours(1));
    (from < to).then_some(from..to)
}

/// What is not counted yet, hour by hour. Where nobody has counted for long, no more than is quickly counted.
pub fn uncounted(until: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Range<DateTime<Utc>>> {
    const QUICK: TimeDelta = TimeDelta::minutes(10);
    let from = until.max(now - QUICK);
    let boundary = hour_of(now);
    // What is made at this very moment counts.
    let end = now + TimeDelta::milliseconds(1);
    if from < boundary { vec![from..boundary, boundary..end] } else { vec![from..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> DateTime<Utc> {
        format!("2026-11-22T{time}Z").parse().unwrap()
    }

    #[test]
    fn hours_are_counted_one_by_one_up_to_what_is_settled() {
        let now = at("18:05:30");
        let beginning = DateTime::UNIX_EPOCH;
        assert_eq!(
            next_to_count(beginning, now),
            Some(first_hour(now)..first_hour(now) + TimeDelta::hours(1))
        );
        assert_eq!(next_to_count(at("17:30:00"), now), Some(at("17:30:00")..at("18:00:00")));
        assert_eq!(next_to_count(at("18:00:00"), now), Some(at("18:00:00")..at("18:03:00")));
        assert_eq!(next_to_count(at("18:03:00"), now), None);
    }

    #[test]
    fn what_is_not_counted_yet_is_told_apart_by_the_hour() {
        let end = |now| now + TimeDelta::milliseconds(1);
        let now = at("18:01:00");
        assert_eq!(
            uncounted(at("17:58:00"), now),
            [at("17:58:00")..at("18:00:00"), at("18:00:00")..end(now)]
        );
        assert_eq!(uncounted(at("18:00:00"), now), [at("18:00:00")..end(now)]);
        let later = at("19:30:00");
        assert_eq!(uncounted(at("18:00:00"), later), [at("19:20:00")..end(later)]);
    }
}
