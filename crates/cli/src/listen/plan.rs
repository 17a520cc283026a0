//! What a listener answers, and when.

use std::time::Duration;

/// The statuses of the answers, in turn, and how long each takes.
#[derive(Clone, Debug)]
pub struct Plan {
    statuses: Vec<u16>,
    pub delay: Duration,
}

impl Plan {
    pub const fn new(statuses: Vec<u16>, delay: Duration) -> Self {
        Self { statuses, delay }
    }

    /// The status of the answer after so many others; `None` when none was asked for.
    pub fn status(&self, before: usize) -> Option<u16> {
        self.statuses.get(before).or(self.statuses.last()).copied()
    }
}

/// Reads a status that an answer can have.
pub fn status(text: &str) -> Result<u16, String> {
    let status = text.trim().parse().ok().filter(|status| (200..=599).contains(status));
    status.ok_or_else(|| "expected a status between 200 and 599".to_owned())
}

/// Reads a length of time: 500ms, 2s, 1m.
pub fn time(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 500ms, 2s or 1m".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_not_a_number| expected())?;
    let millis = match &text[digits.len()..] {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    millis.map(Duration::from_millis).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_status_is_answered_for_ever() {
        let plan = Plan::new(vec![500, 503, 200], Duration::ZERO);
        let answers: Vec<_> = (0..5).filter_map(|before| plan.status(before)).collect();
        assert_eq!(answers, [500, 503, 200, 200, 200]);
        assert_eq!(Plan::new(Vec::new(), Duration::ZERO).status(0), None);
    }

    #[test]
    fn statuses_and_times_are_read_strictly() {
        assert_eq!((status("410"), status("204")), (Ok(410), Ok(204)));
        assert!(["99", "101", "600", "ok", ""].into_iter().all(|text| status(text).is_err()));
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!((time("2s"), time("1m")), (Ok(Duration::from_secs(2)), Ok(Duration::from_mins(1))));
        assert!(["2", "s", "-1s", "2h", "1.5s", ""].into_iter().all(|text| time(text).is_err()));
    }
}
