//! Times as people read them: the moment, and how far it is from now.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use maud::{Markup, html};

/// A time, absolute and relative.
pub fn time(then: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Markup {
    let Some(then) = then else { return html! { span.muted { "–" } } };
    let shown = if then.date_naive() == now.date_naive() { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M UTC" };
    html! {
        time datetime=(then.to_rfc3339_opts(SecondsFormat::Millis, true)) {
            (then.format(shown)) " " span.muted { (relative(then, now)) }
        }
    }
}

/// How far a time is from now: `3 min ago`, `in 5 s`.
pub fn relative(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let distance = (now - then).abs();
    let length = length(distance);
    match () {
        () if distance < TimeDelta::seconds(1) => "now".to_owned(),
        () if then > now => format!("in {length}"),
        () => format!("{length} ago"),
    }
}

/// A length of time in its largest unit.
pub fn length(span: TimeDelta) -> String {
    match span {
        span if span < TimeDelta::minutes(2) => format!("{} s", span.num_seconds()),
        span if span < TimeDelta::hours(2) => format!("{} min", span.num_minutes()),
        span if span < TimeDelta::days(2) => format!("{} h", span.num_hours()),
        span => format!("{} d", span.num_days()),
    }
}

/// A count as people read it: `1,234,567`.
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::from(if number < 0 { "−" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_the_unit_that_fits_it() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(10);
        let before = |seconds| relative(now - TimeDelta::seconds(seconds), now);
        assert_eq!(
            [before(0), before(5), before(150), before(7_300), before(200_000), before(-30)],
            ["now", "5 s ago", "2 min ago", "2 h ago", "2 d ago", "in 30 s"]
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(-1_234_567)],
            ["0", "999", "1,000", "−1,234,567"]
        );
    }
}
