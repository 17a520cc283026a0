//! `Retry-After` (RFC 9110 §10.2.3).

use chrono::{DateTime, Utc};
use std::time::Duration;

/// The longest that a receiver may ask us to wait.
const LONGEST: Duration = Duration::from_hours(24);

/// What the header asks for, in seconds or as a date; at most a day. A malformed one counts as none.
pub fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => LONGEST,
        Err(_) => {
            let date = DateTime::parse_from_rfc2822(text).ok()?.to_utc();
            (date - now).to_std().unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_wish_is_seconds_or_a_date_and_a_day_at_most() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap();
        for (text, seconds) in [
            ("60", Some(60)),
            (" 0 ", Some(0)),
            ("Sun, 22 Nov 2026 03:02:00 GMT", Some(120)),
            ("Sun, 22 Nov 2026 02:00:00 GMT", Some(0)),
            ("999999999", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
