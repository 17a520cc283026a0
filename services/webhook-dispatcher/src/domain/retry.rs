//! How a subscription of the platform family wants to be retried.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest first pause, in seconds.
pub const MAX_DELAY: u32 = 3_600;
/// The longest single pause, in seconds. With at most ten retries, and a first pause of at most
/// [`MAX_DELAY`], a schedule then ends within seven days.
const MAX_STEP: f64 = 86_400.0;

/// `retryConfig`, as it is stored as well.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryConfig {
    /// After the first attempt: 0 to 10.
    pub max_retries: u16,
    /// The pause after the first attempt, in seconds: 1 to [`MAX_DELAY`].
    pub retry_delay: u32,
    /// By how much each pause is longer than the one before: 1 to 10.
    pub backoff_multiplier: f64,
    /// For one request and its whole answer, in seconds: 1 to 30.
    pub timeout: u32,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { max_retries: 3, retry_delay: 60, backoff_multiplier: 2.0, timeout: 30 }
    }
}

impl RetryConfig {
    /// The longest pause, which must be at most a day.
    pub fn is_bounded(&self) -> bool {
        let last = i32::from(self.max_retries.saturating_sub(1));
        f64::from(self.retry_delay) * self.backoff_multiplier.powi(last) <= MAX_STEP
    }

    /// For one request and its whole answer.
    pub fn budget(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_at_most_a_day_and_a_schedule_seven() {
        let config = |max_retries, retry_delay, backoff_multiplier| RetryConfig {
            max_retries,
            retry_delay,
            backoff_multiplier,
            timeout: 30,
        };
        assert!(RetryConfig::default().is_bounded());
        assert!(!config(3, MAX_DELAY, 10.0).is_bounded());
        assert!(config(1, MAX_DELAY, 10.0).is_bounded());
        assert!(config(0, MAX_DELAY, 10.0).is_bounded());
        // The longest of all: ten pauses that grow from an hour to a day.
        let longest = config(10, MAX_DELAY, 1.423);
        assert!(longest.is_bounded());
        let whole: f64 = (0..10).map(|retry| 3_600.0 * 1.423_f64.powi(retry)).sum();
        assert!(whole < 7.0 * 86_400.0);
    }
}
