//! Reports of usage: which stretch of time is asked for, where its figures lie, and what they come to.
//!
//! Figures are by the hour for some weeks and by the day for longer. A stretch is made of whole days where it
//! can be and of hours at its ends, so that its totals do not depend on how it is grouped.

use super::usage::hour_of;
use super::words::words;
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use platform::Violation;
use std::collections::BTreeMap;
use std::ops::Range;

words! {
    /// By what the requests of a report are listed.
    Grouping { Hour = "hour", Day = "day", }
}

const DEFAULT_DAYS: i64 = 30;
/// Of `topErrorCodes`.
const TOP: usize = 10;

impl Grouping {
    /// The longest stretch, in days.
    const fn longest(self) -> i64 {
        match self {
            Self::Hour => 31,
            Self::Day => 400,
        }
    }

    /// The first moment of the bucket that a time lies in.
    fn bucket(self, time: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Hour => hour_of(time),
            Self::Day => day_of(time),
        }
    }

    const fn length(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub from: Option<DateTime<Utc>>,
    /// The first moment that is not meant any more.
    pub to: Option<DateTime<Utc>>,
    pub grouping: Option<Grouping>,
}

/// A stretch of time that can be reported on, in whole hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub grouping: Grouping,
    /// Everything that is asked for and not in the future.
    pub hours: Range<DateTime<Utc>>,
    /// Where the figures by the hour begin to be complete.
    hourly_from: DateTime<Utc>,
}

/// Which rows of which table belong to a stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub days: Range<DateTime<Utc>>,
    pub hours: [Range<DateTime<Utc>>; 2],
}

impl Stretch {
    /// What is asked for, with defaults: the 30 days until now, by the day. `hourly_days` is for how long
    /// figures by the hour are kept.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn new(asked: Asked, now: DateTime<Utc>, hourly_days: u32) -> Result<Self, Vec<Violation>> {
        let grouping = asked.grouping.unwrap_or(Grouping::Day);
        let hourly_from = next_day(now - Days::new(u64::from(hourly_days)));
        let mut violations = Vec::new();
        let to = asked.to.unwrap_or(now);
        if asked.to.is_none() && asked.from.is_some_and(|from| from > now) {
            violations.push(Violation::new("dateFrom", "must not lie in the future"));
        } else if asked.from.is_some_and(|from| from > to) {
            violations.push(Violation::new("dateTo", "must not lie before dateFrom"));
        }
        let by_default = to - TimeDelta::days(DEFAULT_DAYS);
        let from = asked.from.unwrap_or(if grouping == Grouping::Hour && to > hourly_from {
            by_default.max(hourly_from)
        } else {
            by_default
        });
        if to - from > TimeDelta::days(grouping.longest()) {
            let (days, word) = (grouping.longest(), grouping.as_str());
            let message = format!("must not lie more than {days} days before dateTo when grouped by {word}");
            violations.push(Violation::new("dateFrom", message));
        }
        if grouping == Grouping::Hour && from < hourly_from {
            let message = format!("figures by the hour are kept for {hourly_days} days, group by day");
            let path = if asked.from.is_some() { "dateFrom" } else { "dateTo" };
            violations.push(Violation::new(path, message));
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        let present = hour_of(now) + TimeDelta::hours(1);
        let start = hour_of(from);
        let end = asked.to.map_or(present, next_hour).min(present);
        Ok(Self { grouping, hours: start..end.max(start), hourly_from })
    }

    /// Where the figures lie. At the ends of the stretch they are taken by the hour, as long as those are
    /// kept; days before that are taken as a whole.
    pub fn parts(&self) -> Parts {
        let Range { start, end } = self.hours.clone();
        let by_the_hour = Parts { days: end..end, hours: [start..end, end..end] };
        if self.grouping == Grouping::Hour || start == end {
            return by_the_hour;
        }
        let (first, head) = if start >= self.hourly_from {
            (next_day(start), start..next_day(start))
        } else {
            (day_of(start), start..start)
        };
        let (last, tail) = if day_of(end) >= self.hourly_from {
            (day_of(end), day_of(end)..end)
        } else {
            (next_day(end), end..end)
        };
        // Both ends in one day.
        if first > last { by_the_hour } else { Parts { days: first..last, hours: [head, tail] } }
    }

    /// The first moments of all buckets, those without requests included.
    fn buckets(&self) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let (end, length) = (self.hours.end, self.grouping.length());
        let first = self.grouping.bucket(self.hours.start);
        std::iter::successors(Some(first), move |bucket| Some(*bucket + length))
            .take_while(move |bucket| *bucket < end)
    }
}

fn day_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.date_naive().and_time(NaiveTime::MIN).and_utc()
}

/// The first day that begins at a time or later.
fn next_day(time: DateTime<Utc>) -> DateTime<Utc> {
    if day_of(time) == time { time } else { day_of(time) + Days::new(1) }
}

fn next_hour(time: DateTime<Utc>) -> DateTime<Utc> {
    if hour_of(time) == time { time } else { hour_of(time) + TimeDelta::hours(1) }
}

/// Requests, and how long they took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub requests: u64,
    pub latency_micros: u64,
}

impl Sum {
    /// The average in whole milliseconds, at least 1 when there is anything to average.
    pub const fn average_millis(self) -> u64 {
        if self.requests == 0 {
            return 0;
        }
        let divisor = self.requests.saturating_mul(1_000);
        let rounded = (self.latency_micros + divisor / 2) / divisor;
        if rounded == 0 { 1 } else { rounded }
    }
}

/// The figures of a stretch, as the tables add them up.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub by_bucket: BTreeMap<DateTime<Utc>, u64>,
    pub by_template: Vec<(String, Sum)>,
    pub by_status: Vec<(u16, Sum)>,
}

/// What a client used.
#[derive(Clone, Debug)]
pub struct UsageReport {
    pub grouping: Grouping,
    pub total: Sum,
    /// Answered with a status below 400.
    pub successful: u64,
    /// The busiest first.
    pub by_template: Vec<(String, Sum)>,
    /// In the order of time, without gaps.
    pub by_time: Vec<(DateTime<Utc>, u64)>,
    /// At most ten, the most frequent first.
    pub top_errors: Vec<(u16, u64)>,
}

impl UsageReport {
    pub fn new(stretch: &Stretch, figures: Figures) -> Self {
        let Figures { by_bucket, mut by_template, by_status } = figures;
        let total = by_status.iter().fold(Sum::default(), |total, (_, sum)| Sum {
            requests: total.requests + sum.requests,
            latency_micros: total.latency_micros + sum.latency_micros,
        });
        let (failed, successful): (Vec<_>, Vec<_>) =
            by_status.into_iter().partition(|(status, _)| *status >= 400);
        let mut top_errors: Vec<_> = failed.into_iter().map(|(status, sum)| (status, sum.requests)).collect();
        top_errors.sort_unstable_by_key(|(status, requests)| (u64::MAX - requests, *status));
        top_errors.truncate(TOP);
        by_template.sort_by(|(a, sum_a), (b, sum_b)| sum_b.requests.cmp(&sum_a.requests).then(a.cmp(b)));
        Self {
            grouping: stretch.grouping,
            total,
            successful: successful.iter().map(|(_, sum)| sum.requests).sum(),
            by_template,
            by_time: stretch
                .buckets()
                .map(|bucket| (bucket, by_bucket.get(&bucket).copied().unwrap_or(0)))
                .collect(),
            top_errors,
        }
    }
}

#[cfg(test)]
mod tests;
