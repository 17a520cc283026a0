//! Which dead letters are meant, as it is said on the command line.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use platform::clock::Clock;
use platform_broker::dead_letters::Filter;

/// What a dead letter has to be to be meant; without any of these, every one is.
#[derive(Args, Clone, Debug, Default)]
pub struct Criteria {
    /// This message alone, by its id or by that of an event in it. Given several times: these.
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Events of this type: lead.created.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Of this organisation: its slug or id.
    #[arg(long, value_name = "ORGANIZATION")]
    tenant: Option<String>,
    /// That died at this moment or later: 2026-01-02T03:04:05Z, or 30m, 2h, 3d ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// That died before this moment.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// With this kind of failure (permanent, undecodable, panic, exhausted, delivery_limit), or with these words in
    /// the error.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
}

impl From<Criteria> for Filter {
    fn from(criteria: Criteria) -> Self {
        let Criteria { mut ids, kind, tenant, since, until, reason } = criteria;
        // One is told again by its id, several are counted.
        let id = if ids.len() == 1 { ids.pop() } else { None };
        Self { id, ids, kind, tenant, since, until, reason }
    }
}

/// A moment, or how long ago one was.
pub fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let expected = || "expected 2026-01-02T03:04:05Z, or 90s, 30m, 2h, 3d for that long ago".to_owned();
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let number: i64 = digits.parse().map_err(|_not_a_number| expected())?;
    let ago = match unit {
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    };
    let now = Clock::system().now();
    ago.filter(|ago| *ago >= TimeDelta::zero())
        .and_then(|ago| now.checked_sub_signed(ago))
        .ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago_it_was() {
        assert_eq!(
            moment("2026-01-02T04:04:05+01:00").unwrap(),
            "2026-01-02T03:04:05Z".parse::<DateTime<Utc>>().unwrap()
        );
        assert!(moment("2h").unwrap() < Clock::system().now());
        for nonsense in ["", "h", "-2h", "2w", "99999999999999999h", "yesterday", "ü"] {
            assert!(moment(nonsense).is_err(), "{nonsense}");
        }
    }
}
